/**
 * The login at a broker: user and password, the certificate authority that verifies the broker, and
 * the certificate of this node. The files are read again for every connection, so that passwords
 * and certificates can be replaced while the node runs; while a file cannot be read, the earlier
 * login stays in use.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Config } from '../../runtime/config/config.ts';
import { ReeveError, reasonOf } from '../../runtime/platform/errors.ts';
import { pemBytes, secretText } from '../../runtime/text/secret-file.ts';

/** The login as options of mqtt.js. */
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
 * @throws ReeveError `bad_config`, naming the file that cannot be used, never its contents
 */
export function readLogin(config: Config): BrokerLogin {
	const { brokerUser, brokerPassword, brokerPasswordFile, brokerCertPath, brokerKeyPath } = config;
	if ((brokerCertPath === '') !== (brokerKeyPath === '')) {
		throw new ReeveError('bad_config', 'brokerCertPath and brokerKeyPath belong together');
	}
	if (brokerPassword !== '' && brokerPasswordFile !== '') {
		throw new ReeveError('bad_config', 'brokerPassword and brokerPasswordFile: one of the two');
	}
	const secret = contentOf(config, 'brokerPasswordFile', secretText);
	const password = secret ?? (brokerPassword === '' ? undefined : brokerPassword);
	return present({
		username: brokerUser === '' ? undefined : brokerUser,
		password,
		ca: contentOf(config, 'rootCAPath', pemBytes),
		cert: contentOf(config, 'brokerCertPath', pemBytes),
		key: contentOf(config, 'brokerKeyPath', pemBytes),
	});
}

/** Returns a function that reads the login again for each connection. */
export function createLogin(config: Config): () => BrokerLogin {
	let last = readLogin(config);
	return () => {
		try {
			last = readLogin(config);
			return last;
		} catch {
			// Try the earlier login: the broker decides whether it is still valid.
			return last;
		}
	};
}

function contentOf<Content>(
	config: Config,
	key: 'brokerPasswordFile' | 'rootCAPath' | 'brokerCertPath' | 'brokerKeyPath',
	read: (bytes: Buffer) => Content,
): Content | undefined {
	if (config[key] === '') return undefined;
	try {
		return read(readFileSync(config[key]));
	} catch (cause) {
		const why = reasonOf(cause);
		throw new ReeveError('bad_config', `${key}: ${why}`, { cause });
	}
}

function present<Fields extends object>(fields: Fields): BrokerLogin {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * The broker's URL from `host:port`, as in steward, or from a URL for mqtt.js. For `host:port` a
 * node that has a root CA uses TLS.
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

/** An address without user and password, for output and logs. */
export function hideSecrets(address: string): string {
	return address.replace(/(^|\/\/)[^@/]*@/, '$1');
}
