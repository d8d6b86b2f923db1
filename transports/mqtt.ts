/**
 * The MQTT wire: MQTT 5.0, and 3.1.1 where the broker does not speak it.
 *
 * There are two connections. `<node>` carries our own frames, whose delivery the journals look after, so
 * its packets are acknowledged at once. `<node>-in` takes what foreign clients publish; they have no
 * journal, so each of their packets is acknowledged only when its message is on disk. mqtt.js handles
 * one packet of a connection at a time, so one connection could not do both.
 *
 * mqtt.js keeps nothing across a disconnect: what was not acknowledged is sent again from the outbox.
 *
 * This file is the door to mqtt.js.
 *
 * @module
 */
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { nodeFilters, publicFilter } from '../runtime/address.ts';
import type { Timer } from '../runtime/clock.ts';
import { defineTransport, type TransportContext, type Verdict } from '../runtime/wire.ts';
import type { Publication, Wire } from '../runtime/wire.ts';

type Version = 4 | 5;

/** Reason codes of the MQTT 5.0 specification, section 2.4. */
const reason = { nobody: 0x10, unsupportedVersion: 0x84, tooLarge: 0x95 } as const;
/** What a 3.1.1 broker answers to a protocol version that it does not speak; section 3.2.2.3. */
const refusedVersion = 1;
/** A day: so long a broker keeps what foreign clients publish while this node is away. */
const sessionSeconds = 86_400;

/** A connection that is opened again whenever it is lost, until it is ended. */
interface Line {
	client(): MqttClient | undefined;
	end(): Promise<void>;
}

interface LineOptions {
	readonly context: TransportContext;
	readonly address: string;
	readonly options: IClientOptions;
	readonly prepare: (client: MqttClient) => void;
	/** Subscribes; the line is up when this resolves. */
	readonly onConnect: (client: MqttClient) => Promise<void>;
	readonly onUp: (client: MqttClient) => void;
	readonly onDown: (why: string) => void;
}

/** Opens a line. It never fails: an absent broker is waited for, with growing pauses. */
function openLine(parts: LineOptions): Line {
	const { context, address, options, prepare, onConnect, onUp, onDown } = parts;
	const { clock, config } = context;
	let version: Version = config.mqttVersion === '3.1.1' ? 4 : 5;
	let client: MqttClient | undefined;
	let timer: Timer | undefined;
	let failures = 0;
	let isUp = false;
	let isEnded = false;

	const again = (): void => {
		if (isEnded) return;
		const baseMs = Math.min(config.resendMsMax, config.resendMsMin * 2 ** Math.min(failures, 6));
		failures += 1;
		timer = clock.after(failures === 1 ? 50 : baseMs * (0.5 + clock.random() / 2), connect);
	};
	const connect = (): void => {
		const mine = mqtt.connect(address, { ...options, protocolVersion: version, ...fixedOptions });
		client = mine;
		let why = 'the broker does not answer';
		prepare(mine);
		mine.on('connect', () => {
			onConnect(mine).then(
				() => {
					failures = 0;
					isUp = true;
					onUp(mine);
				},
				(thrown: unknown) => {
					why = String(thrown);
					mine.end(true);
				},
			);
		});
		mine.on('error', (error) => {
			why = error.message;
			const code = 'code' in error ? error.code : undefined;
			const isVersion = code === refusedVersion || code === reason.unsupportedVersion;
			if (isVersion && version === 5 && config.mqttVersion === 'auto') {
				version = 4;
				failures = 0;
			}
		});
		mine.on('close', () => {
			if (client !== mine) return;
			client = undefined;
			mine.end(true);
			if (isUp || failures === 2) onDown(why);
			isUp = false;
			again();
		});
	};
	connect();
	return {
		client: () => (isUp ? client : undefined),
		async end() {
			isEnded = true;
			timer?.cancel();
			const last = client;
			client = undefined;
			if (last) await last.endAsync(!isUp);
		},
	};
}

const fixedOptions = {
	// Lines are opened again by this file, which also knows about versions.
	reconnectPeriod: 0,
	queueQoSZero: false,
	resubscribe: false,
	connectTimeout: 10_000,
} as const;

/** Subscribes with QoS 1, and fails unless every filter is granted. */
async function subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
	const grants = await client.subscribeAsync([...filters], { qos: 1 });
	const denied = grants.find(({ qos }) => qos > 2);
	if (denied) throw new Error(`the broker refuses the subscription ${denied.topic}`);
}

/** Publishes, and says what the broker made of it. The reason is only in the PUBACK packet. */
function publish(client: MqttClient | undefined, publication: Publication): Promise<Verdict> {
	const { topic, payload, qos, retain } = publication;
	if (!client?.connected) return Promise.resolve('not_connected');
	return new Promise((resolve) => {
		const lost = () => resolve('not_connected');
		client.once('close', lost);
		client.publish(topic, Buffer.from(payload), { qos, retain }, (error, packet) => {
			client.off('close', lost);
			resolve(verdictOf(error, packet));
		});
	});
}

function verdictOf(error: unknown, packet: unknown): Verdict {
	const source = error ?? packet;
	const isCoded = typeof source === 'object' && source !== null;
	const code =
		isCoded && 'code' in source
			? source.code
			: isCoded && 'reasonCode' in source
				? source.reasonCode
				: 0;
	if (code === reason.nobody) return 'nobody';
	if (code === reason.tooLarge) return 'too_large';
	return error ? 'refused' : 'taken';
}

/** `host:port`, as steward has it, or any address that mqtt.js understands. */
function addressOf({ config }: TransportContext): string {
	const address = config.brokerAddress || config.brokerListen;
	return /^[a-z]+:\/\//.test(address) ? address : `mqtt://${address}`;
}

function start(context: TransportContext) {
	const { node, config, listener, signals, will } = context;
	const address = addressOf(context);
	const shown = address.replace(/\/\/[^@/]*@/, '//');
	let frames: Line | undefined;
	const wire: Wire = {
		name: 'mqtt',
		publish: (publication) => publish(frames?.client(), publication),
	};

	frames = openLine({
		context,
		address,
		options: {
			clientId: node,
			clean: true,
			will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
		},
		prepare: (client) => {
			client.on('message', (topic, payload) => listener.packet(topic, payload));
			client.setMaxListeners(0);
		},
		onConnect: (client) => subscribe(client, nodeFilters(config.topicPrefix, node)),
		onUp: () => {
			signals.emit('transport.up', { transport: 'mqtt', address: shown });
			listener.up(wire);
		},
		onDown: (why) => {
			signals.emit('transport.down', { transport: 'mqtt', address: shown, reason: why });
			listener.down(wire, why);
		},
	});
	const ingress = openLine({
		context,
		address,
		options: {
			clientId: `${node}-in`,
			clean: false,
			properties: { sessionExpiryInterval: sessionSeconds, receiveMaximum: 64 },
		},
		prepare: (client) => {
			client.handleMessage = (packet, acknowledge) => takeForeign(context, packet, acknowledge);
		},
		onConnect: (client) => subscribe(client, [publicFilter(config.topicPrefix, node)]),
		onUp: () => {},
		onDown: () => {},
	});
	return {
		address: shown,
		async stop() {
			await Promise.all([frames.end(), ingress.end()]);
		},
	};
}

/** Acknowledges a foreign packet when its message is on disk, or refused for good. */
function takeForeign(
	{ listener }: TransportContext,
	packet: IPublishPacket,
	acknowledge: (error?: Error) => void,
): void {
	const { topic, payload, properties = {} } = packet;
	const { responseTopic, correlationData } = properties;
	const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
	const more = {
		...(responseTopic ? { responseTopic } : {}),
		...(correlationData ? { correlationData } : {}),
	};
	listener.foreign(topic, bytes, more).then(
		() => acknowledge(),
		(thrown: unknown) => acknowledge(thrown instanceof Error ? thrown : new Error(String(thrown))),
	);
}

export default defineTransport({
	name: 'mqtt',
	wanted: () => true,
	start: (context) => Promise.resolve(start(context)),
});
