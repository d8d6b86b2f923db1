/**
 * The address of a listener, and the credentials that its clients need: other users of the machine
 * can reach one on the loopback interface, too.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import type { Config, ConfigKey } from '../../runtime/config/config.ts';
import { listenerTokenFileOf } from '../../runtime/config/config-file.ts';
import { readOrMakeSecret } from '../../runtime/config/made-secret.ts';
import { pemBytes, tokenText } from '../../runtime/text/secret-file.ts';
import { ReeveError, reasonOf } from '../../runtime/platform/errors.ts';

/** An address to listen on. */
export interface ListenAddress {
	/** Empty: every interface. */
	readonly host: string;
	readonly port: number;
	/** Whether only this machine can reach it. */
	readonly isLoopback: boolean;
}

/**
 * Reads `host:port`; `[::1]:port` for IPv6; `:port` is every interface, as in steward.
 *
 * @throws ReeveError `bad_config`, naming the key
 */
export function readListenAddress(key: ConfigKey, text: string): ListenAddress {
	const [, bracketed, plain = '', digits = ''] =
		/^(?:\[([^\]]+)\]|([^:\s]*)):(\d{1,5})$/.exec(text) ?? [];
	const port = Number(digits);
	if (digits === '' || port > 65_535) {
		throw new ReeveError('bad_config', `${key} ${text}: not host:port`);
	}
	const host = bracketed ?? plain;
	return { host, port, isLoopback: /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/.test(host) };
}

/** The credentials that a client must present. */
export interface Guard {
	/** Undefined if none is required. */
	readonly token: string | undefined;
	/** The files of a TLS server. */
	readonly tls:
		| { readonly cert: Buffer; readonly key: Buffer; readonly ca?: Buffer; requestCert: boolean }
		| undefined;
}

type GuardKeys = Pick<
	Config,
	| 'listenerTokenFile'
	| 'listenerLogin'
	| 'listenerTlsCert'
	| 'listenerTlsKey'
	| 'listenerTlsClientCA'
	| 'keysFolder'
	| 'databaseFolder'
>;
type FileKey = Exclude<keyof GuardKeys, 'listenerLogin' | 'keysFolder' | 'databaseFolder'>;

/**
 * Reads the token, which is made if there is none, and the certificates. Without `listenerLogin`, a
 * listener on the loopback interface needs neither; any other requires a token or client
 * certificates. TLS alone is not enough: it authenticates the server, not the client. A token
 * without TLS can be read by anyone who sees the traffic.
 *
 * @throws ReeveError `unguarded`, `bad_config`
 */
export async function readGuard(
	key: ConfigKey,
	{ isLoopback }: Pick<ListenAddress, 'isLoopback'>,
	config: GuardKeys,
): Promise<Guard> {
	const token = await readToken(config);
	const tls = await readTls(config);
	if (!isLoopback && token === undefined && !tls?.requestCert) {
		throw new ReeveError('unguarded', key);
	}
	return { token, tls };
}

async function readToken(config: GuardKeys): Promise<string | undefined> {
	if (config.listenerTokenFile !== '') return readOf(config, 'listenerTokenFile', tokenText);
	const made = listenerTokenFileOf(config);
	return made === undefined ? undefined : readOrMakeSecret(made, tokenText);
}

async function readTls(config: GuardKeys): Promise<Guard['tls']> {
	const { listenerTlsCert, listenerTlsKey, listenerTlsClientCA } = config;
	if ([listenerTlsCert, listenerTlsKey, listenerTlsClientCA].every((file) => file === '')) {
		return undefined;
	}
	const cert = await readOf(config, 'listenerTlsCert', pemBytes);
	const key = await readOf(config, 'listenerTlsKey', pemBytes);
	if (listenerTlsClientCA === '') return { cert, key, requestCert: false };
	return {
		cert,
		key,
		ca: await readOf(config, 'listenerTlsClientCA', pemBytes),
		requestCert: true,
	};
}

async function readOf<Content>(
	config: GuardKeys,
	key: FileKey,
	contentOf: (bytes: Buffer) => Content,
): Promise<Content> {
	try {
		return contentOf(await readFile(config[key]));
	} catch (cause) {
		const why = reasonOf(cause);
		throw new ReeveError('bad_config', `${key}: ${why}`, { cause });
	}
}

/** Compares with the token in constant time, so that timing does not reveal a part of it. */
export function isToken(given: unknown, token: string): boolean {
	if (typeof given !== 'string') return false;
	const digest = (text: string) => createHash('sha256').update(text).digest();
	return timingSafeEqual(digest(given), digest(token));
}

/**
 * Starts listening; resolves with the address as text, with the port that was really taken.
 *
 * @throws ReeveError `address_in_use`, `bad_config`
 */
export async function listenAt(
	server: Server,
	key: ConfigKey,
	{ host, port }: ListenAddress,
): Promise<string> {
	await new Promise<void>((resolve, reject) => {
		server.once('error', (cause: NodeJS.ErrnoException) => {
			const code = cause.code === 'EADDRINUSE' ? 'address_in_use' : 'bad_config';
			reject(new ReeveError(code, `${key}: ${cause.message}`, { cause }));
		});
		server.listen({ port, ...(host === '' ? {} : { host }) }, resolve);
	});
	const bound = server.address();
	const boundPort = typeof bound === 'object' && bound ? bound.port : port;
	const shown = host.includes(':') ? `[${host}]` : host === '' ? '0.0.0.0' : host;
	return `${shown}:${boundPort}`;
}

/**
 * An address with a port of its own: if it has port 0, a port that is free now. For a server whose
 * clients must know the port before it listens, and find it again after its restart.
 *
 * @throws ReeveError `bad_config`
 */
export async function withPort(key: ConfigKey, text: string): Promise<string> {
	const address = readListenAddress(key, text);
	if (address.port !== 0) return text;
	const server = createServer();
	const found = await listenAt(server, key, address);
	await new Promise((resolve) => server.close(resolve));
	return found;
}
