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
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { configOf, type Config } from '../../runtime/config/config.ts';
import { defineTransport } from '../../runtime/network/transport.ts';
import { realClock, type Clock } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { listenAt, readListenAddress } from '../sockets/listen-address.ts';
import { createGate, type Gate, type GateLimits } from './broker-gate.ts';
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

/** Whom the broker lets in. */
export interface BrokerRules {
	/** The login of the administrator, from which those of nodes are derived; undefined: none. */
	readonly login?: OwnBrokerLogin | undefined;
	readonly limits?: GateLimits & Pick<Config, 'topicPrefix' | 'brokerSessionBytesMax'>;
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
	const broker = await Aedes.createBroker();
	const gate: Gate = createGate({ limits, clock, handOn: (socket) => broker.handle(socket) });
	guard(broker, {
		permissions: createPermissions({ login, prefix: limits.topicPrefix }),
		refused: createRefusalCount({ clock, onRefused }),
		onAdmitted: (connection) => gate.admit(connection),
		sessionBytesMax: limits.brokerSessionBytesMax,
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
	readonly onAdmitted: (connection: unknown) => void;
	readonly sessionBytesMax: number;
}

/**
 * Makes the broker ask for each login, publication and subscription. MQTT 3.1.1 has no answer to a
 * publication that is refused: the broker ends the connection.
 */
function guard(broker: Aedes, guarding: Guarding): void {
	const { permissions, refused, onAdmitted, sessionBytesMax: bytesMax } = guarding;
	const connecting = new WeakMap<Client, Connecting>();
	const users = new WeakMap<Client, BrokerUser>();
	const maySubscribe = (client: Client, filter: string): boolean => {
		const user = users.get(client);
		return user !== undefined && permissions.maySubscribe(user, filter);
	};
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
		users.set(client, user);
		onAdmitted(client.conn);
		done(null, true);
	};
	broker.authorizePublish = (client, packet, done) => {
		// A will without its client was looked at when that connected.
		const user = client ? users.get(client) : 'administrator';
		if (user && permissions.mayPublish(user, packet)) return done(null);
		if (user) refused(user, 'publish', packet.topic);
		done(new Error('not allowed'));
	};
	broker.authorizeSubscribe = (client, subscription, done) => {
		const isAllowed = maySubscribe(client, subscription.topic);
		const user = users.get(client);
		if (!isAllowed && user) refused(user, 'subscribe', subscription.topic);
		done(null, isAllowed ? subscription : null);
	};
	limitSessions(broker, {
		maySubscribe,
		bytesMax,
		onDropped: (clientId, topic) => refused({ node: clientId }, 'queue', topic),
	});
}

/** The refusal of a connection, with its number in MQTT 3.1.1. */
function refusal(returnCode: 4 | 5) {
	const why = returnCode === 4 ? 'bad user name or password' : 'not authorized';
	return Object.assign(new Error(why), { returnCode });
}

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
