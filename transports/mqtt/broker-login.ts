/**
 * The login at a broker: user and password, the certificate authority that verifies the broker, and
 * the certificate of this node. The files are read again for every connection, so that passwords
 * and certificates can be replaced while the node runs; while a file cannot be read, the earlier
 * login stays in use.
 *
 * The broker that a node starts itself has a login, too: what the operator has set, else the user
 * `reeve` and a password that is made at the first start and kept beside the keys. It is the login
 * of the administrator. Each other node has a login of its own there, whose password is derived
 * from this one: see {@link nodePassword}.
 *
 * @module
 */
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Config } from '../../runtime/config/config.ts';
import { passwordFileOf } from '../../runtime/config/config-file.ts';
import { readOrMakeSecret } from '../../runtime/config/made-secret.ts';
import { ReeveError, reasonOf } from '../../runtime/platform/errors.ts';
import { noteSecret, pemBytes, secretText } from '../../runtime/text/secret-file.ts';

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
	const password = secret ?? (brokerPassword === '' ? keptPassword(config) : brokerPassword);
	if (password !== undefined) noteSecret(password);
	const given = { username: brokerUser === '' ? undefined : brokerUser, password };
	const isOwn = config.brokerAddress === '' && config.brokerLogin;
	return present({
		...(isOwn ? madeLogin(config, given) : given),
		ca: contentOf(config, 'rootCAPath', pemBytes),
		cert: contentOf(config, 'brokerCertPath', pemBytes),
		key: contentOf(config, 'brokerKeyPath', pemBytes),
	});
}

/** The password that a first start was given as text, and has put into its file. */
function keptPassword(config: Config): string | undefined {
	const path = passwordFileOf(config);
	const isKept = config.brokerAddress !== '' && config.brokerUser !== '' && existsSync(path);
	return isKept ? readOrMakeSecret(path) : undefined;
}

/** The login at the broker that this node starts. */
export interface OwnBrokerLogin {
	readonly username: string;
	readonly password: string;
}

/**
 * The login that the broker of this node wants; its password is made if there is none.
 *
 * @throws ReeveError `bad_config`
 */
export function ownBrokerLogin(config: Config): OwnBrokerLogin {
	const { username, password } = readLogin({ ...config, brokerAddress: '', brokerLogin: true });
	return { username: username ?? usualUser, password: password ?? '' };
}

/** The user of the broker that a node starts. */
export const usualUser = 'reeve';

const nodeLabel = 'reeve broker login of node 1';

/**
 * The password with which a node logs in, as the user of its name, at a broker with this password.
 * It is derived, so that nothing more has to be kept; another password of the broker changes all.
 */
export function nodePassword(password: string, node: string): string {
	return createHmac('sha256', password).update(`${nodeLabel}\0${node}`).digest('base64url');
}

function madeLogin(
	config: Config,
	{ username = usualUser, password }: Pick<BrokerLogin, 'username' | 'password'>,
): OwnBrokerLogin {
	return { username, password: password ?? readOrMakeSecret(passwordFileOf(config)) };
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
