import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dns from 'node:dns';
import { once } from 'node:events';
import { connect, getDefaultAutoSelectFamilyAttemptTimeout, type Socket } from 'node:net';
import process from 'node:process';
import test, { mock } from 'node:test';
import { realClock } from '../../runtime/platform/clock.ts';
import { configOf } from '../../runtime/config/config.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import type { LookupAddress } from 'node:dns';
import mqtt from '../../transports/mqtt/mqtt.ts';
import { createMethodRunner } from '../support/method-call.ts';
import { startLocalNode } from '../support/local-nodes.ts';
import { createContext } from '../support/transport-context.ts';
import { startBroker } from '../../transports/mqtt/embedded-broker.ts';
import type { TestScope } from '../support/temporary.ts';

const timeout = 60_000;
/** A name with an address that is slow and one that cannot be reached. */
const both: LookupAddress[] = [
	{ address: '127.0.0.1', family: 4 },
	{ address: '::1', family: 6 },
];

function resolveAll(t: TestScope): void {
	const lookup = (...given: readonly unknown[]) => {
		const done = given.at(-1) as (error: null, addresses: LookupAddress[]) => void;
		done(null, both);
	};
	const mocked = mock.method(dns, 'lookup', lookup as typeof dns.lookup);
	t.after(() => mocked.mock.restore());
}

/** A web server that stands still with a full queue, so that the first SYN of a client is lost. */
async function startSlowServer(t: TestScope) {
	const code = `
		const { createServer } = require('node:net');
		const answer = 'HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\nhi';
		const server = createServer((socket) => {
			socket.on('error', () => socket.destroy());
			socket.on('data', () => socket.end(answer));
		});
		server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
			console.log(server.address().port);
		});`;
	const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
	t.after(() => void child.kill('SIGKILL'));
	const [port] = await once(child.stdout, 'data');
	child.kill('SIGSTOP');
	const fillers: Socket[] = Array.from({ length: 6 }, () => {
		const socket = connect(Number(port), '127.0.0.1');
		return socket.on('error', () => socket.destroy());
	});
	await Promise.race(fillers.map((socket) => once(socket, 'connect')));
	const goOn = (): void => {
		child.kill('SIGCONT');
		for (const socket of fillers) socket.destroy();
	};
	return { url: `http://some.name:${Number(port)}/`, goOn };
}

test(
	'latency: a page is fetched although the first SYN to one of two addresses is lost',
	{ timeout },
	async (t) => {
		const broker = await startBroker('127.0.0.1:0');
		t.after(() => broker.stop());
		const before = getDefaultAutoSelectFamilyAttemptTimeout();
		await startLocalNode(t, { name: 'central', broker: broker.address });
		assert.ok(before < configOf().connectAttemptMs);
		assert.equal(getDefaultAutoSelectFamilyAttemptTimeout(), configOf().connectAttemptMs);
		const { url, goOn } = await startSlowServer(t);
		resolveAll(t);
		realClock.after(600, goOn);
		const output = await createMethodRunner(t).run('REQHttpGet', { methodArgs: [url] });
		assert.equal(output?.data, 'hi');
	},
);

test('latency: an error names the reason of each address', { timeout }, async (t) => {
	// The timers of a clock keep no process alive; this does.
	const vigil = await startBroker('127.0.0.1:0');
	t.after(() => vigil.stop());
	resolveAll(t);
	const noted = createContext({ brokerAddress: 'mqtt://some.name:9' });
	const running = await mqtt.start(noted.context);
	t.after(() => running.stop());
	const why = await noted.link.first();
	assert.match(why, /127\.0\.0\.1:9.*::1:9/);
	const methodArgs = ['http://some.name:2/'];
	await assert.rejects(createMethodRunner(t).run('REQHttpGet', { methodArgs }), (thrown) => {
		assert.match(asReeveError(thrown).detail, /127\.0\.0\.1:2.*::1:2/);
		return true;
	});
});
