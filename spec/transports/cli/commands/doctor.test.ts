import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { runReeve, startReeve } from '../../../support/command-line.ts';
import { programWords } from '../../../support/program.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

interface Finding {
	readonly name: string;
	readonly state: string;
	readonly what: string;
}

test('the checkup shows the clock, and warns of one that a test has moved', async (t) => {
	const cwd = temporaryFolder(t);
	writeFileSync(join(cwd, 'offset'), '-86400000');
	const env = { REEVE_NODE_NAME: 'central', REEVE_BROKER_LISTEN: '' };
	const clock = async (): Promise<Finding | undefined> => {
		const { stdout } = await runReeve(['doctor', '-o', 'json'], { cwd, env });
		const findings = JSON.parse(stdout) as readonly Finding[];
		return findings.find(({ name }) => name === 'clock');
	};
	assert.equal((await clock())?.state, 'ok');
	const node = startReeve(['dev'], { cwd, env: { ...env, REEVE_CLOCK_OFFSET_FILE: 'offset' } });
	t.after(() => node.child.kill('SIGKILL'));
	await node.until(/ready/);
	const found = await clock();
	assert.equal(found?.state, 'warning');
	assert.match(found.what, /-86400000 ms, for tests/);
});

test('a wait without end: a broker that accepts connections and says nothing is told', async (t) => {
	const cwd = temporaryFolder(t);
	const open = new Set<Socket>();
	let answer: Buffer | undefined;
	const server = createServer((socket) => {
		open.add(socket.on('error', () => undefined));
		socket.on('data', () => void (answer && socket.write(answer)));
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		for (const socket of open) socket.destroy();
		server.close();
	});
	const { port } = server.address() as AddressInfo;
	const at = `127.0.0.1:${port}`;
	const env = { REEVE_NODE_NAME: 'central', REEVE_BROKER_ADDRESS: at, REEVE_CHECKUP_MS: '300' };
	const broker = async (): Promise<Finding | undefined> => {
		const { stdout } = await runReeve(['doctor', '-o', 'json'], { cwd, env });
		const findings = JSON.parse(stdout) as readonly Finding[];
		return findings.find(({ name }) => name === 'broker');
	};
	const silent = await broker();
	const what = `${at}: it accepts connections, but does not answer MQTT in 300 ms`;
	assert.deepEqual([silent?.state, silent?.what], ['failed', what]);
	// A CONNACK that refuses is an answer.
	answer = Buffer.from([0x20, 2, 0, 5]);
	assert.deepEqual([(await broker())?.state, (await broker())?.what], ['ok', at]);
});

const isRoot = process.getuid?.() === 0;
const apart = ['-p', '-f', '--kill-child', ...(isRoot ? [] : ['-r'])];
const canBeFirst = spawnSync('unshare', [...apart, 'true']).status === 0;

test(
	'process 1: a node and the checkup say what to start it below',
	{ skip: canBeFirst ? false : 'unshare cannot start a process 1 here', timeout: 60_000 },
	async (t) => {
		const cwd = temporaryFolder(t);
		const own = { REEVE_NODE_NAME: 'central', REEVE_BROKER_ADDRESS: '127.0.0.1:9' };
		const env = { ...process.env, ...own };
		const finding = async (): Promise<Finding | undefined> => {
			const { stdout } = await runReeve(['doctor', '-o', 'json'], { cwd, env: own });
			const findings = JSON.parse(stdout) as readonly Finding[];
			return findings.find(({ name }) => name === 'process');
		};
		assert.equal((await finding())?.state, 'ok');
		const node = spawn('unshare', [...apart, ...programWords(), 'run'], { cwd, env });
		t.after(() => void node.kill('SIGKILL'));
		let log = '';
		node.stderr.on('data', (chunk) => (log += String(chunk)));
		await once(node.stdout, 'data');
		assert.match(log, /"what":"it is process 1.*docker run --init.*init\.missing/);
		assert.equal((await finding())?.state, 'warning');
	},
);

test('a node is refused whose clock a test moves by no number', async (t) => {
	const cwd = temporaryFolder(t);
	const env = { REEVE_NODE_NAME: 'central', REEVE_CLOCK_OFFSET_FILE: 'nowhere' };
	const { code, stderr } = await runReeve(['dev'], { cwd, env });
	assert.notEqual(code, 0);
	assert.match(stderr, /bad_config[^]*REEVE_CLOCK_OFFSET_FILE/);
});
