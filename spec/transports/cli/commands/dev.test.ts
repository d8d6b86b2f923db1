import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import mqtt from 'mqtt';
import { pause, realClock } from '../../../../runtime/platform/clock.ts';
import { isThere, runReeve, startReeve, type Running } from '../../../support/command-line.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

interface Dev {
	readonly cwd: string;
	readonly dev: Running;
	readonly pidOf: (node: string) => Promise<number>;
}

async function startDev(t: TestContext): Promise<Dev> {
	const cwd = temporaryFolder(t);
	const dev = startReeve(['dev'], { cwd });
	t.after(() => dev.child.kill('SIGKILL'));
	await dev.until(/Now, in another terminal/);
	return {
		cwd,
		dev,
		async pidOf(node) {
			const words = ['describe', 'node', node, '--node', node, '-o', 'json'];
			const { stdout } = await runReeve(words, { cwd });
			return (JSON.parse(stdout) as { pid: number }[])[0]?.pid ?? 0;
		},
	};
}

/** Waits for the end of processes that are not children of this one. */
async function gone(pids: readonly number[]): Promise<void> {
	while (pids.some(isThere)) await held(pause(realClock, 20));
}

/** The clock's timers keep no process alive; a port does. */
async function held<Value>(promise: Promise<Value>): Promise<Value> {
	const server = createServer().listen(0);
	try {
		return await promise;
	} finally {
		server.close();
	}
}

test('dev starts a fleet that answers, whose broker takes no client without its login, and Ctrl-C stops all of it cleanly', async (t) => {
	const { cwd, dev, pidOf } = await startDev(t);
	const words = ['send', 'exec', '--to', 'ship1,ship2', '--', 'bash', '-c', 'echo $((6*7))'];
	const { code, stdout } = await runReeve(words, { cwd });
	assert.equal(code, 0);
	assert.equal(stdout.match(/42$/gm)?.length, 2);
	const [broker = ''] = /mqtt:\/\/\S+/.exec(await dev.until(/Broker/)) ?? [];
	const stranger = mqtt.connectAsync(broker, { reconnectPeriod: 0 });
	await assert.rejects(stranger, /Bad username or password/);
	const password = readFileSync(join(cwd, '.reeve', 'broker.password'), 'utf8').trim();
	const user = { username: 'reeve', password, reconnectPeriod: 0 };
	await (await mqtt.connectAsync(broker, user)).endAsync();
	const config = readFileSync(join(cwd, '.reeve', 'ship1', 'etc', 'config.yaml'), 'utf8');
	assert.match(config, /^signing: on$/m);
	const nodes = await runReeve(['get', 'nodes', '-o', 'json'], { cwd });
	const known = JSON.parse(nodes.stdout) as { name: string; key?: string }[];
	assert.deepEqual(
		known.map(({ name, key }) => [name, key]),
		[
			['ship1', undefined],
			['ship2', undefined],
		],
	);
	const pids = await Promise.all(['central', 'ship1', 'ship2'].map(pidOf));
	assert.ok(pids.every(isThere));
	dev.child.kill('SIGINT');
	const finished = await dev.finished;
	assert.equal(finished.code, 0);
	assert.match(finished.stdout, /Broker +mqtt:\/\/127\.0\.0\.1:\d+/);
	assert.match(finished.stdout, /^ {2}ship2 {2}ready {2}nothing to replay$/m);
	assert.deepEqual(pids.filter(isThere), []);
	assert.equal(existsSync(join(cwd, '.reeve', 'central.sock')), false);
});

test('dev gives every node the settings that it is given, such as the folder of definitions', async (t) => {
	const cwd = temporaryFolder(t);
	mkdirSync(join(cwd, 'actors'));
	const lamp = 'actor: lamp\nversion: 1\non: { TELL: { do: [{ reply: =node }] } }\n';
	writeFileSync(join(cwd, 'actors', 'lamp.yaml'), lamp);
	const dev = startReeve(['dev', '--ships', '1', '--definitionsFolder', './actors'], { cwd });
	t.after(() => dev.child.kill('SIGKILL'));
	await dev.until(/Now, in another terminal/);
	const { stdout } = await runReeve(['send', 'lamp', '--to', 'central,ship1', '--', 'TELL'], {
		cwd,
	});
	assert.match(stdout, /central/);
	assert.match(stdout, /ship1/);
	dev.child.kill('SIGINT');
	assert.equal((await dev.finished).code, 0);
	const own = await runReeve(['dev', '--nodeName', 'x'], { cwd });
	assert.equal(own.code, 2);
});

test('a ship that is killed stays away until it is started by name, and then answers', async (t) => {
	const { cwd, dev, pidOf } = await startDev(t);
	process.kill(await pidOf('ship2'), 'SIGKILL');
	await dev.until(/ship2 {2}gone \(SIGKILL\) .*reeve dev start ship2/);
	const send = startReeve(['send', 'ping', '--to', 'ship2'], { cwd });
	await send.until(/ship2 is waiting/);
	const started = await runReeve(['dev', 'start', 'ship2'], { cwd });
	assert.deepEqual([started.code, started.stderr], [0, '']);
	assert.match(started.stdout, /^ship2 {2}ready/);
	assert.equal((await send.finished).code, 0);
	const stopped = await runReeve(['dev', 'stop', 'ship2'], { cwd });
	assert.equal(stopped.stdout, 'ship2  stopped\n');
	const unknown = await runReeve(['dev', 'start', 'ship9'], { cwd });
	assert.equal(unknown.code, 3);
	assert.match(unknown.stderr, /central, ship1, ship2/);
	const second = await runReeve(['dev'], { cwd });
	assert.equal(second.code, 1);
	assert.match(second.stderr, /\(address_in_use\)/);
	dev.child.kill('SIGINT');
	assert.equal((await dev.finished).code, 0);
});

test('when dev itself is killed, nothing that it has started outlives it', async (t) => {
	const { dev, pidOf } = await startDev(t);
	const pids = await Promise.all(['central', 'ship1', 'ship2'].map(pidOf));
	dev.child.kill('SIGKILL');
	await gone(pids);
	assert.deepEqual(pids.filter(isThere), []);
});

test('a broker of which no port was asked takes a free one where the usual is taken', async (t) => {
	const cwd = temporaryFolder(t);
	const first = startReeve(['broker'], { cwd });
	const second = startReeve(['broker'], { cwd });
	t.after(() => [first, second].map(({ child }) => child.kill('SIGKILL')));
	const texts = await Promise.all([first, second].map((each) => each.until(/ready/)));
	const addresses = texts.map((text) => /mqtt:\/\/\S+/.exec(text)?.[0]);
	assert.notEqual(addresses[0], addresses[1]);
	assert.match(texts.join(''), /127\.0\.0\.1:1883 is taken by another program/);
	const listen = addresses[0]?.replace('mqtt://', '') ?? '';
	const third = await runReeve(['broker', '--listen', listen], { cwd });
	assert.equal(third.code, 1);
	assert.match(third.stderr, /\(address_in_use\)/);
	for (const { child, finished } of [first, second]) {
		child.kill('SIGTERM');
		assert.equal((await finished).code, 0);
	}
});

const demoFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('reeve-demo-'));

test('the demo loses nothing and doubles nothing, and leaves nothing behind', async (t) => {
	const cwd = temporaryFolder(t);
	const before = demoFolders();
	const { code, stdout, stderr } = await runReeve(['demo', '--messages', '60', '--json'], { cwd });
	assert.equal(code, 0, stderr);
	const { executed, interrupted, replayed, seconds, ...rest } = JSON.parse(stdout) as Record<
		string,
		number
	>;
	assert.deepEqual(rest, { sent: 60, lost: 0, doubled: 0, kills: 2 });
	assert.ok((executed ?? 0) + (interrupted ?? 0) >= 60);
	assert.ok((replayed ?? 0) > 0 && (seconds ?? 99) < 30);
	assert.deepEqual(demoFolders(), before);
});

test('a demo that is interrupted leaves no folder and no process behind', async (t) => {
	const cwd = temporaryFolder(t);
	const before = demoFolders();
	const demo = startReeve(['demo'], { cwd });
	await demo.until(/SIGKILL for ship1/);
	demo.child.kill('SIGINT');
	assert.equal((await demo.finished).code, 130);
	assert.deepEqual(demoFolders(), before);
});
