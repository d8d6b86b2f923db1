/**
 * The MQTT wire: MQTT 5.0, and 3.1.1 where the broker does not speak it.
 *
 * There are two connections. One carries reeve's own frames, whose delivery the journals ensure, so
 * its packets are acknowledged at once. The other, `:in`, takes what MQTT clients publish; they
 * have no journal, so each of their packets is acknowledged only when its message is on disk.
 * mqtt.js handles one packet of a connection at a time, so one connection could not do both. A node
 * with `takePublic: false` has the first only.
 *
 * They are opened only after a claim of the node's name has succeeded. The claim is made over a
 * third, short connection, and again after another client has taken the name. There is no will
 * delay: the death of a killed node is published at once, and a node that runs corrects a late
 * will.
 *
 * The broker knows them as `<prefix>:<node>` and `<prefix>:<node>:in`. No node's name has a colon,
 * and fleets with different prefixes may share a broker.
 *
 * @module
 */
import { nodeFilters, publicFilter } from '../../runtime/message/topics.ts';
import type { Config } from '../../runtime/config/config.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import {
	defineTransport,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';
import type { Arrival, PublicProperties, Wire } from '../../runtime/network/transport.ts';
import {
	createLogin,
	readLogin,
	type BrokerLogin,
	brokerUrl,
	hideSecrets,
} from './broker-login.ts';
import {
	openConnection,
	type MqttConnection,
	type MqttConnectionOptions,
} from './mqtt-connection.ts';
import { ownBrokerAddress } from './embedded-broker.ts';
import { createNameGate, createRelay, type ClaimEnd, type NameGate } from './name-gate.ts';
import { deferred } from '../../runtime/platform/deferred.ts';

type Packet = Parameters<MqttConnectionOptions['onPacket']>[0];

/** The broker keeps what MQTT clients publish while this node is away for a day. */
const sessionSeconds = 86_400;
/** The most public packets that the broker may send without an acknowledgement. */
const publicMax = 64;

/** The broker's address, the login, and the gate of the node's name. */
interface Route {
	readonly address: string;
	readonly login: () => BrokerLogin;
	readonly gate: NameGate | undefined;
}

/** The name of a connection at the broker. */
function clientId({ node, config }: TransportContext): string {
	return config.topicPrefix === '' ? node : `${config.topicPrefix}:${node}`;
}

/**
 * Opens the connection for frames, acknowledgements and presence. The wire is reported as up when
 * it is connected and `ready` has resolved.
 */
function openFrames(
	context: TransportContext,
	{ address, login, gate }: Route,
	ready: Promise<void>,
): MqttConnection {
	const { node, clock, config, listener, signals } = context;
	const transport = { transport: 'mqtt', address: hideSecrets(address) };
	let connectionCount = 0;
	const connection = openConnection({
		clock,
		config,
		address,
		gate: gate?.connection(),
		// A getter, read for each attempt: a will has the number of its connection.
		get client() {
			const { topic, payload } = context.will;
			const will = { topic, payload: Buffer.from(payload), qos: 1, retain: true } as const;
			return { ...login(), clientId: clientId(context), clean: true, will };
		},
		filters: nodeFilters(config.topicPrefix, node, config.presence),
		onPacket: (packet) => takeOwn(context, packet),
		onUp() {
			const mine = (connectionCount += 1);
			void ready.then(() => {
				if (mine !== connectionCount) return;
				signals.emit('transport.up', transport);
				listener.up(wire);
			});
		},
		onDown(why) {
			connectionCount += 1;
			signals.emit('transport.down', { ...transport, reason: why });
			listener.down(wire, why);
		},
	});
	const wire: Wire = {
		name: 'mqtt',
		publish: (publication) => connection.publish(publication),
		follow: (topic) => connection.follow(topic),
	};
	return connection;
}

/**
 * Opens the connection for MQTT clients. The broker keeps its session while the node is away.
 * `onTried` is called when it is up, or did not come up at first: a node that MQTT clients cannot
 * reach still works with other nodes.
 */
function openIngress(
	context: TransportContext,
	{ address, login, gate }: Route,
	onTried: () => void,
): MqttConnection {
	const { node, clock, config, listener, signals } = context;
	const transport = { transport: 'mqtt:in', address: hideSecrets(address) };
	let wasDown = false;
	return openConnection({
		clock,
		config,
		address,
		gate: gate?.connection(),
		get client() {
			const properties = {
				sessionExpiryInterval: sessionSeconds,
				receiveMaximum: publicMax,
			};
			return { ...login(), clientId: `${clientId(context)}:in`, clean: false, properties };
		},
		filters: [publicFilter(config.topicPrefix, node)],
		onPacket: (packet, gone) =>
			listener.publicMessage(packet.topic, bytesOf(packet.payload), {
				...publicProperties(packet.properties),
				...arrivalOf(packet),
				gone,
			}),
		onUp() {
			if (wasDown) signals.emit('transport.up', transport);
			onTried();
		},
		onDown(why) {
			wasDown = true;
			signals.emit('transport.down', { ...transport, reason: why });
			onTried();
		},
	});
}

/**
 * Claims the name of the node over a connection with another name; waits while the broker is away.
 */
function claimName(
	{ clock, config, claim, signals }: TransportContext,
	{ address, login }: Pick<Route, 'address' | 'login'>,
	{ isContested, signal }: { isContested: boolean; signal: AbortSignal },
): Promise<ClaimEnd> {
	if (!claim) return Promise.resolve('granted');
	const transport = { transport: 'mqtt', address: hideSecrets(address) };
	return new Promise((resolve) => {
		let lost = deferred();
		let relay = createRelay();
		const finish = (end: ClaimEnd): void => {
			signal.removeEventListener('abort', giveUp);
			void connection.end().then(() => resolve(end));
		};
		const giveUp = () => finish('denied');
		const connection = openConnection({
			clock,
			config,
			address,
			get client() {
				return { ...login(), clientId: claim.connection, clean: true };
			},
			filters: claim.filters,
			onPacket: (packet) => relay.arrived(packet.topic, bytesOf(packet.payload), arrivalOf(packet)),
			onUp() {
				lost = deferred();
				const { onPacket } = relay;
				const publish: Wire['publish'] = (publication) => connection.publish(publication);
				void claim.conduct({ publish, onPacket, lost: lost.promise }, isContested).then((end) => {
					// After `lost` the connection is opened again, and claims once more.
					if (end !== 'lost') finish(end);
				});
			},
			onDown(reason) {
				lost.resolve();
				relay = createRelay();
				if (reason !== 'stopped') signals.emit('transport.down', { ...transport, reason });
			},
		});
		signal.addEventListener('abort', giveUp, { once: true });
	});
}

/**
 * Hands a packet of another node to this one. An error is reported; it must not break the
 * connection.
 */
function takeOwn({ listener, signals }: TransportContext, packet: Packet): void {
	const { topic, payload } = packet;
	try {
		listener.packet(topic, bytesOf(payload), arrivalOf(packet));
	} catch (thrown) {
		const { code, detail } = asReeveError(thrown);
		signals.emit('message.refused', { code, detail: `${topic}: ${detail}`, via: 'mqtt' });
	}
}

function arrivalOf({ retain, dup }: Packet): Arrival {
	return { ...(retain ? { isRetained: true } : {}), ...(dup ? { isRepeat: true } : {}) };
}

function bytesOf(payload: string | Buffer): Uint8Array {
	return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

/** What MQTT 5 says beside a payload, as mqtt.js gives it. */
interface Mqtt5Properties {
	readonly responseTopic?: string;
	readonly correlationData?: Uint8Array;
	readonly userProperties?: object;
}

function publicProperties(properties: Mqtt5Properties = {}): PublicProperties {
	const { responseTopic, correlationData, userProperties = {} } = properties;
	const said = proofNames.flatMap((name): [string, string][] => {
		const value: unknown = Reflect.get(userProperties, `reeve-${name}`);
		// A property that comes twice is a list, which no signature has.
		return value === undefined ? [] : [[name, typeof value === 'string' ? value : '']];
	});
	return {
		...(said.length === 0 ? {} : { proof: Object.fromEntries(said) }),
		...(responseTopic === undefined ? {} : { responseTopic }),
		...(correlationData === undefined ? {} : { correlationData }),
	};
}

const proofNames = ['by', 'count', 'signature'];

function addressOf({ brokerAddress, brokerListen, rootCAPath }: Config): string {
	if (brokerAddress === '') return ownBrokerAddress(brokerListen);
	return brokerUrl(brokerAddress, rootCAPath !== '');
}

async function start(context: TransportContext): Promise<RunningTransport> {
	const { config } = context;
	const address = addressOf(config);
	const login = createLogin(config);
	const tried = deferred();
	const gate =
		context.claim &&
		createNameGate({
			...context,
			claim: (isContested, signal) =>
				claimName(context, { address, login }, { isContested, signal }),
		});
	const route = { address, login, gate };
	const connections = [openFrames(context, route, tried.promise)];
	if (context.isSafe || !config.takePublic) tried.resolve();
	else connections.unshift(openIngress(context, route, tried.resolve));
	return {
		address: hideSecrets(address),
		async stop() {
			gate?.end();
			await Promise.all(connections.map((each) => each.end()));
		},
	};
}

/** The wire of every node, to the configured broker or to the embedded one. */
export default defineTransport({
	name: 'mqtt',
	wanted: () => true,
	async check(config) {
		addressOf(config);
		readLogin(config);
		await Promise.resolve();
	},
	start,
});
