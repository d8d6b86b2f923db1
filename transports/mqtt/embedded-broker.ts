/**
 * The embedded broker: MQTT 3.1.1 for development and small fleets, when no broker is configured.
 * It stores nothing on disk: the journals of the nodes hold all messages.
 *
 * It wants a login, which the node makes at its first start: on the loopback interface, too, since
 * clients that may publish there command the node, and every user of a machine reaches that
 * interface. What each login may do is in `broker-permissions.ts`. It does not speak TLS, so the
 * passwords can be read in the traffic between machines.
 *
 * This file is the door to aedes.
 *
 * @module
 */
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { configOf, type Config } from '../../runtime/config/config.ts';
import { defineTransport } from '../../runtime/network/transport.ts';
import { realClock, type Clock } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { listenAt, readListenAddress } from '../sockets/listen-address.ts';
import { createGate, type Gate, type GateLimits } from './broker-gate.ts';
import { limitPackets, packetBytesMax, type PacketLimits } from './broker-packets.ts';
import { createReaders, type ReaderLimits } from './broker-readers.ts';
import { keepRetained } from './broker-retained.ts';
import { limitSessions } from './broker-sessions.ts';
import { ownBrokerLogin, type OwnBrokerLogin } from './broker-login.ts';
import {
	createPermissions,
	createRefusalCount,
	type BrokerRefusal,
	type BrokerUser,
	type Connecting,
	type Permissions,
} from './broker-permissions.ts';

/** A running broker. */
export interface RunningBroker {
	/** Its address, such as `mqtt://127.0.0.1:1883`. */
	readonly address: string;
	stop(): Promise<void>;
}

/** The limits of the broker, of all that one client can make it do or keep. */
export type BrokerLimits = GateLimits &
	PacketLimits &
	ReaderLimits &
	Pick<Config, 'topicPrefix' | 'brokerSessionBytesMax' | 'brokerSubscriptionsMax'>;

/** Whom the broker lets in. */
export interface BrokerRules {
	/** The login of the administrator, from which those of nodes are derived; undefined: none. */
	readonly login?: OwnBrokerLogin | undefined;
	readonly limits?: BrokerLimits;
	readonly clock?: Clock;
	/** Told of what nodes may not do, with a count: see {@link BrokerRefusal}. */
	readonly onRefused?: (refusal: BrokerRefusal) => void;
}

/**
 * Starts a broker on `listen` (host:port; port 0 takes a free one).
 *
 * @throws ReeveError `unguarded` if other machines can reach it without a login;
 * `address_in_use`, `bad_config`
 */
export async function startBroker(listen: string, rules: BrokerRules = {}): Promise<RunningBroker> {
	const { login, limits = configOf(), clock = realClock, onRefused = () => {} } = rules;
	const address = guardedAddress(listen, login !== undefined);
	// Who waits for a client, and how long, is up to `broker-readers.ts`.
	const broker = await Aedes.createBroker({ drainTimeout: 0x7fff_ffff });
	const handOn = (socket: Socket): void => guards.handOn(socket);
	const gate: Gate = createGate({ limits, clock, handOn });
	const guards = guard(broker, {
		permissions: createPermissions({ login, prefix: limits.topicPrefix }),
		refused: createRefusalCount({ clock, onRefused }),
		gate,
		limits,
		clock,
	});
	const server = createServer({ noDelay: true }, (socket) => gate.enter(socket));
	let bound: string;
	try {
		bound = await listenAt(server, 'brokerListen', address);
	} catch (thrown) {
		await closed(broker);
		throw thrown;
	}
	return {
		address: `mqtt://${bound}`,
		async stop() {
			const serverClosed = new Promise((resolve) => server.close(resolve));
			await closed(broker);
			// The broker does not know the connections that have not sent CONNECT yet.
			gate.end();
			await serverClosed;
		},
	};
}

/** A client of aedes. */
type Client = ReturnType<Aedes['handle']>;

/** What a broker asks before it does something for a client. */
interface Guarding {
	readonly permissions: Permissions;
	readonly refused: ReturnType<typeof createRefusalCount>;
	readonly gate: Gate;
	readonly limits: BrokerLimits;
	readonly clock: Clock;
}

/**
 * Makes the broker ask for each login, publication and subscription. MQTT 3.1.1 has no answer to a
 * publication that is refused: the broker ends the connection.
 */
function guard(broker: Aedes, guarding: Guarding): { handOn(socket: Socket): void } {
	const { permissions, refused, limits } = guarding;
	const users = new WeakMap<Client, BrokerUser>();
	guardLogins(broker, guarding, users);
	broker.authorizePublish = (client, packet, done) => {
		// A will without its client was looked at when that connected.
		const user = client ? users.get(client) : 'administrator';
		if (user && permissions.mayPublish(user, packet)) return done(null);
		if (user) refused(user, 'publish', packet.topic);
		done(new Error('not allowed'));
	};
	guardSubscriptions(broker, guarding, users);
	keepRetained(broker);
	return {
		handOn(socket) {
			// What is known of the client after its login is asked for at each packet.
			const about: { client?: Client } = {};
			const user = () => about.client && users.get(about.client);
			limitPackets(socket, {
				bytesMax: (first) => packetBytesMax(limits, user(), first),
				onTooLarge(packet) {
					const sender = user();
					if (sender) refused(sender, 'packet', packet);
				},
			});
			about.client = broker.handle(socket);
		},
	};
}

/** Makes the broker ask for each login, and for room. */
function guardLogins(
	broker: Aedes,
	{ permissions, refused, gate, limits, clock }: Guarding,
	users: WeakMap<Client, BrokerUser>,
): void {
	const connecting = new WeakMap<Client, Connecting>();
	const readers = createReaders<Client>({
		limits,
		clock,
		onDropped: (client, topic) => refused({ node: client.id }, 'queue', topic),
		onStill: (client) =>
			refused({ node: client.id }, 'read', `nothing in ${limits.brokerStillMs} ms`),
	});
	broker.preConnect = (client, { clientId, will, clean }, done) => {
		connecting.set(client, { clientId, will, isKept: !clean });
		done(null, true);
	};
	broker.authenticate = (client, name, ...[given, done]) => {
		const user = permissions.userOf({ user: name, password: given?.toString() });
		if (!user) return done(refusal(4), false);
		const forbidden = permissions.connectRefusal(
			user,
			connecting.get(client) ?? { clientId: client.id },
		);
		if (forbidden !== undefined) {
			refused(user, 'connect', forbidden);
			return done(refusal(5), false);
		}
		const node = user === 'administrator' ? undefined : user.node;
		const entry = gate.admit(client.conn, node);
		if (entry !== 'in') refused(user, 'connect', `${client.id}: ${crowdText(entry, limits)}`);
		if (entry === 'full') return done(refusal(3), false);
		users.set(client, user);
		readers.enter(client, node === undefined ? `client ${client.id}` : `node ${node}`);
		done(null, true);
	};
}

function crowdText(entry: 'replaced' | 'full', limits: BrokerLimits): string {
	return entry === 'replaced'
		? `more than ${limits.brokerConnectionsPerLoginMax} connections`
		: 'the connections of nodes are all taken';
}

/** Makes the broker ask for each subscription, and limits what it keeps for sessions. */
function guardSubscriptions(
	broker: Aedes,
	{ permissions, refused, limits }: Guarding,
	users: WeakMap<Client, BrokerUser>,
): void {
	const held = new WeakMap<Client, Set<string>>();
	const countMax = (user: BrokerUser): number =>
		limits.brokerSubscriptionsMax * (user === 'administrator' ? administratorTimes : 1);
	/** What forbids a subscription; it counts if nothing does. */
	const refusalOf = (client: Client, user: BrokerUser, filter: string): string | undefined => {
		const filters = held.get(client) ?? new Set();
		if (filters.has(filter)) return undefined;
		const max = countMax(user);
		if (filters.size >= max) return `${filter}: more than ${max} subscriptions`;
		if (!permissions.maySubscribe(user, filter)) return filter;
		held.set(client, filters.add(filter));
		return undefined;
	};
	broker.authorizeSubscribe = (client, subscription, done) => {
		const user = users.get(client);
		const why = user ? refusalOf(client, user, subscription.topic) : '';
		if (user && why !== undefined) refused(user, 'subscribe', why);
		done(null, why === undefined ? subscription : null);
	};
	broker.on('unsubscribe', (filters, client) => {
		for (const filter of filters) held.get(client)?.delete(filter);
	});
	limitSessions<Client>(broker, {
		maySubscribe(client, filter) {
			const user = users.get(client);
			return user !== undefined && refusalOf(client, user, filter) === undefined;
		},
		bytesMax: limits.brokerSessionBytesMax,
		onDropped: (clientId, topic) => refused({ node: clientId }, 'queue', topic),
	});
}

/** So many times as many subscriptions as a node has the administrator. */
const administratorTimes = 100;

/** The refusal of a connection, with its number in MQTT 3.1.1. */
function refusal(returnCode: keyof typeof refusals) {
	return Object.assign(new Error(refusals[returnCode]), { returnCode });
}

const refusals = {
	3: 'server unavailable',
	4: 'bad user name or password',
	5: 'not authorized',
} as const;

/** The address; only one of the loopback interface needs no login. */
function guardedAddress(listen: string, hasLogin: boolean) {
	const address = readListenAddress('brokerListen', listen);
	if (address.isLoopback || hasLogin) return address;
	const why = 'brokerListen: other machines reach it, and brokerLogin is false';
	throw new ReeveError('unguarded', why);
}

function closed(broker: Aedes): Promise<void> {
	return new Promise((resolve) => broker.close(() => resolve()));
}

/** The address at which the node itself finds the broker that it starts on `listen`. */
export function ownBrokerAddress(listen: string): string {
	const { host, port } = readListenAddress('brokerListen', listen);
	const reached = host === '' ? '127.0.0.1' : host;
	return `mqtt://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}

/** The login of the broker in this node; undefined if it wants none. */
function loginOf(config: Config): OwnBrokerLogin | undefined {
	return config.brokerLogin ? ownBrokerLogin(config) : undefined;
}

/** The embedded broker; wanted where `brokerAddress` is empty. */
export default defineTransport({
	name: 'broker',
	wanted: ({ brokerAddress }) => brokerAddress === '',
	async check({ brokerListen, brokerLogin }) {
		await Promise.resolve();
		guardedAddress(brokerListen, brokerLogin);
	},
	async start({ config, clock, signals }) {
		const login = loginOf(config);
		const broker = await startBroker(config.brokerListen, {
			login,
			limits: config,
			clock,
			onRefused: (refusal) => signals.emit('broker.refused', refusal),
		});
		signals.emit('transport.up', { transport: 'broker', address: broker.address });
		return broker;
	},
});
