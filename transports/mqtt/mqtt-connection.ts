/**
 * A connection to an MQTT broker that is opened again whenever it is lost, until it is ended.
 *
 * Each attempt is a new client of mqtt.js without the state of earlier ones. So nothing is queued
 * while the broker is away, and mqtt.js repeats nothing: what was not acknowledged is sent again
 * from the outbox, where attempts are counted.
 *
 * This file is the door to mqtt.js.
 *
 * @module
 */
import { reasonOf } from '../../runtime/platform/errors.ts';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { pause, type Clock, type Timer } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Publication, Verdict } from '../../runtime/network/transport.ts';
import { isHangUp, isTooLarge, noMatchingSubscribers } from './reason-codes.ts';
import { createHangUpTrial } from './hang-up-trial.ts';
import { createVersionChoice, type MqttVersion } from './mqtt-version.ts';
import type { ConnectionGate } from './name-gate.ts';
import { asBuffer, makeNumbersSingly, sendAtOnce } from './mqtt-stream.ts';

/** The options of a connection. */
export interface MqttConnectionOptions {
	readonly clock: Clock;
	readonly config: Config;
	readonly address: string;
	/** Read again for each attempt. */
	readonly client: IClientOptions;
	/** Passed before each attempt, and informed of each lost connection. */
	readonly gate?: ConnectionGate | undefined;
	/** Subscribed to, with QoS 1, before the connection counts as up. */
	readonly filters: readonly string[];
	/**
	 * Takes a packet; its acknowledgement waits for the promise, and is not sent if that rejects.
	 * `gone` is raised when the connection is lost.
	 */
	readonly onPacket: (packet: IPublishPacket, gone: AbortSignal) => Promise<void> | void;
	readonly onUp: () => void;
	/** Called when the connection is lost; also once if it does not come up at first. */
	readonly onDown: (why: string) => void;
}

/** The connection that {@link openConnection} opens. */
export interface MqttConnection {
	publish(publication: Publication): Promise<Verdict>;
	/** Subscribes to one more topic, until the connection is lost. */
	follow(topic: string): void;
	/** Ends it, and waits until it is closed, for one second at most. */
	end(): Promise<void>;
}

/** The pause before the first attempt after a connection was lost; later pauses grow. */
const firstPauseMs = 50;
/** How long an end waits for acknowledgements that may never come. */
const endMsMax = 1000;
/**
 * A connection on which an acknowledgement takes longer counts as dead.
 */
const answerMsMax = 30_000;
/** The most bytes of a PUBLISH packet besides topic and payload. */
const headerBytesMax = 16;

const fixedOptions = {
	// This file reconnects itself, since it also chooses the version.
	reconnectPeriod: 0,
	queueQoSZero: false,
	resubscribe: false,
} as const;

interface AskTimeout {
	readonly since: number;
	readonly answer: (verdict: Verdict) => void;
}

/** One attempt to connect, and its connection if it succeeds. */
interface Attempt {
	readonly client: MqttClient;
	/** Packet ids of publications without a matching subscriber. */
	readonly unheard: Set<number>;
	/** The publications that the broker has not answered yet, oldest first. */
	readonly unanswered: Set<AskTimeout>;
	/** What waits for the answer to a ping. */
	readonly pinged: (() => void)[];
	readonly clock: Clock;
	sweep: Timer | undefined;
	/** The largest packet that the broker takes. */
	bytesMax: number;
	why: string;
	/** Whether the broker has accepted the connection. */
	wasAccepted: boolean;
	/** The reason code with which the broker has disconnected it. */
	disconnectReason?: number | undefined;
	/** The first error; without one the broker has just closed the connection. */
	error: Error | undefined;
	/** Settles when the packet that is being handled is acknowledged. */
	inHand: Promise<void> | undefined;
	/** Packets are not taken any more: the broker keeps them. */
	isEnding: boolean;
}

/** Opens a connection. It never fails: it waits for an absent broker, with growing pauses. */
export function openConnection(options: MqttConnectionOptions): MqttConnection {
	makeNumbersSingly();
	const { clock, config, gate } = options;
	const version = createVersionChoice(config);
	const trial = createHangUpTrial(options);
	let current: Attempt | undefined;
	let timer: Timer | undefined;
	let failures = 0;
	let isUp = false;
	let isEnded = false;

	const again = (): void => {
		if (isEnded) return;
		const baseMs = Math.min(config.resendMsMax, config.resendMsMin * 2 ** Math.min(failures, 6));
		failures += 1;
		timer = clock.after(failures === 1 ? firstPauseMs : baseMs * (0.5 + clock.random() / 2), enter);
	};
	const enter = (): void => {
		if (!gate) return open();
		void gate.enter().then((mayConnect) => {
			if (mayConnect && !isEnded) open();
		});
	};
	const open = (): void => {
		const attempt = connect(options, version.current);
		current = attempt;
		const { client } = attempt;
		const goUp = (): void => {
			// It may have been lost, or ended, between the grant and now.
			if (current !== attempt || isUp) return;
			failures = 0;
			isUp = true;
			options.onUp();
		};
		client.on('connect', ({ properties, sessionPresent }) => {
			attempt.wasAccepted = true;
			attempt.why = 'the broker closed the connection';
			sendAtOnce(client.stream);
			attempt.bytesMax = Math.min(properties?.maximumPacketSize ?? Infinity, config.brokerBytesMax);
			// A kept session has its subscriptions already, and its packets may come at once.
			if (sessionPresent) goUp();
			subscribe(client, options.filters).then(goUp, (thrown: unknown) => {
				attempt.why = reasonOf(thrown);
				client.end(true);
			});
		});
		client.on('disconnect', ({ reasonCode = 0 }) => {
			attempt.disconnectReason = reasonCode;
			attempt.why = `the broker closed the connection: reason 0x${reasonCode.toString(16)}`;
		});
		client.on('packetreceive', ({ cmd }) => {
			if (cmd === 'puback' || cmd === 'pingresp') trial.answered();
		});
		client.on('error', (error) => {
			fail(attempt, error);
			if (version.refused(error)) failures = 0;
			// mqtt.js reads nothing more after a packet that it does not understand.
			if (attempt.wasAccepted) client.stream.destroy();
		});
		client.on('close', () => {
			if (current !== attempt) return;
			current = undefined;
			const isInDoubt = trial.isInDoubt();
			trial.lost(isUp && isHangUp(attempt.disconnectReason, attempt.error));
			client.end(true);
			if (attempt.wasAccepted) {
				version.lost();
				gate?.lost(attempt.disconnectReason, isInDoubt);
			} else if (!attempt.error) version.hungUp();
			const isReported = isUp || failures === 2;
			isUp = false;
			if (isReported) options.onDown(attempt.why);
			again();
		});
	};
	enter();
	return {
		publish: (publication) =>
			isUp
				? trial.run(publication.qos, (isTrial) =>
						current ? publish(current, publication, isTrial) : Promise.resolve('not_connected'),
					)
				: Promise.resolve('not_connected'),
		follow(topic) {
			if (!isUp || !current) return;
			// If the connection is lost meanwhile, the caller follows again when it is up.
			subscribe(current.client, [topic]).catch(() => undefined);
		},
		async end() {
			if (isEnded) return;
			isEnded = true;
			timer?.cancel();
			const last = current;
			const wasUp = isUp;
			current = undefined;
			isUp = false;
			trial.lost(false);
			trial.end();
			if (last) await endAttempt(last, { clock, isForced: !wasUp });
			if (wasUp) options.onDown('stopped');
		},
	};
}

/** Connects once by itself, with options of mqtt.js. */
export function connectOnce(address: string, options: IClientOptions): MqttClient {
	return mqtt.connect(address, { ...options, ...fixedOptions });
}

/** Starts one attempt. All listeners are set before an error can happen. */
function connect(options: MqttConnectionOptions, version: MqttVersion): Attempt {
	const { clock, config, address, client: own, onPacket } = options;
	const client = mqtt.connect(address, {
		...own,
		protocolVersion: version,
		connectTimeout: config.connectMs,
		...fixedOptions,
	});
	const unheard = new Set<number>();
	const gone = new AbortController();
	const attempt: Attempt = {
		client,
		unheard,
		unanswered: new Set(),
		pinged: [],
		clock,
		sweep: undefined,
		bytesMax: Infinity,
		why: 'the broker does not answer',
		wasAccepted: false,
		error: undefined,
		inHand: undefined,
		isEnding: false,
	};
	// mqtt.js passes on only some of the errors of its stream.
	client.stream.on('error', (error: Error) => fail(attempt, error));
	client.handleMessage = (packet, acknowledge) => {
		// An error only means no acknowledgement: the broker sends the packet again.
		const refuse = (thrown: unknown) =>
			acknowledge(thrown instanceof Error ? thrown : new Error(String(thrown)));
		if (attempt.isEnding) return refuse('stopping');
		try {
			const taken = onPacket(packet, gone.signal);
			if (taken) attempt.inHand = taken.then(() => acknowledge(), refuse);
			else acknowledge();
		} catch (thrown) {
			refuse(thrown);
		}
	};
	client.on('close', () => {
		gone.abort();
		attempt.sweep?.cancel();
		// mqtt.js does not call the callbacks of a closed client.
		for (const { answer } of attempt.unanswered) answer('not_connected');
	});
	client.on('packetreceive', (packet) => {
		// mqtt.js treats this as success, and does not pass the reason on.
		if (packet.cmd === 'puback' && packet.reasonCode === noMatchingSubscribers) {
			unheard.add(packet.messageId ?? 0);
		}
		if (packet.cmd === 'pingresp') for (const answered of attempt.pinged.splice(0)) answered();
	});
	return attempt;
}

/** Notes why an attempt fails; the first error is the cause of later ones. */
function fail(attempt: Attempt, error: Error): void {
	attempt.error ??= error;
	attempt.why = reasonOf(attempt.error);
}

/** Subscribes with QoS 1, and fails unless every filter is granted. */
async function subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
	const grants = await client.subscribeAsync([...filters], { qos: 1 });
	const denied = grants.find(({ qos }) => qos > 2);
	if (denied) throw new Error(`the broker refuses the subscription ${denied.topic}`);
}

/**
 * Publishes, and resolves with the broker's verdict. In a trial that of a publication with QoS 0 is
 * the answer to a ping behind it.
 */
function publish(attempt: Attempt, publication: Publication, isTrial: boolean): Promise<Verdict> {
	const { client, unheard, bytesMax } = attempt;
	const { topic, payload, qos, retain, correlationData } = publication;
	const isNew = client.options.protocolVersion === 5;
	const properties =
		correlationData && isNew ? { properties: { correlationData: asBuffer(correlationData) } } : {};
	const bytes = payload.byteLength + Buffer.byteLength(topic) + headerBytesMax;
	if (bytes > bytesMax) return Promise.resolve('too_large');
	return new Promise((resolve) => {
		const waiting: AskTimeout = {
			since: attempt.clock.monotonic(),
			answer(verdict) {
				attempt.unanswered.delete(waiting);
				resolve(verdict);
			},
		};
		attempt.unanswered.add(waiting);
		watch(attempt);
		client.publish(topic, asBuffer(payload), { qos, retain, ...properties }, (error, packet) => {
			const isUnheard = unheard.delete(packet?.messageId ?? -1);
			if (!error && isTrial && qos === 0) {
				attempt.pinged.push(() => waiting.answer('taken'));
				client.sendPing();
			} else if (!error) waiting.answer(isUnheard ? 'nobody' : 'taken');
			else if (!client.connected) waiting.answer('not_connected');
			else waiting.answer(isTooLarge(error) ? 'too_large' : 'refused');
		});
	});
}

/** Closes the connection if an acknowledgement takes too long; one timer serves all. */
function watch(attempt: Attempt): void {
	const { client, clock, unanswered } = attempt;
	if (attempt.sweep || unanswered.size === 0) return;
	attempt.sweep = clock.after(answerMsMax, () => {
		attempt.sweep = undefined;
		const [oldest] = unanswered;
		if (!oldest || clock.monotonic() - oldest.since < answerMsMax) return watch(attempt);
		attempt.why = 'the broker does not acknowledge';
		client.stream.destroy();
	});
}

/** Disconnects; waits for the packet being handled and for acknowledgements, but not for ever. */
async function endAttempt(
	attempt: Attempt,
	{ clock, isForced }: { clock: Clock; isForced: boolean },
): Promise<void> {
	const { client } = attempt;
	attempt.isEnding = true;
	const inTime = new AbortController();
	client.once('close', () => inTime.abort());
	const goodbye = async () => {
		if (!isForced) await attempt.inHand;
		await client.endAsync(isForced, {});
		inTime.abort();
	};
	await Promise.race([goodbye(), pause(clock, endMsMax, inTime.signal)]);
	if (client.connected) client.stream.destroy();
}
