/**
 * The unix socket: how people and programs on the same machine hand in messages and ask questions.
 *
 * It takes steward's JSON arrays (`nc -U`), single objects, and questions (objects with a key `reeve`).
 * Each message is answered by a JSON line, in order; a question by lines with a `row` each, and an
 * `end`. After an array has been answered the connection is ended, so that `nc` returns.
 *
 * @module
 */
import { chmod, mkdir, rm, stat } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { asReeveError, errorTable, ReeveError } from '../runtime/errors.ts';
import { defineTransport, type Answer, type Door, type TransportContext } from '../runtime/wire.ts';
import { createFraming, type Framed } from './framing.ts';

/** The longest path that Linux takes for a socket; unix(7). */
const pathBytesMax = 107;
/** Answers that may be under way for one client before its input is paused. */
const answersMax = 1000;

/** Serves one client until it goes, or its array is answered. */
function serve(socket: Socket, { door, config }: TransportContext): void {
	const framing = createFraming(config.messageBytesMax);
	const leaving = new AbortController();
	let line: Promise<void> = Promise.resolve();
	let waiting = 0;

	const write = (value: unknown): void => {
		if (!socket.destroyed) socket.write(`${JSON.stringify(value)}\n`);
	};
	const inOrder = (work: () => Promise<void>): void => {
		waiting += 1;
		if (waiting >= answersMax) socket.pause();
		line = line
			.then(work)
			.catch((thrown: unknown) => write(errorOf(thrown)))
			.finally(() => {
				waiting -= 1;
				if (waiting < answersMax) socket.resume();
			});
	};
	const handle = (framed: Framed): void => {
		if (framed.type === 'array_end') {
			inOrder(async () => void socket.end());
			return;
		}
		if (framed.type === 'error') {
			const { code, detail } = framed.error;
			const answer = door.refuse(code, detail, 'socket');
			inOrder(async () => write(answer));
			return;
		}
		if (isQuestion(framed.value)) {
			const { value } = framed;
			inOrder(() => answer(door, value, { write, signal: leaving.signal }));
			return;
		}
		const answers: Promise<readonly Answer[]> = door.accept(framed.value, 'socket');
		inOrder(async () => {
			for (const each of await answers) write(each);
		});
	};
	socket.on('data', (chunk) => {
		for (const framed of framing.push(chunk)) handle(framed);
	});
	socket.on('end', () => {
		for (const framed of framing.end()) handle(framed);
		inOrder(async () => void socket.end());
	});
	socket.on('error', () => leaving.abort());
	socket.on('close', () => {
		leaving.abort();
		for (const framed of framing.end()) handle(framed);
	});
}

function isQuestion(value: unknown): boolean {
	return typeof value === 'object' && value !== null && 'reeve' in value;
}

async function answer(
	door: Door,
	question: unknown,
	to: { write: (value: unknown) => void; signal: AbortSignal },
): Promise<void> {
	for await (const row of door.ask(question, to.signal)) to.write({ row });
	to.write({ end: true });
}

function errorOf(thrown: unknown): object {
	const { code, detail } = asReeveError(thrown);
	return { error: code, detail, hint: errorTable[code].hint };
}

/** Removes a socket file that nobody answers on; one that is answered belongs to a living node. */
async function clearPath(path: string): Promise<void> {
	const found = await stat(path).catch(() => undefined);
	if (!found) return;
	const isAlive = await new Promise<boolean>((done) => {
		const probe = createConnection(path, () => {
			probe.destroy();
			done(true);
		});
		probe.once('error', () => done(false));
	});
	if (isAlive) throw new ReeveError('address_in_use', `another node listens on ${path}`);
	await rm(path, { force: true });
}

function listening(server: Server, path: string): Promise<void> {
	return new Promise((done, fail) => {
		server.once('error', fail);
		server.listen(path, done);
	});
}

export default defineTransport({
	name: 'unix-socket',
	wanted: () => true,
	async start(context) {
		const { config, signals, node } = context;
		const folder = resolve(config.socketFolder);
		const path = join(folder, `${node}.sock`);
		if (Buffer.byteLength(path) > pathBytesMax) {
			throw new ReeveError(
				'bad_config',
				`socketFolder: ${path} is longer than ${pathBytesMax} bytes`,
			);
		}
		await mkdir(folder, { recursive: true, mode: 0o700 });
		await clearPath(path);
		const clients = new Set<Socket>();
		const server = createServer({ allowHalfOpen: true }, (socket) => {
			clients.add(socket);
			socket.once('close', () => clients.delete(socket));
			serve(socket, context);
		});
		server.maxConnections = config.clientsMax;
		await listening(server, path);
		await chmod(path, 0o600);
		signals.emit('transport.up', { transport: 'unix-socket', address: path });
		return {
			address: path,
			async stop() {
				const closed = new Promise((done) => server.close(done));
				for (const client of clients) client.destroy();
				await closed;
			},
		};
	},
});
