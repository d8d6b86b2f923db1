/**
 * Who may do what at the broker that a node starts. Its own login is that of the administrator, who
 * may do everything. Each node has a login as the user of its name, with a password that is derived
 * from that of the broker. With it, a node may
 *
 * - publish frames and acknowledgements to all nodes: what they ask for, the receivers judge by
 *   signatures and rules;
 * - publish births, deaths and claims of its own name, and the objections to these; the broker
 *   keeps births and deaths only;
 * - publish outcomes on topics outside of the grammar of `topics.ts`;
 * - subscribe to what a node of its name subscribes to, and to the presence of any node;
 * - connect under the names of its own connections, of which one has a session that is kept, and
 *   leave a death of its own as the will.
 *
 * So it commands no node as an MQTT client does, and neither hears, replaces nor disconnects one.
 *
 * @module
 */
import {
	isName,
	isReplyTopic,
	nodeFilters,
	parseTopic,
	publicFilter,
} from '../../runtime/message/topics.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import { isToken } from '../sockets/listen-address.ts';
import { nodePassword, type OwnBrokerLogin } from './broker-login.ts';

/** Who has logged in: a node, or who may do everything. */
export type BrokerUser = { readonly node: string } | 'administrator';

/** What a client says of itself when it connects. */
export interface Connecting {
	readonly clientId: string;
	readonly will?: Published | undefined;
	/** Whether its session is kept while it is away. */
	readonly isKept?: boolean;
}

/** What a client publishes. */
export interface Published {
	readonly topic: string;
	readonly retain?: boolean;
	readonly qos?: number;
}

/** The permissions that {@link createPermissions} makes. */
export interface Permissions {
	/** Who has this login; undefined if it is wrong. */
	userOf(given: { readonly user: unknown; readonly password: unknown }): BrokerUser | undefined;
	/** What forbids the connection: the client id, or the topic of the will; undefined: nothing. */
	connectRefusal(user: BrokerUser, connecting: Connecting): string | undefined;
	mayPublish(user: BrokerUser, published: Published): boolean;
	maySubscribe(user: BrokerUser, filter: string): boolean;
}

/** The client ids of `reeve doctor` begin with it: it takes no node's place. */
export const probeIdHead = 'reeve-doctor-';

/** Creates the permissions of a broker for the fleet of this prefix. */
export function createPermissions({
	login,
	prefix,
}: {
	readonly login: OwnBrokerLogin | undefined;
	readonly prefix: string;
}): Permissions {
	const mayPublish: Permissions['mayPublish'] = (user, published) => {
		// The broker itself speaks there.
		if (published.topic.startsWith('$SYS/')) return false;
		return user === 'administrator' || mayNodePublish(prefix, user.node, published);
	};
	return {
		userOf: (given) => (login ? userOf(login, given) : 'administrator'),
		connectRefusal(user, { clientId, will, isKept = false }) {
			if (will && !mayPublish(user, will)) return will.topic;
			if (user === 'administrator') return undefined;
			// Who dies says so, and nothing else.
			if (will && parseTopic(prefix, will.topic)?.part !== 'status') return will.topic;
			if (isKept && clientId !== `${ownId(prefix, user.node)}:in`) return clientId;
			return isOwnId(clientId, prefix, user.node) ? undefined : clientId;
		},
		mayPublish,
		maySubscribe(user, filter) {
			if (user === 'administrator') return true;
			const { node } = user;
			const all = [...nodeFilters(prefix, node), publicFilter(prefix, node)];
			return all.includes(filter) || parseTopic(prefix, filter)?.part === 'status';
		},
	};
}

function mayNodePublish(prefix: string, node: string, published: Published): boolean {
	const { topic, retain = false, qos = 0 } = published;
	// The broker would keep it until it is released, if ever.
	if (qos > 1) return false;
	const parsed = parseTopic(prefix, topic);
	// Who comes later is told who is there, and nothing else.
	if (retain && parsed?.part !== 'status') return false;
	if (!parsed) return isAnswerTopic(prefix, topic);
	if (parsed.part === 'lane' || parsed.part === 'ack') return true;
	return parsed.part !== 'public' && parsed.node === node;
}

/** What looks like a topic of the fleet, and is none, is none of a client either. */
function isAnswerTopic(prefix: string, topic: string): boolean {
	const isOurs = prefix !== '' && topic.startsWith(`${prefix}/`);
	return !isOurs && isReplyTopic(prefix, topic);
}

/** All is compared for each login, so that the time does not tell what is wrong. */
function userOf(
	login: OwnBrokerLogin,
	{ user, password }: { readonly user: unknown; readonly password: unknown },
): BrokerUser | undefined {
	const node = typeof user === 'string' && isName(user) ? user : '';
	const isUser = isToken(user, login.username);
	const isAdministrator = isToken(password, login.password);
	const isNode = isToken(password, nodePassword(login.password, node));
	if (isUser) return isAdministrator ? 'administrator' : undefined;
	return isNode && node !== '' ? { node } : undefined;
}

/** Whether it is one of the names of the connections of this node, see `mqtt.ts`. */
function isOwnId(clientId: string, prefix: string, node: string): boolean {
	// The broker makes a name for a client that has none.
	if (clientId === '' || clientId.startsWith(probeIdHead)) return true;
	const own = ownId(prefix, node);
	return clientId === own || clientId.startsWith(`${own}:`);
}

function ownId(prefix: string, node: string): string {
	return prefix === '' ? node : `${prefix}:${node}`;
}

/** What a node was refused at the broker, or what was dropped because its session is full. */
export interface BrokerRefusal {
	readonly user: string;
	/** `packet`: one was too large; `queue`: no room for a message; `read`: it took nothing. */
	readonly action: 'connect' | 'publish' | 'subscribe' | 'queue' | 'packet' | 'read';
	/** The topic, filter or client id of the last refusal, or the packet; and which limit it is. */
	readonly topic: string;
	/** How many there were since it was told before. */
	readonly count: number;
}

/** How often the refusals of one login are told at most. */
const tellMs = 10_000;

/** Counts refusals, and tells the first one of each login and action, and then at most so often. */
export function createRefusalCount(parts: {
	readonly clock: Pick<Clock, 'monotonic'>;
	readonly onRefused: (refusal: BrokerRefusal) => void;
}): (user: BrokerUser, action: BrokerRefusal['action'], topic: string) => void {
	const { clock, onRefused } = parts;
	const untold = new Map<string, { count: number; notBefore: number }>();
	return (user, action, topic) => {
		const name = user === 'administrator' ? 'administrator' : user.node;
		const key = `${action} ${name}`;
		const { count, notBefore } = untold.get(key) ?? { count: 0, notBefore: -Infinity };
		const now = clock.monotonic();
		const isTold = now >= notBefore;
		untold.set(
			key,
			isTold ? { count: 0, notBefore: now + tellMs } : { count: count + 1, notBefore },
		);
		const shown = topic.slice(0, 200);
		if (isTold) onRefused({ user: name, action, topic: shown, count: count + 1 });
	};
}
