/**
 * The two-line start of a fleet: `reeve run` in two folders, and one enrolment. What stands in the
 * way of strangers is there from the first start on, without anything that a person has to set.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import mqtt from 'mqtt';
import { freePort } from '../../../support/broker.ts';
import { runReeve, startReeve } from '../../../support/command-line.ts';
import { textIn, until } from '../../../support/condition.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

const rulesTold = /access rules of the first start, in .*acl\.yaml/g;

interface Started {
	readonly cwd: string;
	readonly until: (pattern: RegExp) => Promise<string>;
	/** Runs a command in the folder of the node. */
	readonly reeve: (...words: string[]) => ReturnType<typeof runReeve>;
}

async function startIn(t: TestContext, cwd: string, words: readonly string[]): Promise<Started> {
	const node = startReeve(['run', ...words], { cwd });
	t.after(() => node.child.kill('SIGKILL'));
	await node.until(/ready/);
	return {
		cwd,
		until: (pattern) => node.until(pattern),
		reeve: (...own) => runReeve(own, { cwd }),
	};
}

async function startCentral(t: TestContext): Promise<Started & { readonly listen: string }> {
	const listen = `127.0.0.1:${await freePort()}`;
	const words = ['--nodeName', 'central', '--brokerListen', listen];
	return { ...(await startIn(t, temporaryFolder(t), words)), listen };
}

/** Starts a node with the invitation that central prints for it. */
async function startInvited(
	t: TestContext,
	central: Started & { readonly listen: string },
	name: string,
): Promise<Started & { readonly login: { username: string; password: string } }> {
	const { code, stdout, stderr } = await central.reeve('keys', 'invite', name, central.listen);
	assert.equal(code, 0, stderr);
	const cwd = temporaryFolder(t);
	mkdirSync(join(cwd, 'etc'));
	writeFileSync(join(cwd, 'etc', 'config.yaml'), stdout, { mode: 0o600 });
	const [password = ''] = /(?<=^brokerPassword: ).+/m.exec(stdout) ?? [];
	const started = await startIn(t, cwd, ['--startPubREQHello', '1']);
	return { ...started, login: { username: name, password } };
}

async function fingerprintOf({ reeve }: Started): Promise<string> {
	const { stderr } = await reeve('keys', 'show');
	return /(?<=fingerprint )[0-9a-f]{16}/.exec(stderr)?.[0] ?? '';
}

test(
	'of two machines after one acceptance, central commands the ship, which greets and reports',
	{ timeout: 240_000 },
	async (t) => {
		const central = await startCentral(t);
		const ship1 = await startInvited(t, central, 'ship1');
		for (const { cwd, until: said } of [central, ship1]) {
			assert.equal((await said(/ready/)).match(rulesTold)?.length, 1, 'told once');
			assert.match(readFileSync(join(cwd, 'etc', 'keys', 'acl.yaml'), 'utf8'), /^# Who may call/);
		}
		await central.until(/key\.pending/);
		// Nothing is lost before: the ship knows central, and its reports wait.
		const early = await central.reeve('send', 'exec', '--to', 'ship1', '--', 'echo', 'early');
		assert.deepEqual([early.code, /early/.test(early.stdout)], [0, true], early.stderr);
		const report = ['send', 'error-log', 'data=of ship1', '--to', 'central', '--detach'];
		const [id = ''] = (await ship1.reeve(...report)).stdout.trim().split(/\s+/);
		const command = ['send', 'exec', '--to', 'central', '--', 'touch', join(central.cwd, 'got-in')];
		assert.match(JSON.stringify(await ship1.reeve(...command)), /not_allowed/);
		const hello = join(central.cwd, 'data', 'hello-messages', 'ship1', 'hello.log');
		assert.equal(existsSync(hello), false);

		const print = await fingerprintOf(ship1);
		const accepted = await central.reeve('keys', 'accept', 'ship1', print);
		assert.equal(accepted.code, 0, accepted.stderr);
		const sent = await central.reeve('send', 'exec', '--to', 'ship1', '--', 'uptime');
		assert.deepEqual([sent.code, /load average|up/.test(sent.stdout)], [0, true], sent.stderr);
		await until('the greeting', () => existsSync(hello));
		const errors = join(central.cwd, 'data', 'errorLog', 'errorCentral', 'error.log');
		await until('the report', () => textIn(errors).includes('of ship1'));
		await until('its outcome', async () => {
			return /state +done/.test((await ship1.reeve('describe', 'message', id)).stdout);
		});
		const refused = await ship1.reeve(...command);
		assert.notEqual(refused.code, 0);
		assert.match(refused.stdout + refused.stderr, /not_allowed/);
		assert.equal(existsSync(join(central.cwd, 'got-in')), false);
	},
);

test(
	'a ship whose key all others have does nothing to them, by its node or its login at the broker',
	{ timeout: 240_000 },
	async (t) => {
		const central = await startCentral(t);
		const ship1 = await startInvited(t, central, 'ship1');
		const ship2 = await startInvited(t, central, 'ship2');
		const prints = { ship1: await fingerprintOf(ship1), ship2: await fingerprintOf(ship2) };
		await central.reeve('keys', 'accept', 'ship1', prints.ship1);
		// A key that is accepted here is handed on, and one that is not is accepted here, too.
		const handed = await central.reeve('keys', 'accept', 'ship1', prints.ship1, '--to', 'ship2');
		assert.equal(handed.code, 0, handed.stderr);
		assert.match(handed.stderr, /ship1 [0-9a-f]{16} is accepted here already; ship2 is told/);
		const both = await central.reeve('keys', 'accept', 'ship2', prints.ship2, '--to', 'ship1');
		assert.equal(both.code, 0, both.stderr);
		assert.match(both.stderr, /ship2 [0-9a-f]{16} is accepted here; ship1 is told/);
		const known = await ship2.reeve('keys', 'list');
		assert.match(known.stdout, new RegExp(`ship1 .*${prints.ship1}`));
		assert.match((await ship1.reeve('keys', 'list')).stdout, new RegExp(prints.ship2));
		assert.match((await central.reeve('keys', 'list')).stdout, new RegExp(prints.ship2));
		const mark = join(central.cwd, 'got-in');
		const asNode = await ship1.reeve('send', 'exec', '--to', 'ship2', '--', 'touch', mark);
		assert.match(JSON.stringify(asNode), /not_allowed/);
		for (const node of ['central', 'ship2', 'ship1']) {
			const client = await mqtt.connectAsync(`mqtt://${central.listen}`, {
				...ship1.login,
				clientId: 'reeve:ship1:tool',
				reconnectPeriod: 0,
				protocolVersion: 4,
			});
			client.on('error', () => {});
			const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
			const topic = `reeve/${node}/REQCliCommand/CommandACK`;
			const text = JSON.stringify({ methodArgs: ['touch', mark] });
			client.publishAsync(topic, text, { qos: 1 }).catch(() => {});
			await closed;
		}
		await central.until(/broker\.refused/);
		const owner = await central.reeve('send', 'exec', '--to', 'ship1,ship2', '--', 'echo', 'x');
		assert.equal(owner.code, 0, owner.stderr);
		assert.equal(existsSync(mark), false);
	},
);
