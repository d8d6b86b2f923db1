/**
 * The network as a node sees it: all its wires as one. The rest of the node does not know which
 * wire carries a publication. What wires bring goes through the inbound router.
 *
 * @module
 */
import { formatTopic, type Kind } from '../message/topics.ts';
import { createStatusPublisher, type Self } from './status-publisher.ts';
import { createFrameBatching, type FrameSending } from './frame-batching.ts';
import { createAcknowledging } from './ack-batching.ts';
import type { TopicBarConfig } from './topic-bar.ts';
import type { Config } from '../config/config.ts';
import type { Signals } from '../observability/signals.ts';
import type { Clock } from '../platform/clock.ts';
import type { PassPoint } from '../platform/crash-points.ts';
import { frameVersion, packFrames, type FrameContent } from '../protocol/frame.ts';
import { passingSigner, type Signer } from '../security/signing.ts';
import type { Status } from '../protocol/status.ts';
import type { Publication, Verdict, Wire } from './transport.ts';
import { packAcknowledgement, type LaneAck } from '../protocol/acknowledgement.ts';

/** The network that {@link createNetwork} makes. */
export interface Network {
	/** A wire is connected: everything is published on it, too, until it is detached. */
	attach(wire: Wire): void;
	detach(wire: Wire): void;
	/** Calls `see` whenever a wire comes up, or goes down; `isUp` is true while one is up. */
	onLink(see: (isUp: boolean) => void): () => void;
	/** See {@link StatusPublisher.hear}. */
	hear(status: Status, count?: number): boolean;
	/** See {@link StatusPublisher.contradict}. */
	contradict(): void;
	/** The publication that the broker makes for us if we die. */
	readonly will: Publication;
	isUp(): boolean;
	/**
	 * Sends a frame to a node before this turn ends: QoS 1, with other lanes' in one PUBLISH. Without
	 * a lane, for messages that are sent at most once, alone and with QoS 0. `how.unsendable` is told
	 * of messages of a lane that no broker here takes.
	 */
	sendFrame(
		to: { node: string; method: string; kind: Kind },
		frame: FrameContent,
		how?: FrameSending,
	): void;
	/** Hands any publication to the broker. Never rejects. */
	publish(publication: Publication): Promise<Verdict>;
	/** Sends an acknowledgement soon: all for one store leave together. */
	answer(to: { readonly from: string; readonly storeId: string }, ack: LaneAck): void;
	/** Asks the brokers, now and after each reconnect, what they know of a node. */
	follow(node: string): void;
	/** Publishes to any topic, at most once. */
	tell(topic: string, text: string): void;
	/** From now on this node is announced on every wire, also after a reconnect. */
	announce(): void;
	/** Says goodbye on every wire; resolves when the brokers have it. */
	retire(): Promise<void>;
}

/** Creates the network of a node. Nothing is sent before a wire is up. */
export function createNetwork(parts: {
	self: Self;
	clock: Clock;
	config: TopicBarConfig & Pick<Config, 'frameBytesMax' | 'ackBytesMax' | 'windowMessagesMax'>;
	signals: Pick<Signals, 'emit'>;
	passPoint: PassPoint;
	/** Without one, nothing is signed and everything is believed. */
	signer?: Signer | undefined;
	/** Aborted when another process speaks for this store: then nothing leaves any more. */
	fenced?: AbortSignal | undefined;
}): Network {
	const { self, clock, config, signals, signer = passingSigner, fenced } = parts;
	const onBarred = (topic: string): void => {
		signals.emit('topic.barred', { topic });
	};
	const shared = { clock, config, onBarred };
	const wires = new Set<Wire>();
	const linkListeners = new Set<(isUp: boolean) => void>();
	const tellLink = (): void => {
		for (const see of linkListeners) see(wires.size > 0);
	};
	/**
	 * The status topics that are asked for by name; there are as many as nodes that have had mail.
	 */
	const followed = new Set<string>();
	const head = () =>
		({
			v: frameVersion,
			from: self.node,
			storeId: self.storeId,
			epoch: self.epoch,
		}) as const;

	const topicOf = (topic: Parameters<typeof formatTopic>[1]) => formatTopic(self.prefix, topic);
	const publish = async (publication: Publication): Promise<Verdict> => {
		const verdicts = await Promise.all([...wires].map((wire) => wire.publish(publication)));
		return verdicts.find((verdict) => verdict === 'taken') ?? verdicts[0] ?? 'not_connected';
	};
	const statusPublisher = createStatusPublisher({ ...shared, self, wires, signer });

	const publishFrames = (topic: string, qos: 0 | 1, frames: readonly FrameContent[]) => {
		const payload = signer.sign(topic, packFrames(head(), frames));
		return publish({ topic, payload, qos, retain: false });
	};
	const frameBatching = createFrameBatching({
		...shared,
		bytesMax: config.frameBytesMax,
		publish: (topic, frames) => publishFrames(topic, 1, frames),
		onSent: () => parts.passPoint('frame.sent'),
	});

	const acknowledging = createAcknowledging({
		...shared,
		topicOf: (node) => topicOf({ part: 'ack', node }),
		publish(topic, content) {
			const payload = signer.sign(topic, packAcknowledgement({ ...head(), ...content }));
			// QoS 0: an acknowledgement that gets lost costs a resend, which is answered alike.
			return publish({ topic, payload, qos: 0, retain: false });
		},
	});
	/** Sends messages that are sent at most once; those that the broker does not take are told of. */
	const sendOnce = async (topic: string, content: FrameContent): Promise<void> => {
		const verdict = await publishFrames(topic, 0, [content]);
		if (verdict !== 'too_large' && verdict !== 'hung_up' && verdict !== 'refused') return;
		const code = verdict === 'too_large' ? verdict : 'broker_refused';
		for (const { id } of content.rows) signals.emit('message.dropped', { id, code });
	};

	fenced?.addEventListener('abort', () => {
		statusPublisher.silence();
		wires.clear();
		tellLink();
	});

	return {
		attach(wire) {
			if (fenced?.aborted) return;
			wires.add(wire);
			frameBatching.forgetLimit();
			statusPublisher.up(wire);
			for (const topic of followed) wire.follow?.(topic);
			tellLink();
		},
		detach(wire) {
			wires.delete(wire);
			tellLink();
		},
		onLink(see) {
			linkListeners.add(see);
			return () => void linkListeners.delete(see);
		},
		hear: (status, count) => statusPublisher.hear(status, count),
		contradict: () => statusPublisher.contradict(),
		get will() {
			return statusPublisher.will();
		},
		isUp: () => wires.size > 0,
		publish,
		sendFrame({ node, method, kind }, content, how = { unsendable: () => true }) {
			const topic = topicOf({ part: 'lane', node, method, kind });
			if (content.lane === undefined) void sendOnce(topic, content);
			else frameBatching.add(topic, content, how);
		},
		answer: (to, ack) => acknowledging.add(to, ack),
		follow(node) {
			const topic = topicOf({ part: 'status', node });
			if (followed.has(topic)) return;
			followed.add(topic);
			for (const wire of wires) wire.follow?.(topic);
		},
		tell(topic, text) {
			const payload = Buffer.from(text);
			if (!fenced?.aborted) void publish({ topic, payload, qos: 0, retain: false });
		},
		announce: () => statusPublisher.begin(),
		retire: () => statusPublisher.end(),
	};
}
