/**
 * The embedded broker: MQTT 3.1.1 for development and small fleets, when no broker is configured.
 * It stores nothing on disk: the journals of the nodes hold all messages.
 *
 * It wants a login, which the node makes at its first start: on the loopback interface, too, since
 * clients that may publish there command the node, and every user of a machine reaches that
 * interface. It does not speak TLS, so the password can be read in the traffic between machines.
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
import { isToken, listenAt, readListenAddress } from '../sockets/listen-address.ts';
import { createGate, type Gate, type GateLimits } from './broker-gate.ts';
import { ownBrokerLogin, type OwnBrokerLogin } from './broker-login.ts';

/** A running broker. */
export interface RunningBroker {
	/** Its address, such as `mqtt://127.0.0.1:1883`. */
	readonly address: string;
	stop(): Promise<void>;
}

/** Whom the broker lets in. */
export interface BrokerRules {
	/** The login that clients need; undefined: none. */
	readonly login?: OwnBrokerLogin | undefined;
	readonly limits?: GateLimits;
	readonly clock?: Clock;
}

/**
 * Starts a broker on `listen` (host:port; port 0 takes a free one).
 *
 * @throws ReeveError `unguarded` if other machines can reach it without a login;
 * `address_in_use`, `bad_config`
 */
export async function startBroker(listen: string, rules: BrokerRules = {}): Promise<RunningBroker> {
	const { login, limits = configOf(), clock = realClock } = rules;
	const address = guardedAddress(listen, login !== undefined);
	const broker = await Aedes.createBroker();
	const gate: Gate = createGate({ limits, clock, handOn: (socket) => broker.handle(socket) });
	broker.authenticate = ({ conn }, user, ...[password, done]) => {
		const isRight = !login || isLogin(login, { user, password: password?.toString() });
		if (isRight) gate.admit(conn);
		done(isRight ? null : badLogin(), isRight);
	};
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

/** The address; only one of the loopback interface needs no login. */
function guardedAddress(listen: string, hasLogin: boolean) {
	const address = readListenAddress('brokerListen', listen);
	if (address.isLoopback || hasLogin) return address;
	const why = 'brokerListen: other machines reach it, and brokerLogin is false';
	throw new ReeveError('unguarded', why);
}

function isLogin(
	login: OwnBrokerLogin,
	given: { readonly user: unknown; readonly password: unknown },
): boolean {
	// Both are compared, so that the time does not tell which one is wrong.
	const isUser = isToken(given.user, login.username);
	return isToken(given.password, login.password) && isUser;
}

/** The refusal of MQTT 3.1.1 with the number 4. */
function badLogin() {
	return Object.assign(new Error('bad user name or password'), { returnCode: 4 });
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
		const broker = await startBroker(config.brokerListen, { login, limits: config, clock });
		signals.emit('transport.up', { transport: 'broker', address: broker.address });
		return broker;
	},
});
