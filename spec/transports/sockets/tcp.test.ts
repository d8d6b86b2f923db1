import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type TestContext } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { configOf } from '../../../runtime/config/config.ts';
import type { NodeApi } from '../../../runtime/network/transport.ts';
import tcp from '../../../transports/sockets/tcp.ts';
import { missing } from '../../support/broker.ts';
import { createCertificates } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { createContext, createNotes } from '../../support/transport-context.ts';

const token = 'a-token-of-enough-length';
/** Each test waits for what a server does, which may be nothing. */
const bounded = { timeout: 20_000 };

function tokenFile(t: TestContext): string {
	const path = join(temporaryFolder(t), 'token');
	writeFileSync(path, `${token}\n`);
	return path;
}

async function startTcp(
	t: TestContext,
	values: Parameters<typeof createContext>[0] = {},
	clock?: ReturnType<typeof steppedClock>,
) {
	const taken = createNotes<unknown>();
	const accept: NodeApi['accept'] = (raw, via) => {
		taken.add({ raw, via });
		return Promise.resolve([{ id: String(Reflect.get(Object(raw), 'id')), toNode: 'ship1' }]);
	};
	const ask: NodeApi['ask'] = async function* ask() {
		await Promise.resolve();
		yield { name: 'ship1' };
	};
	const config = { tcpListener: '127.0.0.1:0', listenerLogin: false, ...values };
	const noted = createContext(config, { api: { accept, ask }, ...(clock ? { clock } : {}) });
	const running = await tcp.start(noted.context);
	t.after(() => running.stop());
	return { ...noted, running, taken, port: Number(running.address.split(':').at(-1)) };
}

function talk(t: TestContext, socket: Socket) {
	t.after(() => socket.destroy());
	const lines = createNotes<Record<string, unknown>>();
	socket.on('error', () => {});
	const reader = createInterface({ input: socket });
	reader.on('error', () => {});
	reader.on('line', (line) => lines.add(JSON.parse(line) as Record<string, unknown>));
	const ended = new Promise((resolve) => socket.once('close', resolve));
	return { socket, lines, ended };
}

const connect = (t: TestContext, port: number) => talk(t, createConnection(port, '127.0.0.1'));

test(
	"steward's array is answered over TCP as on the unix socket, and the connection ended",
	bounded,
	async (t) => {
		const { port, taken } = await startTcp(t);
		const { socket, lines, ended } = connect(t, port);
		socket.write('[{"id":"a"},\n{"id":"b"},]\n');
		await ended;
		assert.deepEqual(
			lines.all.map(({ id }) => id),
			['a', 'b'],
		);
		assert.deepEqual(taken.all[0], { raw: { id: 'a' }, via: 'tcp listener' });
	},
);

test('questions are answered with rows', bounded, async (t) => {
	const { port } = await startTcp(t);
	const { socket, lines } = connect(t, port);
	socket.write(' \n{"reeve":"nodes"}');
	await lines.count(2);
	assert.deepEqual(lines.all, [{ row: { name: 'ship1' } }, { end: true }]);
});

test('it is off unless it is asked for', bounded, () => {
	assert.equal(tcp.wanted(configOf()), false);
	assert.equal(tcp.wanted(configOf({ tcpListener: '127.0.0.1:0' })), true);
});

test(
	'what others can reach is refused without a token or client certificates, before the start',
	bounded,
	async (t) => {
		for (const tcpListener of ['0.0.0.0:0', ':0', '10.1.2.3:8000', '[::]:0']) {
			const values = { tcpListener, listenerLogin: false };
			const config = configOf(values);
			await assert.rejects(async () => tcp.check?.(config), { code: 'unguarded' });
			await assert.rejects(tcp.start(createContext(values).context), { code: 'unguarded' });
		}
		const guarded = configOf({ tcpListener: ':0', listenerTokenFile: tokenFile(t) });
		await tcp.check?.(guarded);
		// TLS shows a client who the server is, and not the other way round.
		const pem = join(temporaryFolder(t), 'pem');
		writeFileSync(pem, '-----BEGIN CERTIFICATE-----\n');
		const tls = { tcpListener: ':0', listenerTlsCert: pem, listenerTlsKey: pem };
		const config = configOf({ ...tls, listenerLogin: false });
		await assert.rejects(async () => tcp.check?.(config), { code: 'unguarded' });
		await tcp.check?.(configOf({ ...tls, listenerLogin: false, listenerTlsClientCA: pem }));
		const { port } = await startTcp(t, { tcpListener: ':0', listenerTokenFile: tokenFile(t) });
		assert.ok(port > 0);
	},
);

test(
	'an address that is none, and a token that is too short, are errors of the configuration',
	bounded,
	async (t) => {
		for (const tcpListener of ['7000', 'host', 'a:70000', 'x y:1']) {
			await assert.rejects(
				async () => tcp.check?.(configOf({ tcpListener, listenerLogin: false })),
				{
					code: 'bad_config',
					detail: /tcpListener/,
				},
			);
		}
		const path = join(temporaryFolder(t), 'short');
		writeFileSync(path, 'short');
		const config = configOf({ tcpListener: ':0', listenerTokenFile: path });
		await assert.rejects(async () => tcp.check?.(config), { code: 'bad_config' });
	},
);

test(
	'a token or a certificate that no client could satisfy is an error of the configuration',
	bounded,
	async (t) => {
		const folder = temporaryFolder(t);
		const file = (name: string, content: string | Buffer) => {
			writeFileSync(join(folder, name), content);
			return join(folder, name);
		};
		const wide = file('wide', Buffer.from(`${token}\r\n`, 'utf16le'));
		const none = file('none', 'no certificate');
		const files = [{ listenerTokenFile: wide }, { listenerTlsCert: none, listenerTlsKey: none }];
		for (const values of files) {
			const tcpListener = '127.0.0.1:0';
			const config = configOf({ tcpListener, listenerLogin: false, ...values });
			await assert.rejects(async () => tcp.check?.(config), {
				code: 'bad_config',
				detail: /^listener(?:TokenFile: .*UTF-16|TlsCert: .*not PEM)/,
			});
		}
	},
);

test(
	'with a token, the first line lets a client in; nothing is taken of one without it',
	bounded,
	async (t) => {
		const { port, taken, signals } = await startTcp(t, { listenerTokenFile: tokenFile(t) });
		const good = connect(t, port);
		good.socket.write(`{"token":"${token}"}\n[{"id":"a"}]`);
		await good.ended;
		assert.deepEqual(
			good.lines.all.map(({ id }) => id),
			['a'],
		);
		for (const text of ['[{"id":"b"}]', '{"token":"wrong"}{"id":"b"}', '{"reeve":"nodes"}']) {
			const bad = connect(t, port);
			bad.socket.write(text);
			await bad.ended;
			assert.deepEqual(
				bad.lines.all.map(({ error }) => error),
				['unauthorized'],
			);
		}
		assert.equal(taken.all.length, 1);
		const refused = signals.all.filter(({ type }) => type === 'message.refused');
		assert.equal(refused.length, 3, 'each is counted and reported');
	},
);

test('an HTTP request of a browser is refused', bounded, async (t) => {
	const { port, taken } = await startTcp(t);
	const { socket, lines, ended } = connect(t, port);
	socket.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n{"id":"a"}\n[{"id":"b"}]\n');
	await ended;
	assert.deepEqual(
		lines.all.map(({ error }) => error),
		['bad_json'],
	);
	assert.deepEqual(taken.all, []);
});

test(
	'a client that sends nothing, or no token, is disconnected after a while',
	bounded,
	async (t) => {
		const clock = steppedClock(7);
		const { port } = await startTcp(t, { listenerTokenFile: tokenFile(t) }, clock);
		const silent = connect(t, port);
		const slow = connect(t, port);
		const good = connect(t, port);
		slow.socket.write('{"tok');
		good.socket.write(`{"token":"${token}"}{"id":"a"}`);
		await good.lines.count(1);
		while (clock.pending() < 2) await new Promise((resolve) => setImmediate(resolve));
		await clock.advance(30_000);
		await Promise.all([silent.ended, slow.ended]);
		assert.equal(good.socket.destroyed, false);
	},
);

test(
	'a client that leaves before it has sent anything is disconnected at once',
	bounded,
	async (t) => {
		const { port, taken } = await startTcp(t, {}, steppedClock(7));
		const early = connect(t, port);
		early.socket.end();
		await early.ended;
		assert.deepEqual(taken.all, []);
	},
);

test('a client above the limit is refused with the reason', bounded, async (t) => {
	const { port } = await startTcp(t, { clientsMax: 1 });
	const first = connect(t, port);
	first.socket.write('{"id":"a"}');
	await first.lines.count(1);
	const second = connect(t, port);
	await second.ended;
	assert.equal(second.lines.all[0]?.['error'], 'too_many_clients');
});

test(
	'with TLS, a client needs a certificate of the root that was named',
	{ ...bounded, skip: missing('openssl') },
	async (t) => {
		const { server, root, asClient } = createCertificates(t);
		const { port, taken } = await startTcp(t, {
			tcpListener: '127.0.0.1:0',
			listenerTlsCert: server.cert,
			listenerTlsKey: server.key,
			listenerTlsClientCA: root,
		});
		const good = talk(t, connectTls({ ...asClient, port, host: '127.0.0.1' }));
		good.socket.write('[{"id":"a"}]');
		await good.ended;
		assert.equal(good.lines.all[0]?.['id'], 'a');
		const { ca } = asClient;
		const stranger = talk(t, connectTls({ ca, port, host: '127.0.0.1' }));
		stranger.socket.write('[{"id":"b"}]');
		await stranger.ended;
		const plain = connect(t, port);
		plain.socket.write('[{"id":"c"}]');
		await plain.ended;
		assert.equal(taken.all.length, 1);
	},
);

test('a stop leaves no connection and no listener behind', bounded, async (t) => {
	const { port, running } = await startTcp(t);
	const client = connect(t, port);
	client.socket.write('{"id":"a"}');
	await client.lines.count(1);
	await running.stop();
	await client.ended;
	const late = createConnection(port, '127.0.0.1');
	const error = await new Promise<NodeJS.ErrnoException>((resolve) => late.once('error', resolve));
	assert.equal(error.code, 'ECONNREFUSED');
});
