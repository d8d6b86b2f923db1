/**
 * The login at a broker: user and password, the certificate authority that it must be known to, and
 * the certificate of this node. The files are read again for every connection, so that passwords
 * and certificates can be exchanged while the node runs; while one cannot be read, what was read
 * before stays in use.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Config } from '../../runtime/config/config.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';

/** What mqtt.js is told of it. */
export interface BrokerLogin {
	readonly username?: string;
	readonly password?: string;
	readonly ca?: Buffer;
	readonly cert?: Buffer;
	readonly key?: Buffer;
}

/**
 * Reads the login.
 *
 * @throws ReeveError `bad_config`, naming the file that cannot be read; never what is in one
 */
export function readLogin(config: Config): BrokerLogin {
	const { brokerUser, brokerPassword, brokerPasswordFile, brokerCertPath, brokerKeyPath } = config;
	if ((brokerCertPath === '') !== (brokerKeyPath === '')) {
		throw new ReeveError('bad_config', 'brokerCertPath and brokerKeyPath belong together');
	}
	const secret = fileOf(config, 'brokerPasswordFile')?.toString('utf8').trimEnd();
	if (brokerPassword !== '' && brokerPasswordFile !== '') {
		throw new ReeveError('bad_config', 'brokerPassword and brokerPasswordFile: one of the two');
	}
	const password = secret ?? (brokerPassword === '' ? undefined : brokerPassword);
	return present({
		username: brokerUser === '' ? undefined : brokerUser,
		password,
		ca: fileOf(config, 'rootCAPath'),
		cert: fileOf(config, 'brokerCertPath'),
		key: fileOf(config, 'brokerKeyPath'),
	});
}

/** Reads it for every connection anew. */
export function createLogin(config: Config): () => BrokerLogin {
	let last = readLogin(config);
	return () => {
		try {
			last = readLogin(config);
			return last;
		} catch {
			// The broker decides whether the old one will still do.
			return last;
		}
	};
}

function fileOf(
	config: Config,
	key: 'brokerPasswordFile' | 'rootCAPath' | 'brokerCertPath' | 'brokerKeyPath',
): Buffer | undefined {
	if (config[key] === '') return undefined;
	try {
		return readFileSync(config[key]);
	} catch (cause) {
		const why = cause instanceof Error ? cause.message : String(cause);
		throw new ReeveError('bad_config', `${key}: ${why}`, { cause });
	}
}

function present<Fields extends object>(fields: Fields): BrokerLogin {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * `host:port`, as steward has it, or a URL, as mqtt.js understands it. Where the URL does not say,
 * a node that has a root CA to verify its broker with speaks TLS.
 *
 * @throws ReeveError `bad_config`
 */
export function brokerUrl(address: string, isSecure = false): string {
	const scheme = isSecure ? 'mqtts' : 'mqtt';
	const url = /^[a-z]+:\/\//.test(address) ? address : `${scheme}://${address}`;
	const isKnown = /^(?:mqtts?|tcp|ssl|tls|wss?):\/\/./.test(url);
	if (isKnown && URL.canParse(url)) return url;
	throw new ReeveError('bad_config', `brokerAddress ${hideSecrets(address)}: no broker's address`);
}

/** An address without the name and password in it; for people and logs. */
export function hideSecrets(address: string): string {
	return address.replace(/(^|\/\/)[^@/]*@/, '$1');
}
