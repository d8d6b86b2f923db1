/**
 * The TCP listener, like steward's: the same JSON as on the unix socket, over TCP or TLS. It is off
 * unless `tcpListener` gives an address. It requires a token, which is the first line that a client
 * sends (`{"token":"..."}`), or TLS with client certificates; none on the loopback interface if
 * `listenerLogin` is false.
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

/** Its name in steward's errors. */
const via = 'tcp listener';
/** Within this time a client must send its first value, which is its token if one is required. */
const greetingMsMax = 30_000;

/** Checks the first value of a client: if a token is required, it must be that. */
function greetWith(token: string | undefined): (value: unknown) => boolean {
	return (value) => {
		const given = typeof value === 'object' && value !== null && Reflect.get(value, 'token');
		if (token === undefined) return false;
		if (isToken(given, token)) return true;
		throw new ReeveError('unauthorized', 'the token is missing or wrong');
	};
}

/**
 * Checks the first bytes. A web page can make a browser send anything to a port of its own machine,
 * but only behind the head of an HTTP request; so a client whose first byte does not begin a JSON
 * object or array is refused.
 */
function refuseBrowsers(socket: Socket, { api }: TransportContext, welcome: () => void): void {
	// It stays half open otherwise, and counts as a client.
	const leave = (): void => void socket.destroy();
	socket.once('end', leave);
	socket.once('data', (chunk: Buffer) => {
		socket.off('end', leave);
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
		const refusal = api.refuse(
			'bad_json',
			'the first byte does not begin a JSON object or array',
			via,
		);
		socket.end(`${JSON.stringify(refusal)}\n`, () => socket.destroy());
	});
}

function createListener({ tls }: Guard, take: (socket: Socket) => void): Server {
	if (!tls) return createServer({ allowHalfOpen: true }, take);
	const rejectUnauthorized = tls.requestCert;
	const options = { ...tls, rejectUnauthorized, allowHalfOpen: true, handshakeTimeout: 10_000 };
	const server = createTlsServer(options, take);
	// A failed handshake concerns only its client.
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
		refuseBrowsers(socket, context, () => serveClient(socket, context, { via, greet }));
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
 * The transport for programs that send messages over TCP; wanted where `tcpListener` is set.
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
