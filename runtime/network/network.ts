/**
 * The exchange: where a node's wires are plugged in. Inside, nobody knows which wire carries a
 * publication; outside, no wire knows what it carries.
 *
 * @module
 */
import { formatTopic, parseTopic, type Kind } from '../message/topics.ts';
import { createStatusPublisher, type Self } from './status-publisher.ts';
import { createFrameBatching, type TooLarge } from './frame-batching.ts';
import type { Clock } from '../platform/clock.ts';
import { asReeveError } from '../platform/errors.ts';
import type { PassPoint } from '../platform/crash-points.ts';
import { frameVersion, packFrames, type FrameContent } from '../protocol/frame.ts';
import { passingSigner, type Signer } from '../security/signing.ts';
import type { Signals } from '../observability/signals.ts';
import { createInboundRouter, type InboundHandlers, type ReplayCheck } from './inbound-router.ts';
import type { Publication, Verdict, Wire, WireListener } from './transport.ts';
import { packAcknowledgement, type LaneAck } from '../protocol/acknowledgement.ts';

/** The exchange that {@link createNetwork} makes. */
export interface Network {
	/** What wires report to. */
	readonly listener: WireListener;
	/** The publication that the broker makes for us if we die. */
	readonly will: Publication;
	isUp(): boolean;
	/**
	 * Sends a frame to a node before this turn ends: QoS 1, with other lanes' in one PUBLISH. Without
	 * a lane, for messages that are sent at most once, alone and with QoS 0. `tooLarge` is told of
	 * messages of a lane that no broker here takes.
	 */
	sendFrame(
		to: { node: string; method: string; kind: Kind },
		frame: FrameContent,
		tooLarge?: TooLarge,
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
	/**
	 * From now on nothing leaves any more, not even a goodbye: somebody else speaks for this store.
	 */
	silence(): void;
}

/** Creates the exchange of a node. Nothing is sent before a wire is up. */
export function createNetwork(parts: {
	self: Self;
	clock: Clock;
	signals: Signals;
	handlers: InboundHandlers;
	/** About how many bytes one PUBLISH of frames may have. */
	bytesMax: number;
	passPoint: PassPoint;
	/** Without one, nothing is signed and everything is believed. */
	signer?: Signer | undefined;
	/** Recognises what is brought a second time. */
	guard?: ReplayCheck | undefined;
}): Network {
	const { self, signals, handlers, signer = passingSigner } = parts;
	const wires = new Set<Wire>();
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
	let isSilent = false;

	const topicOf = (topic: Parameters<typeof formatTopic>[1]) => formatTopic(self.prefix, topic);
	const publish = async (publication: Publication): Promise<Verdict> => {
		const verdicts = await Promise.all([...wires].map((wire) => wire.publish(publication)));
		return verdicts.find((verdict) => verdict === 'taken') ?? verdicts[0] ?? 'not_connected';
	};
	const statusPublisher = createStatusPublisher({
		self,
		clock: parts.clock,
		wires,
		signer,
		onLaterEpoch: () => handlers.laterEpoch?.(),
	});

	const publishFrames = (topic: string, qos: 0 | 1, frames: readonly FrameContent[]) => {
		const payload = signer.sign(topic, packFrames(head(), frames));
		return publish({ topic, payload, qos, retain: false });
	};
	const frameBatching = createFrameBatching({
		bytesMax: parts.bytesMax,
		publish: (topic, frames) => publishFrames(topic, 1, frames),
		onSent: () => parts.passPoint('frame.sent'),
	});

	const acknowledging = createAcknowledging(({ node, ...content }) => {
		const topic = topicOf({ part: 'ack', node });
		const payload = signer.sign(topic, packAcknowledgement({ ...head(), ...content }));
		// QoS 0: an acknowledgement that gets lost costs a resend, which is answered alike.
		return publish({ topic, payload, qos: 0, retain: false });
	});

	const packet = createInboundRouter({ ...parts, signer, statusPublisher, publish });

	const listener: WireListener = {
		up(wire) {
			if (isSilent) return;
			wires.add(wire);
			frameBatching.forgetLimit();
			statusPublisher.up(wire);
			for (const topic of followed) wire.follow?.(topic);
			handlers.link(true);
		},
		down(wire) {
			wires.delete(wire);
			handlers.link(wires.size > 0);
		},
		packet(topic, payload) {
			try {
				packet(topic, payload);
			} catch (thrown) {
				const { code, detail } = asReeveError(thrown, 'bad_frame');
				if (isAboutSignatures(code))
					signals.emit('signature.refused', { code, from: detail, topic });
				else signals.emit('message.refused', { code, detail: `${topic}: ${detail}`, via: 'wire' });
			}
		},
		async publicMessage(topic, payload, properties) {
			const address = parseTopic(self.prefix, topic);
			if (address?.part !== 'public') return;
			await handlers.publicMessage(
				payload,
				{ method: address.method, kind: address.kind },
				properties,
			);
		},
	};

	return {
		listener,
		get will() {
			return statusPublisher.will();
		},
		isUp: () => wires.size > 0,
		publish,
		sendFrame({ node, method, kind }, content, tooLarge = () => {}) {
			const topic = topicOf({ part: 'lane', node, method, kind });
			if (content.lane === undefined) void publishFrames(topic, 0, [content]);
			else frameBatching.add(topic, content, tooLarge);
		},
		answer: acknowledging.add,
		follow(node) {
			const topic = topicOf({ part: 'status', node });
			if (followed.has(topic)) return;
			followed.add(topic);
			for (const wire of wires) wire.follow?.(topic);
		},
		tell(topic, text) {
			const payload = Buffer.from(text);
			if (!isSilent) void publish({ topic, payload, qos: 0, retain: false });
		},
		announce: () => statusPublisher.begin(),
		retire: () => statusPublisher.end(),
		silence() {
			isSilent = true;
			statusPublisher.silence();
			wires.clear();
			handlers.link(false);
		},
	};
}

/** Gathers acknowledgements: those of one turn for one store are one publication. */
function createAcknowledging(
	publish: (batch: {
		readonly node: string;
		readonly forStoreId: string;
		readonly lanes: readonly LaneAck[];
	}) => Promise<Verdict>,
): { readonly add: Network['answer'] } {
	const waiting = new Map<string, { node: string; lanes: Map<string, LaneAck> }>();
	const leave = async (): Promise<void> => {
		const batch = [...waiting];
		waiting.clear();
		for (const [forStoreId, { node, lanes }] of batch) {
			await publish({ node, forStoreId, lanes: [...lanes.values()] });
		}
	};
	return {
		add({ from, storeId }, ack) {
			if (waiting.size === 0) setImmediate(() => void leave());
			let pending = waiting.get(storeId);
			if (!pending) waiting.set(storeId, (pending = { node: from, lanes: new Map() }));
			pending.lanes.set(ack.lane, ack);
		},
	};
}

function isAboutSignatures(code: string): boolean {
	return ['unsigned', 'unknown_key', 'bad_signature', 'replayed'].includes(code);
}
