import assert from 'node:assert/strict';
import { existsSync, linkSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type TestContext } from 'node:test';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import type { Answer, NodeApi } from '../../../runtime/network/transport.ts';
import unixSocket from '../../../transports/sockets/unix-socket.ts';
import { createContext, createNotes, type Notes } from '../../support/transport-context.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** A node API that answers each message with its own `id`, or as it says in `refuse`. */
function echoing(): Partial<NodeApi> & { taken: Notes<unknown> } {
	const taken = createNotes<unknown>();
	return {
		taken,
		accept(raw) {
			taken.add(raw);
			const id = typeof raw === 'object' && raw && 'id' in raw ? String(raw.id) : 'none';
			return Promise.resolve([{ id, toNode: 'ship1' }]);
		},
	};
}

async function startSocket(
	t: TestContext,
	api: Partial<NodeApi> = echoing(),
	values: Parameters<typeof createContext>[0] = {},
) {
	const socketFolder = join(temporaryFolder(t), 'sockets');
	const noted = createContext({ socketFolder, ...values }, { api });
	const running = await unixSocket.start(noted.context);
	t.after(() => running.stop());
	return { ...noted, path: running.address, running, again: () => unixSocket.start(noted.context) };
}

/** A client that notes the lines it is answered, and when the other side has ended. */
function connect(t: TestContext, path: string) {
	const socket = createConnection(path);
	t.after(() => socket.destroy());
	const lines = createNotes<unknown>();
	const reader = createInterface({ input: socket }).on('error', () => {});
	reader.on('line', (line) => lines.add(JSON.parse(line)));
	const ended = new Promise((resolve) => socket.once('close', resolve));
	const connected = new Promise((resolve) => socket.once('connect', resolve));
	return { socket, lines, ended, connected };
}

const codes = (answers: readonly unknown[]) =>
	answers.map((answer) => (answer as { id?: string }).id ?? (answer as { error: string }).error);

test("steward's array is answered line by line, and then the connection is ended", async (t) => {
	const { path } = await startSocket(t);
	const { socket, lines, ended } = connect(t, path);
	// As nc -U does it: the array is written, and nothing is half-closed.
	socket.write('[{"id":"a"},\n{"id":"b"},]\n');
	await ended;
	assert.deepEqual(lines.all, [
		{ id: 'a', toNode: 'ship1' },
		{ id: 'b', toNode: 'ship1' },
	]);
});

test('a bad message in an array is refused in its place, and the others are taken', async (t) => {
	const { path, signals } = await startSocket(t, echoing(), { messageBytesMax: 1000 });
	const { socket, lines, ended } = connect(t, path);
	const large = 'x'.repeat(2000);
	socket.write(`[{"id":"a"},{"id":b},{"id":"c"},{"id":"${large}"},{"id":"e"}]`);
	await ended;
	assert.deepEqual(codes(lines.all), ['a', 'bad_json', 'c', 'too_large', 'e']);
	const counted = signals.all.filter(({ type }) => type === 'message.refused');
	assert.equal(counted.length, 2, 'both are counted and reported');
});

test('several arrays in one go are all answered before the connection is ended', async (t) => {
	const { path } = await startSocket(t);
	const { socket, lines, ended } = connect(t, path);
	socket.write('[{"id":"a"}]\n[{"id":"b"}]\n');
	await ended;
	assert.deepEqual(codes(lines.all), ['a', 'b']);
});

test('single objects are answered while the connection stays open', async (t) => {
	const { path } = await startSocket(t);
	const { socket, lines, ended } = connect(t, path);
	socket.write('{"id":"a"}\n');
	await lines.count(1);
	socket.write('{"id":"b"}\0{"id":"c"}');
	await lines.count(3);
	socket.end();
	await ended;
	assert.deepEqual(codes(lines.all), ['a', 'b', 'c']);
});

test('answers keep the order of the messages, whichever is on disk first', async (t) => {
	const releases: (() => void)[] = [];
	const accept = (raw: unknown): Promise<readonly Answer[]> =>
		new Promise((resolve) => {
			const { id } = raw as { id: string };
			releases.push(() => resolve([{ id, toNode: 'ship1' }]));
			if (releases.length === 3) for (const release of releases.toReversed()) release();
		});
	const { path } = await startSocket(t, { accept });
	const { socket, lines, ended } = connect(t, path);
	socket.write('[{"id":"a"},{"id":"b"},{"id":"c"}]');
	await ended;
	assert.deepEqual(codes(lines.all), ['a', 'b', 'c']);
});

test('a message for several receivers has an answer for each', async (t) => {
	const accept = () => Promise.resolve(['a', 'b'].map((id) => ({ id, toNode: 'ship1' })));
	const { path } = await startSocket(t, { accept });
	const { socket, lines, ended } = connect(t, path);
	socket.write('[{}]');
	await ended;
	assert.deepEqual(codes(lines.all), ['a', 'b']);
});

test('a question is answered with its rows and an end', async (t) => {
	const asked: unknown[] = [];
	const ask: NodeApi['ask'] = async function* ask(question) {
		asked.push(question);
		await Promise.resolve();
		yield { name: 'ship1' };
		yield { name: 'ship2' };
	};
	const { path } = await startSocket(t, { ...echoing(), ask });
	const { socket, lines } = connect(t, path);
	socket.write('{"reeve":"nodes"}\n{"id":"a"}\n');
	await lines.count(4);
	assert.deepEqual(asked, [{ reeve: 'nodes' }]);
	assert.deepEqual(lines.all, [
		{ row: { name: 'ship1' } },
		{ row: { name: 'ship2' } },
		{ end: true },
		{ id: 'a', toNode: 'ship1' },
	]);
});

test('a question that is none is refused, and the next one is answered', async (t) => {
	const ask: NodeApi['ask'] = async function* ask(question) {
		await Promise.resolve();
		if ((question as { reeve: string }).reeve === 'why') throw new ReeveError('bad_message', 'why');
		yield 1;
	};
	const { path } = await startSocket(t, { ask });
	const { socket, lines } = connect(t, path);
	socket.write('{"reeve":"why"}{"reeve":"nodes"}');
	const all = await lines.count(3);
	assert.deepEqual(codes(all.slice(0, 1)), ['bad_message']);
	assert.deepEqual(all.slice(1), [{ row: 1 }, { end: true }]);
});

test('a question that goes on ends when its client hangs up', async (t) => {
	const raised = createNotes<true>();
	const ask: NodeApi['ask'] = async function* ask(_question, signal) {
		yield 1;
		await new Promise((resolve) => signal.addEventListener('abort', resolve));
		raised.add(true);
	};
	const { path } = await startSocket(t, { ask });
	const { socket, lines } = connect(t, path);
	socket.write('{"reeve":"watch"}');
	await lines.count(1);
	socket.destroy();
	await raised.first();
});

test('a client that hangs up in mid-message is reported, and the node lives on', async (t) => {
	const { path, signals, context } = await startSocket(t);
	const { socket } = connect(t, path);
	socket.write('[{"id":"a"},{"id":"b"');
	socket.write('', () => socket.destroy());
	const cut = await signals.first(({ type }) => type === 'message.refused');
	assert.ok(cut.type === 'message.refused' && cut.code === 'connection_cut');
	const next = connect(t, path);
	next.socket.write('[{"id":"c"}]');
	await next.ended;
	assert.deepEqual(codes(next.lines.all), ['c']);
	assert.equal(context.signals.counts()['message.refused'], 1, 'it is counted once');
});

test('a client that half-closes in mid-message gets the error that it was cut', async (t) => {
	const { path, context } = await startSocket(t);
	const { socket, lines, ended } = connect(t, path);
	socket.end('[{"id":"a"},{"id":"b"');
	await ended;
	assert.deepEqual(codes(lines.all), ['a', 'connection_cut']);
	assert.equal(context.signals.counts()['message.refused'], 1);
});

test('a message of ten megabytes is refused, the ones around it are taken', async (t) => {
	const { path } = await startSocket(t);
	const { socket, lines, ended } = connect(t, path);
	socket.write('[{"id":"a"},{"id":"');
	for (let megabyte = 0; megabyte < 10; megabyte += 1) socket.write('x'.repeat(1_000_000));
	socket.write('"},{"id":"c"}]');
	await ended;
	assert.deepEqual(codes(lines.all), ['a', 'too_large', 'c']);
});

test('a message just below the limit is taken', async (t) => {
	const api = echoing();
	const { path } = await startSocket(t, api);
	const { socket, lines, ended } = connect(t, path);
	socket.write(`[{"id":"a","data":"${'x'.repeat(4_194_000)}"}]`);
	await ended;
	assert.deepEqual(codes(lines.all), ['a']);
});

test('a client above clientsMax is refused with the reason, until another one leaves', async (t) => {
	const { path, context } = await startSocket(t);
	const clients = Array.from({ length: context.config.clientsMax }, () => connect(t, path));
	assert.equal(clients.length, 256);
	for (const { socket, lines } of clients) {
		socket.write('{"id":"a"}');
		await lines.count(1);
	}
	const late = connect(t, path);
	await late.ended;
	assert.deepEqual(codes(late.lines.all), ['too_many_clients']);
	clients[0]?.socket.end();
	await clients[0]?.ended;
	const next = connect(t, path);
	next.socket.write('{"id":"b"}');
	await next.lines.count(1);
	assert.deepEqual(codes(next.lines.all), ['b']);
});

/** Resolves when `socket` has taken no more bytes for some turns of the loop. */
async function stuck(socket: Socket): Promise<void> {
	for (let quiet = 0, before = -1; quiet < 200; quiet += 1) {
		await new Promise((resolve) => setImmediate(resolve));
		if (socket.bytesWritten - socket.writableLength !== before) quiet = 0;
		before = socket.bytesWritten - socket.writableLength;
	}
}

test('a client that never reads its answers is no longer read from', async (t) => {
	const api = echoing();
	const { path, context } = await startSocket(t, api);
	const { answersWaitingMax } = context.config;
	const socket = createConnection(path);
	t.after(() => socket.destroy());
	socket.pause();
	const message = `{"id":"${'x'.repeat(1000)}"}\n`;
	const total = 20_000;
	for (let sent = 0; sent < total; sent += 1) socket.write(message);
	await stuck(socket);
	const heard = api.taken.all.length;
	assert.ok(heard > 0 && heard < total / 2, `${heard} of ${total} were taken`);
	const unread = `${answersWaitingMax} answers, and what the system's own buffers hold`;
	assert.ok(heard < answersWaitingMax + 2000, `${heard} is more than ${unread}`);
	// As soon as it reads, all the rest is taken and answered.
	const lines = createNotes<unknown>();
	createInterface({ input: socket }).on('line', (line) => lines.add(line));
	await lines.count(total);
	assert.equal(api.taken.all.length, total);
});

test('the rows of an answer wait for a client that does not read', async (t) => {
	let rows = 0;
	const ask: NodeApi['ask'] = async function* ask() {
		for (; rows < 100_000; rows += 1) {
			await Promise.resolve();
			yield 'x'.repeat(1000);
		}
	};
	const { path } = await startSocket(t, { ask });
	const socket = createConnection(path);
	t.after(() => socket.destroy());
	socket.pause();
	await new Promise((resolve) => socket.write('{"reeve":"messages"}', resolve));
	let before = -1;
	for (let quiet = 0; quiet < 200; quiet += 1) {
		await new Promise((resolve) => setImmediate(resolve));
		if (rows !== before || rows === 0) quiet = 0;
		before = rows;
	}
	assert.ok(rows < 2000, `${rows} rows were made`);
});

test('a socket file without a listener is taken over', async (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'central.sock');
	// A process that was killed leaves its file; closing removes it, so it is put back by a link.
	const dead = createServer().listen(path);
	await new Promise((resolve) => dead.once('listening', resolve));
	linkSync(path, join(folder, 'kept'));
	await new Promise((resolve) => dead.close(resolve));
	linkSync(join(folder, 'kept'), path);
	assert.ok(existsSync(path));
	await startSocket(t, echoing(), { socketFolder: folder });
	const { socket, lines, ended } = connect(t, path);
	socket.write('[{"id":"a"}]');
	await ended;
	assert.deepEqual(codes(lines.all), ['a']);
});

test('a socket on which a node lives is not taken over', async (t) => {
	const { path, again } = await startSocket(t);
	await assert.rejects(again(), { name: 'ReeveError', code: 'address_in_use' });
	const { socket, lines, ended } = connect(t, path);
	socket.write('[{"id":"a"}]');
	await ended;
	assert.deepEqual(codes(lines.all), ['a'], 'the living one is untouched');
});

test('a file that is no socket is left alone', async (t) => {
	const socketFolder = temporaryFolder(t);
	const path = join(socketFolder, 'central.sock');
	writeFileSync(path, 'precious');
	const { context } = createContext({ socketFolder });
	await assert.rejects(unixSocket.start(context), { code: 'address_in_use' });
	assert.equal(readFileSync(path, 'utf8'), 'precious');
});

test('a path that the system would cut is refused with its length', async (t) => {
	const socketFolder = join(temporaryFolder(t), 'x'.repeat(100));
	const { context } = createContext({ socketFolder });
	await assert.rejects(unixSocket.start(context), { code: 'bad_config', message: /107 bytes/ });
	assert.equal(existsSync(socketFolder), false, 'nothing was created');
});

test('only the owner may use the socket', async (t) => {
	const { path } = await startSocket(t);
	assert.equal(statSync(path).mode & 0o777, 0o600);
	assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
});

test('a stop disconnects all clients and removes the file, and the socket can be started again', async (t) => {
	const { path, running, again } = await startSocket(t);
	const { connected, ended } = connect(t, path);
	await connected;
	await running.stop();
	await ended;
	assert.equal(existsSync(path), false);
	const next = await again();
	assert.equal(next.address, path);
	await next.stop();
});
