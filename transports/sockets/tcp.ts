/**
 * The TCP listener, as steward has it: the same frames as on the unix socket, over TCP or TLS. It
 * is off unless `tcpListener` says where to listen. Beyond this machine it needs a token, which is
 * the first line that a client sends (`{"token":"..."}`), or TLS with client certificates.
 *
 * @module
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { ReeveError } from '../../runtime/platform/errors.ts';
import {
	defineTransport,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';
import { serveClient, turnAway } from './client-session.ts';
import { isToken, listenAt, readGuard, readListenAddress, type Guard } from './listen-address.ts';

/** What steward calls it in its errors. */
const via = 'tcp listener';
/** Within this time a client must have begun, and have shown its token if one is asked for. */
const greetingMsMax = 30_000;

/** Lets a client in by its first value: with a token, it must be that. */
function greetWith(token: string | undefined): (value: unknown) => boolean {
	return (value) => {
		const given = typeof value === 'object' && value !== null && Reflect.get(value, 'token');
		if (token === undefined) return false;
		if (isToken(given, token)) return true;
		throw new ReeveError('unauthorized', 'no token, or another one');
	};
}

/**
 * Looks at the first bytes. A browser can be made to send anything to a port of its own machine,
 * but only behind the head of an HTTP request; so a client whose first word is no JSON is not
 * listened to.
 */
function refuseStrangers(socket: Socket, { api }: TransportContext, welcome: () => void): void {
	socket.once('data', (chunk: Buffer) => {
		const [first] = chunk
			.subarray(0, 64)
			.toString('latin1')
			.replaceAll(/[\s\0]/g, '');
		if (first === undefined || first === '{' || first === '[') {
			socket.pause();
			socket.unshift(chunk);
			welcome();
			socket.resume();
			return;
		}
		const refusal = api.refuse('bad_json', 'the first word is no JSON', via);
		socket.end(`${JSON.stringify(refusal)}\n`, () => socket.destroy());
	});
}

function createListener({ tls }: Guard, take: (socket: Socket) => void): Server {
	if (!tls) return createServer({ allowHalfOpen: true }, take);
	const rejectUnauthorized = tls.requestCert;
	const options = { ...tls, rejectUnauthorized, allowHalfOpen: true, handshakeTimeout: 10_000 };
	const server = createTlsServer(options, take);
	// A client that cannot do the handshake is its own problem.
	server.on('tlsClientError', () => {});
	return server;
}

async function start(context: TransportContext): Promise<RunningTransport> {
	const { config, signals, clock } = context;
	const at = readListenAddress('tcpListener', config.tcpListener);
	const guard = await readGuard('tcpListener', at, config);
	const clients = new Set<Socket>();
	const server = createListener(guard, (socket) => {
		if (clients.size >= config.clientsMax) return turnAway(socket, context, { via });
		clients.add(socket);
		socket.once('close', () => clients.delete(socket));
		socket.on('error', () => socket.destroy());
		const timer = clock.after(greetingMsMax, () => socket.destroy());
		socket.once('close', () => timer.cancel());
		const letIn = greetWith(guard.token);
		const greet = (value: unknown): boolean => {
			const isGreeting = letIn(value);
			timer.cancel();
			return isGreeting;
		};
		refuseStrangers(socket, context, () => serveClient(socket, context, { via, greet }));
	});
	// Connections that have not finished their handshake are no clients yet.
	const connections = new Set<Socket>();
	server.on('connection', (socket: Socket) => {
		connections.add(socket);
		socket.once('close', () => connections.delete(socket));
	});
	const address = await listenAt(server, 'tcpListener', at);
	signals.emit('transport.up', { transport: 'tcp', address });
	return {
		address,
		async stop() {
			const closed = new Promise((done) => server.close(done));
			for (const each of [...clients, ...connections]) each.destroy();
			await closed;
		},
	};
}

/**
 * The door for programs that speak steward's frames over TCP; wanted where `tcpListener` is set.
 */
export default defineTransport({
	name: 'tcp',
	wanted: ({ tcpListener }) => tcpListener !== '',
	async check(config) {
		const at = readListenAddress('tcpListener', config.tcpListener);
		await readGuard('tcpListener', at, config);
	},
	start,
});
