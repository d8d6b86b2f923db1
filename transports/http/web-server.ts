/**
 * The web server of all HTTP transports: routing, authentication, limits, and a stop that closes
 * all connections.
 *
 * Any web page can make a browser on this machine send requests to the loopback interface. So
 * requests of other origins are refused, and so are requests to the loopback interface with another
 * host name (DNS rebinding).
 *
 * This file is the door to hono and @hono/node-server.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Config, ConfigKey } from '../../runtime/config/config.ts';
import {
	asReeveError,
	errorTable,
	ReeveError,
	type ErrorCode,
} from '../../runtime/platform/errors.ts';
import type { RunningTransport } from '../../runtime/network/transport.ts';
import {
	isToken,
	listenAt,
	readGuard,
	readListenAddress,
	type Guard,
	type ListenAddress,
} from '../sockets/listen-address.ts';

/** The routes of one server. */
export type Routes = Hono;

/** No routes yet. */
export function createRoutes(): Routes {
	return new Hono();
}

/** The options of one server. */
export interface WebOptions {
	/** The configuration key of its address, and the key's value. */
	readonly key: ConfigKey;
	readonly listen: string;
	readonly config: Config;
	readonly routes: Routes;
	/** Paths that are served without a token, for the probes of an orchestrator. */
	readonly open?: readonly string[];
	/** Whether all paths are served without a token. */
	readonly isPublic?: boolean;
}

/** The statuses of codes that differ from the rule in {@link statusOf}. */
const statuses: Partial<Record<ErrorCode, number>> = {
	unauthorized: 401,
	too_large: 413,
	not_found: 404,
	too_many_clients: 503,
	internal: 500,
};

/** The status of the answer to a request that failed with this code. */
export function statusOf(code: ErrorCode): number {
	return statuses[code] ?? (errorTable[code].retryable ? 503 : 400);
}

/** A failure as a JSON answer with the same fields as on the unix socket. */
export function failureResponse(thrown: unknown, more: object = {}): Response {
	const { code: error, detail } = asReeveError(thrown);
	const body = { error, detail, hint: errorTable[error].hint, ...more };
	return Response.json(body, { status: statusOf(error) });
}

/**
 * Starts a server.
 *
 * @throws ReeveError `unguarded`, `bad_config`, `address_in_use`
 */
export async function startWeb(options: WebOptions): Promise<RunningTransport> {
	const { key, listen, config, routes, isPublic = false } = options;
	const at = readListenAddress(key, listen);
	const guard = isPublic ? noGuard : await readGuard(key, at, config);
	routes.onError((thrown) => failureResponse(thrown));
	routes.notFound(({ req }) => failureResponse(new ReeveError('not_found', req.path)));
	const answer = getRequestListener((request) => routes.fetch(request), {
		overrideGlobalObjects: false,
	});
	const server = createWebServer({ guard, config }, (request, response) => {
		response.setHeaders(answerHeaders);
		const refusal = refusalOf(request, { at, guard, options });
		if (refusal) refuse(response, refusal);
		else void answer(request, response);
	});
	server.maxConnections = config.clientsMax;
	const connections = new Set<Socket>();
	server.on('connection', (socket: Socket) => {
		connections.add(socket);
		socket.once('close', () => connections.delete(socket));
	});
	const scheme = guard.tls ? 'https' : 'http';
	const address = `${scheme}://${await listenAt(server, key, at)}`;
	return {
		address,
		async stop() {
			const closed = new Promise((done) => server.close(done));
			for (const each of connections) each.destroy();
			await closed;
		},
	};
}

const noGuard: Guard = { token: undefined, tls: undefined };

/** What browsers are told with every answer: not to guess, lend, or keep what is in it. */
const answerHeaders = new Headers({
	'x-content-type-options': 'nosniff',
	'cross-origin-resource-policy': 'same-origin',
	'cache-control': 'no-store',
});

/**
 * Creates the server, with timeouts that limit how long a slow request holds its connection.
 */
function createWebServer(
	{ guard: { tls }, config }: { guard: Guard; config: Config },
	answer: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
	const requestTimeout = config.httpRequestTimeout * 1000;
	const timeouts = {
		requestTimeout,
		headersTimeout: Math.min(requestTimeout, 10_000),
		connectionsCheckingInterval: 1000,
		maxHeaderSize: 16_384,
	};
	if (!tls) return createServer(timeouts, answer);
	const rejectUnauthorized = tls.requestCert;
	return createTlsServer({ ...timeouts, ...tls, rejectUnauthorized }, answer);
}

/** Why a request is refused before it is routed, if it is. */
function refusalOf(
	request: IncomingMessage,
	{ at, guard, options }: { at: ListenAddress; guard: Guard; options: WebOptions },
): ReeveError | undefined {
	const problem = crossSiteProblem(request.headers, at);
	if (problem !== undefined) return new ReeveError('unauthorized', problem);
	const path = request.url?.split('?')[0] ?? '';
	if (guard.token === undefined || options.open?.includes(path)) return undefined;
	const [, given] = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
	if (isToken(given, guard.token)) return undefined;
	return new ReeveError('unauthorized', 'the token is missing or wrong');
}

/** Why this looks like a request of another site's page, if it does. */
function crossSiteProblem(
	headers: IncomingMessage['headers'],
	{ isLoopback }: ListenAddress,
): string | undefined {
	const { host = '', origin } = headers;
	const site = headers['sec-fetch-site'];
	// Another port of this machine is the same site: only a link may lead from there to here.
	const isNeighbour = site === 'same-site' && !isLink(headers);
	if (
		site === 'cross-site' ||
		isNeighbour ||
		(origin !== undefined && !isSameOrigin(origin, host))
	) {
		return `the request comes from a page of ${String(origin).slice(0, 100)}`;
	}
	const name = host.replace(/:\d*$/, '');
	const isOurs = !isLoopback || /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/i.test(name);
	return isOurs ? undefined : `the host name ${host.slice(0, 100)} is not a loopback name`;
}

/** Whether it is a navigation to a page of its own; one to a frame lets another page show it. */
function isLink(headers: IncomingMessage['headers']): boolean {
	const { 'sec-fetch-mode': mode, 'sec-fetch-dest': destination = 'document' } = headers;
	return mode === 'navigate' && destination === 'document';
}

function isSameOrigin(origin: string, host: string): boolean {
	return URL.canParse(origin) && new URL(origin).host === host;
}

function refuse(response: ServerResponse, { code, detail }: ReeveError): void {
	const body = JSON.stringify({ error: code, detail, hint: errorTable[code].hint });
	const headers = { 'content-type': 'application/json', 'www-authenticate': 'Bearer' };
	// Close the connection: the rest of the request is not read.
	response.writeHead(statusOf(code), { ...headers, connection: 'close' }).end(body);
}

/**
 * The body of a request.
 *
 * @throws ReeveError `too_large` as soon as that is known; `connection_cut`
 */
export async function readBody(request: Request, bytesMax: number): Promise<Buffer> {
	const tooLarge = () => new ReeveError('too_large', `more than ${bytesMax} bytes`);
	if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw tooLarge();
	const chunks: Uint8Array[] = [];
	let length = 0;
	try {
		for await (const chunk of request.body ?? []) {
			length += chunk.byteLength;
			if (length > bytesMax) throw tooLarge();
			chunks.push(chunk);
		}
	} catch (thrown) {
		throw asReeveError(thrown, 'connection_cut');
	}
	return Buffer.concat(chunks);
}

/** The path of a request, as it was sent: nothing of it is decoded. */
export function requestPath(request: Request): string {
	return new URL(request.url).pathname;
}
