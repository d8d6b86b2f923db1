/**
 * The HTTP client of methods and steps, made of node:http and node:https.
 *
 * It has none of the rules of a browser that the `fetch` of Node.js has: every port may be asked,
 * an address may have a user and password, and only the caller's signal limits the time.
 *
 * @module
 */
import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { urlToHttpOptions } from 'node:url';
import { reasonOf, ReeveError } from '../../runtime/platform/errors.ts';
import { version } from '../../runtime/platform/version.ts';
import { acceptedEncodings, decompressed } from './http-encoding.ts';

/** A request to be made. */
export interface HttpRequest {
	readonly url: string;
	/** GET by default. */
	readonly method?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly data?: string;
	/** Ends the request when it is raised, with its reason; the body as well. */
	readonly signal: AbortSignal;
	/** The most redirects that are followed. */
	readonly redirectsMax: number;
}

/** A response. Reading its body to the end, or leaving it early, closes the connection. */
export interface HttpResponse {
	readonly status: number;
	readonly statusText: string;
	readonly body: AsyncIterable<Uint8Array>;
	/** Closes the connection without reading the body. */
	close(): void;
}

/** One request on the way through redirects. */
interface Hop {
	readonly url: URL;
	readonly method: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly data?: string | undefined;
}

const redirects = new Set([301, 302, 303, 307, 308]);
/**
 * The headers that another origin may get. All others are dropped when a redirect leads there: any
 * of them may be a credential of the origin that the caller named.
 */
const plainHeaders = new Set([
	'accept',
	'accept-encoding',
	'accept-language',
	'content-encoding',
	'content-length',
	'content-type',
	'idempotency-key',
	'user-agent',
]);
/** Errors of Node.js about what the caller gave. */
const inputErrors = new Set([
	'ERR_INVALID_HTTP_TOKEN',
	'ERR_INVALID_CHAR',
	'ERR_UNESCAPED_CHARACTERS',
]);

/**
 * Makes a request and follows redirects, as `curl -L` does. Another host, port or protocol gets no
 * credentials, and of the caller's headers only those that say what is sent and accepted. Bodies
 * are decompressed as they come. No connection is kept open.
 *
 * @throws ReeveError `host_unreachable`; `http_failed` if redirects do not end or lead elsewhere
 * than to http and https; `bad_arguments` for a method or headers that HTTP does not allow; the
 * reason of the signal
 */
export async function requestPage(request: HttpRequest): Promise<HttpResponse> {
	const { signal, redirectsMax } = request;
	let hop = firstHop(request);
	if (hop.url.protocol === 'data:') return dataPage(hop.url);
	for (let followed = 0; ; followed += 1) {
		const response = await ask(hop, signal);
		const { statusCode: status = 0, statusMessage: statusText = '', headers } = response;
		if (!redirects.has(status) || headers.location === undefined) {
			const close = () => void response.destroy();
			return { status, statusText, body: bodyOf(hop, response, signal), close };
		}
		response.destroy();
		if (followed >= redirectsMax) {
			throw new ReeveError('http_failed', `more than ${redirectsMax} redirects (redirectsMax)`);
		}
		hop = nextHop(hop, status, headers.location);
	}
}

function firstHop({ url, method = 'GET', headers: given = {}, data }: HttpRequest): Hop {
	// Names in any spelling: what is given replaces what is usual.
	const named = Object.entries(given).map(([name, held]) => [name.toLowerCase(), held]);
	const headers: Record<string, string> = {
		accept: '*/*',
		'accept-encoding': acceptedEncodings,
		'user-agent': `reeve/${version}`,
		...(data === undefined ? {} : { 'content-length': String(Buffer.byteLength(data)) }),
		...(Object.fromEntries(named) as Record<string, string>),
	};
	return { url: new URL(url), method: method.toUpperCase(), headers, data };
}

/** Where a redirect leads, and what is asked there. */
function nextHop(hop: Hop, status: number, location: string): Hop {
	// Node.js reads headers as Latin-1; servers send UTF-8.
	const text = Buffer.from(location, 'latin1').toString();
	const url = URL.canParse(text, hop.url.href) && new URL(text, hop.url);
	if (!url || !['http:', 'https:'].includes(url.protocol)) {
		throw new ReeveError('http_failed', `${status} redirects to ${shown(text)}`);
	}
	const isSameHost = url.origin === hop.url.origin;
	if (isSameHost && url.username === '') {
		url.username = hop.url.username;
		url.password = hop.url.password;
	}
	const isGet =
		(status === 303 && hop.method !== 'HEAD') || (status < 303 && hop.method === 'POST');
	const dropped = [
		...(isSameHost ? [] : Object.keys(hop.headers).filter((name) => !plainHeaders.has(name))),
		// It names the first host.
		'host',
		...(isGet ? ['content-length', 'content-type', 'content-encoding'] : []),
	];
	const headers = without(dropped, hop.headers);
	return isGet ? { url, method: 'GET', headers } : { ...hop, url, headers };
}

function without(dropped: readonly string[], headers: Hop['headers']): Hop['headers'] {
	return Object.fromEntries(Object.entries(headers).filter(([name]) => !dropped.includes(name)));
}

/** Sends one request; resolves with the response when its headers have come. */
async function ask({ url, method, headers, data }: Hop, signal: AbortSignal) {
	signal.throwIfAborted();
	const send = url.protocol === 'https:' ? requestHttps : requestHttp;
	// Without an agent a connection serves one request, and says so.
	const options: RequestOptions = {
		...urlToHttpOptions(url),
		method,
		headers: { ...headers },
		agent: false,
		signal,
	};
	try {
		return await new Promise<IncomingMessage>((resolve, reject) => {
			const sent = send(options, resolve);
			sent.on('error', reject);
			// After a response to CONNECT, or another protocol, nothing else is told.
			sent.on('close', () => reject(new Error('the connection was closed without a response')));
			sent.end(data);
		});
	} catch (thrown) {
		throw requestError(url, thrown, signal);
	}
}

async function* bodyOf({ url }: Hop, response: IncomingMessage, signal: AbortSignal) {
	try {
		const encoding = response.headers['content-encoding'];
		yield* decompressed(response as AsyncIterable<Uint8Array>, encoding);
	} catch (thrown) {
		throw requestError(url, thrown, signal);
	} finally {
		response.destroy();
	}
}

/** The page in a `data:` address. */
async function dataPage(url: URL): Promise<HttpResponse> {
	try {
		const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
		const body = (async function* () {
			yield await Promise.resolve(bytes);
		})();
		return { status: 200, statusText: 'OK', body, close: () => {} };
	} catch (cause) {
		throw new ReeveError('bad_arguments', `${shown(url.href)} cannot be read`, { cause });
	}
}

/** The error for a request that failed, with the reason. */
function requestError(url: URL, thrown: unknown, signal: AbortSignal): unknown {
	if (signal.aborted) return signal.reason;
	const code = String(Reflect.get(Object(thrown), 'code'));
	if (inputErrors.has(code)) {
		return new ReeveError('bad_arguments', reasonOf(thrown), { cause: thrown });
	}
	// What OpenSSL says is a line of its own, with the reason in its midst.
	const ofTls = /SSL routines:[^:]*:([^:]+):/.exec(reasonOf(thrown))?.[1];
	const why = ofTls === undefined ? reasonOf(thrown) : `TLS: ${ofTls}`;
	return new ReeveError('host_unreachable', `${shown(url.href)}: ${why}`, { cause: thrown });
}

/** An address in an error: without user and password, and not too long. */
function shown(address: string): string {
	return address.replace(/^([a-z+.-]+:)?\/\/[^/?#]*@/i, '$1//').slice(0, 200);
}
