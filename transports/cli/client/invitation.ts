/**
 * The invitation of a new node: what its first configuration must say, so that it finds the broker,
 * logs in there, and knows the key of central. At the broker of this node the new one has a login
 * of its own. The invitation holds its password, which the first start of the new node moves into a
 * file of its own.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import { writeAtomically } from '../../../runtime/files/atomic-file.ts';
import type { Config } from '../../../runtime/config/config.ts';
import { checkName } from '../../../runtime/message/topics.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { nodePassword, readLogin } from '../../mqtt/broker-login.ts';
import { readListenAddress } from '../../sockets/listen-address.ts';

/** Who is invited, and where it reaches the broker of this node. */
export interface Invited {
	readonly node: string;
	/** A host, with a port or without. */
	readonly host: string;
}

const usage = 'keys invite NAME [HOST[:PORT]]';

/**
 * Who is invited by these words of the command line: the name of the new node, and the host of this
 * machine as the new node reaches it, by default its host name.
 *
 * @throws ReeveError `bad_usage`, `bad_name`
 */
export function invitedBy(words: readonly string[]): Invited {
	const [node, host, ...more] = words;
	if (node === undefined || more.length > 0) throw new ReeveError('bad_usage', usage);
	if (host === undefined && isHostLike(node)) {
		const why = `${node} looks like a host; the name of the new node comes first`;
		throw new ReeveError('bad_usage', `${usage}: ${why}, such as: keys invite ship1 ${node}`);
	}
	return { node: checkName('node', node), host: host ?? hostname() };
}

/** A node may be called like a host; then its invitation says the host, too. */
function isHostLike(word: string): boolean {
	return word === 'localhost' || /[.:[\]/]/.test(word);
}

/**
 * The values of the first configuration of an invited node.
 *
 * @throws ReeveError `bad_config`, `bad_name`, `bad_usage`
 */
export function invitation(
	invited: Invited,
	{ config, key }: { readonly config: Config; readonly key: string },
): Partial<Config> {
	const { brokerAddress, centralNodeName, topicPrefix, nodeName, signing } = config;
	if (invited.node === nodeName) throw new ReeveError('bad_name', `${nodeName} is this node`);
	return {
		nodeName: invited.node,
		brokerAddress: brokerAddress === '' ? addressFor(invited.host, config) : brokerAddress,
		...loginFor(invited.node, config),
		centralNodeName,
		...(nodeName === centralNodeName ? { centralKey: key } : {}),
		signing: signing === 'off' ? 'on' : signing,
		topicPrefix,
	};
}

/** The login of the new node; at the broker of another program it is that of this node. */
function loginFor(node: string, config: Config): Pick<Partial<Config>, BrokerKey> {
	const { username = '', password = '' } = readLogin(config);
	if (username === '') return {};
	if (config.brokerAddress !== '') return { brokerUser: username, brokerPassword: password };
	if (node === username) {
		const why = 'is the user of the broker who may do everything, and no node';
		throw new ReeveError('bad_name', `${node} ${why}`);
	}
	return { brokerUser: node, brokerPassword: nodePassword(password, node) };
}

type BrokerKey = 'brokerUser' | 'brokerPassword';

/** The address of the broker in this node for those who reach this machine as `host`. */
function addressFor(text: string, { brokerListen }: Config): string {
	const [, bracketed, plain = '', given] =
		/^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(isIPv6(text) ? `[${text}]` : text) ?? [];
	const port = given ?? String(readListenAddress('brokerListen', brokerListen).port);
	const isHost =
		bracketed === undefined
			? /^[\w.-]+$/.test(plain)
			: isIPv6(bracketed) && !bracketed.includes('%');
	const address = `mqtt://${bracketed === undefined ? plain : `[${bracketed}]`}:${port}`;
	if (!isHost || !URL.canParse(address)) {
		throw new ReeveError('bad_usage', `${usage}: ${text} is no host, with a port or without`);
	}
	if (Number(port) !== 0) return address;
	throw new ReeveError('bad_usage', `${usage}: say the port, since brokerListen takes any`);
}

/**
 * Writes an invitation into a new file that only its owner may read.
 *
 * @throws ReeveError `bad_usage` if there is one already, `file_failed`
 */
export function writeInvitation(path: string, text: string): void {
	if (existsSync(path)) throw new ReeveError('bad_usage', `${path} exists already`);
	writeAtomically(path, text, { mode: 0o600 });
}

/** What else has to be done, so that the invitation helps. */
export function invitationRemarks({ node }: Invited, config: Config): readonly string[] {
	const { brokerAddress, brokerListen, nodeName, centralNodeName, signing } = config;
	const isOwn = brokerAddress === '';
	const remarks = [
		isOwn
			? `it holds the password of ${node} at the broker: only ${node} may read it`
			: `it holds the login of ${nodeName} at the broker: give ${node} one of its own, if it can`,
	];
	const isLocal = readListenAddress('brokerListen', brokerListen).isLoopback;
	if (isOwn && isLocal) {
		remarks.push(`other machines do not reach ${brokerListen}: start with --brokerListen :1883`);
	}
	if (nodeName !== centralNodeName) remarks.push(`the key of ${centralNodeName} is not in it`);
	if (signing === 'off') remarks.push('signing is off here: set it to on, or keys mean nothing');
	return remarks;
}
