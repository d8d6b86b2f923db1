/**
 * A line: a connection to an MQTT broker that is opened again whenever it is lost, until it is
 * ended.
 *
 * Each attempt is a new client of mqtt.js that knows nothing of the earlier ones. So nothing is
 * queued while the broker is away, and nothing is sent twice behind our back: what was not
 * acknowledged is sent again from the outbox, by whoever counts the attempts.
 *
 * This file is the door to mqtt.js.
 *
 * @module
 */
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { pause, type Clock, type Timer } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Publication, Verdict } from '../../runtime/network/transport.ts';
import { isTooLarge, nobody } from './reason-codes.ts';
import { createVersionChoice, type MqttVersion } from './mqtt-version.ts';
import type { LineGate } from './name-gate.ts';
import { asBuffer, makeNumbersSingly, sendAtOnce } from './mqtt-stream.ts';

/** How a line is opened, and what is told of it. */
export interface MqttConnectionOptions {
	readonly clock: Clock;
	readonly config: Config;
	readonly address: string;
	/** Read anew by each attempt. */
	readonly client: IClientOptions;
	/** Passed before each attempt, and told of each connection that is lost. */
	readonly gate?: LineGate | undefined;
	/** Subscribed to, with QoS 1, before the line is up. */
	readonly filters: readonly string[];
	/**
	 * Takes a packet; its acknowledgement waits for the promise, and is not sent if that rejects.
	 * `gone` is raised when the connection is lost.
	 */
	readonly onPacket: (packet: IPublishPacket, gone: AbortSignal) => Promise<void> | void;
	readonly onUp: () => void;
	/** Also told, once, of a line that does not come up. */
	readonly onDown: (why: string) => void;
}

/** The line that {@link openConnection} opens. */
export interface MqttConnection {
	publish(publication: Publication): Promise<Verdict>;
	/** Subscribes to one more topic, until the connection is lost. */
	follow(topic: string): void;
	/** Ends it, and waits until nothing of it is left; for a second at the most. */
	end(): Promise<void>;
}

/** A line that worked until now is opened again after this pause; then the pauses grow. */
const firstPauseMs = 50;
/** How long an end waits for acknowledgements that may never come. */
const endMsMax = 1000;
/**
 * A connection on which an acknowledgement takes longer is a dead one. Mosquitto, for one, says
 * nothing more on it after a publication above its `message_size_limit`.
 */
const answerMsMax = 30_000;
/** The most bytes of a PUBLISH beside topic and payload. */
const headerBytesMax = 16;

const fixedOptions = {
	// Lines are opened again by this file, which also knows about versions.
	reconnectPeriod: 0,
	queueQoSZero: false,
	resubscribe: false,
	connectTimeout: 10_000,
} as const;

interface AskTimeout {
	readonly since: number;
	readonly answer: (verdict: Verdict) => void;
}

/** What one attempt of a line consists of. */
interface Attempt {
	readonly client: MqttClient;
	/** Message numbers of publications that the broker had no subscriber for. */
	readonly unheard: Set<number>;
	/** The publications that the broker has not answered yet, oldest first. */
	readonly unanswered: Set<AskTimeout>;
	readonly clock: Clock;
	sweep: Timer | undefined;
	/** The largest packet that the broker takes. */
	bytesMax: number;
	why: string;
	/** Whether the broker has let it in, and with which reason it has thrown it out. */
	wasLetIn: boolean;
	thrownOut?: number | undefined;
	/** Whether there was an error; without one the broker has just hung up. */
	hasFailed: boolean;
	/** The packet that is being taken, until it is acknowledged. */
	inHand: Promise<void> | undefined;
	/** From now on no packet is taken any more: the broker keeps what comes. */
	isEnding: boolean;
}

/** Opens a line. It never fails: an absent broker is waited for, with growing pauses. */
export function openConnection(options: MqttConnectionOptions): MqttConnection {
	makeNumbersSingly();
	const { clock, config, gate } = options;
	const version = createVersionChoice(config);
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
			attempt.wasLetIn = true;
			sendAtOnce(client.stream);
			attempt.bytesMax = properties?.maximumPacketSize ?? Infinity;
			// A session that was kept has its subscriptions already, and perhaps packets that come first.
			if (sessionPresent) goUp();
			subscribe(client, options.filters).then(goUp, (thrown: unknown) => {
				attempt.why = thrown instanceof Error ? thrown.message : String(thrown);
				client.end(true);
			});
		});
		client.on('disconnect', ({ reasonCode }) => (attempt.thrownOut = reasonCode));
		client.on('error', (error) => {
			attempt.why = error.message;
			attempt.hasFailed = true;
			if (version.refused(error)) failures = 0;
		});
		client.on('close', () => {
			if (current !== attempt) return;
			current = undefined;
			client.end(true);
			if (attempt.wasLetIn) {
				version.lost();
				gate?.lost(attempt.thrownOut);
			} else if (!attempt.hasFailed) version.hungUp();
			const isNews = isUp || failures === 2;
			isUp = false;
			if (isNews) options.onDown(attempt.why);
			again();
		});
	};
	enter();
	return {
		publish: (publication) =>
			isUp && current ? publish(current, publication) : Promise.resolve('not_connected'),
		follow(topic) {
			if (!isUp || !current) return;
			// If the connection is lost meanwhile, it is asked for again by whoever wanted it.
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
			if (last) await endAttempt(last, { clock, isForced: !wasUp });
			if (wasUp) options.onDown('stopped');
		},
	};
}

/** Starts one attempt. All listeners that an error could want are there before it can happen. */
function connect(options: MqttConnectionOptions, version: MqttVersion): Attempt {
	const { clock, address, client: own, onPacket } = options;
	const client = mqtt.connect(address, { ...own, protocolVersion: version, ...fixedOptions });
	const unheard = new Set<number>();
	const gone = new AbortController();
	const attempt: Attempt = {
		client,
		unheard,
		unanswered: new Set(),
		clock,
		sweep: undefined,
		bytesMax: Infinity,
		why: 'the broker does not answer',
		wasLetIn: false,
		hasFailed: false,
		inHand: undefined,
		isEnding: false,
	};
	client.handleMessage = (packet, acknowledge) => {
		// An error means only that there is no acknowledgement: the broker brings the packet again.
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
		// A client that is closed forgets whom it owes an answer to.
		for (const { answer } of attempt.unanswered) answer('not_connected');
	});
	client.on('packetreceive', (packet) => {
		// mqtt.js takes this for a plain success, and keeps the reason to itself.
		if (packet.cmd === 'puback' && packet.reasonCode === nobody) {
			unheard.add(packet.messageId ?? 0);
		}
	});
	return attempt;
}

/** Subscribes with QoS 1, and fails unless every filter is granted. */
async function subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
	const grants = await client.subscribeAsync([...filters], { qos: 1 });
	const denied = grants.find(({ qos }) => qos > 2);
	if (denied) throw new Error(`the broker refuses the subscription ${denied.topic}`);
}

/** Publishes, and says what the broker made of it. */
function publish(attempt: Attempt, publication: Publication): Promise<Verdict> {
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
			if (!error) waiting.answer(isUnheard ? 'nobody' : 'taken');
			else if (!client.connected) waiting.answer('not_connected');
			else waiting.answer(isTooLarge(error) ? 'too_large' : 'refused');
		});
	});
}

/** Breaks the connection if an answer takes too long; one timer is enough for all. */
function watch(attempt: Attempt): void {
	const { client, clock, unanswered } = attempt;
	if (attempt.sweep || unanswered.size === 0) return;
	attempt.sweep = clock.after(answerMsMax, () => {
		attempt.sweep = undefined;
		const [oldest] = unanswered;
		if (!oldest || clock.monotonic() - oldest.since < answerMsMax) return watch(attempt);
		attempt.why = 'the broker does not acknowledge';
		for (const { answer } of unanswered) answer('not_connected');
		client.end(true);
	});
}

/** Says goodbye, but does not wait for ever for what is still unacknowledged. */
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
