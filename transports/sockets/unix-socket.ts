/**
 * The unix socket, over which operators and programs on the same machine send messages and ask
 * questions.
 *
 * It takes steward's JSON arrays (`nc -U`), single objects, and questions (objects with a key
 * `reeve`). Each message is answered by a JSON line, in order; a question by lines with a `row`
 * each, and an `end`. After an array the node ends the connection as soon as all is answered, so
 * that `nc` returns.
 *
 * @module
 */
import { chmod, mkdir, rm, stat } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { withPrivateMask } from '../../runtime/files/atomic-file.ts';
import type { Config } from '../../runtime/config/config.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import {
	defineTransport,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';
import { serveClient, turnAway } from './client-session.ts';

/** The longest path of a socket on Linux; unix(7). */
const pathBytesMax = 107;
/** Its name in steward's errors. */
const via = 'socket';

/**
 * Removes a socket file that no process listens on. Refuses one that belongs to a running node, and
 * a file that is not a socket.
 */
async function clearPath(path: string): Promise<void> {
	const found = await stat(path).catch(() => undefined);
	if (!found) return;
	if (!found.isSocket()) throw new ReeveError('address_in_use', `${path} is no socket`);
	const answer = await new Promise<string>((done) => {
		const probe = createConnection(path, () => {
			probe.destroy();
			done('connected');
		});
		probe.once('error', (cause: NodeJS.ErrnoException) => done(cause.code ?? cause.message));
	});
	if (answer === 'ENOENT') return;
	if (answer !== 'ECONNREFUSED') {
		throw new ReeveError('address_in_use', `another node listens on ${path} (${answer})`);
	}
	await rm(path, { force: true });
}

function listening(server: Server, path: string): Promise<void> {
	return new Promise((done, fail) => {
		server.on('error', (cause: NodeJS.ErrnoException) => {
			const code = cause.code === 'EADDRINUSE' ? 'address_in_use' : 'bad_config';
			fail(new ReeveError(code, `socketFolder: ${cause.message}`, { cause }));
		});
		withPrivateMask(() => server.listen(path, done));
	});
}

/** The path of the socket of a node. */
function pathOf({ socketFolder, nodeName }: Config): string {
	const path = join(resolve(socketFolder), `${nodeName}.sock`);
	if (Buffer.byteLength(path) > pathBytesMax) {
		const detail = `socketFolder: ${path} is longer than ${pathBytesMax} bytes`;
		throw new ReeveError('bad_config', detail);
	}
	return path;
}

async function start(context: TransportContext): Promise<RunningTransport> {
	const { config, signals } = context;
	const path = pathOf(config);
	await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	await clearPath(path);
	const clients = new Set<Socket>();
	const server = createServer({ allowHalfOpen: true }, (socket) => {
		if (clients.size >= config.clientsMax) return turnAway(socket, context, { via });
		clients.add(socket);
		socket.once('close', () => clients.delete(socket));
		serveClient(socket, context, { via });
	});
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
}

/** The transport for operators and programs on the same machine; every node has it. */
export default defineTransport({
	name: 'unix-socket',
	wanted: () => true,
	check: (config) => clearPath(pathOf(config)),
	start,
});
