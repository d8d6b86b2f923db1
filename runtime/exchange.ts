/**
 * The exchange: where a node's wires are plugged in. Inside, nobody knows which wire carries a
 * publication; outside, no wire knows what it carries.
 *
 * @module
 */
import { formatTopic, parseTopic, type Kind } from './address.ts';
import type { Clock } from './clock.ts';
import { asReeveError, ReeveError } from './errors.ts';
import { frameVersion, packFrame, readAcknowledgement, readFrame, readStatus } from './frame.ts';
import {
	writeStatus,
	type Acknowledgement,
	type Frame,
	type LaneAck,
	type Status,
} from './frame.ts';
import type { Signals } from './signal.ts';
import type { ForeignProperties, Publication, Verdict, Wire, WireListener } from './wire.ts';

/** Who this node is on the wire. */
export interface Self {
	readonly node: string;
	readonly storeId: string;
	readonly epoch: number;
	readonly prefix: string;
	readonly methods: () => readonly string[];
}

/** What the node does with what arrives. */
export interface Arrivals {
	frame(frame: Frame, destination: { method: string; kind: Kind }): void;
	acknowledgement(ack: Acknowledgement): void;
	status(status: Status): void;
	/** A message of a foreign publisher. Resolves when it is on disk, or refused for good. */
	foreign(
		payload: Uint8Array,
		address: { method: string; kind: Kind },
		properties: ForeignProperties,
	): Promise<void>;
	/** The link came up or went down. */
	link(isUp: boolean): void;
}

/** The exchange that {@link createExchange} makes. */
export interface Exchange {
	/** What wires report to. */
	readonly listener: WireListener;
	/** The publication that the broker makes for us if we die. */
	readonly will: Publication;
	isUp(): boolean;
	/** Sends a frame to a node; QoS 1, or 0 for messages that are sent at most once. */
	sendFrame(
		to: { node: string; method: string; kind: Kind },
		frame: FrameContent,
	): Promise<Verdict>;
	/** Sends an acknowledgement soon: all for one store leave together. */
	answer(to: { readonly from: string; readonly storeId: string }, ack: LaneAck): void;
	/** From now on this node is announced on every wire, also after a reconnect. */
	announce(): void;
	/** Says goodbye on every wire; resolves when the brokers have it. */
	retire(): Promise<void>;
}

/** A frame, but for what is the same in all frames of a node. */
export type FrameContent = Omit<Frame, 'v' | 'from' | 'storeId' | 'epoch'>;

/** Creates the exchange of a node. Nothing is sent before a wire is up. */
export function createExchange(parts: {
	self: Self;
	clock: Clock;
	signals: Signals;
	arrivals: Arrivals;
}): Exchange {
	const { self, signals, arrivals } = parts;
	const wires = new Set<Wire>();
	const head = () =>
		({
			v: frameVersion,
			from: self.node,
			storeId: self.storeId,
			epoch: self.epoch,
		}) as const;
	const answers = new Map<string, { node: string; lanes: Map<string, LaneAck> }>();
	let announced = false;

	const topicOf = (topic: Parameters<typeof formatTopic>[1]) => formatTopic(self.prefix, topic);
	const publish = async (publication: Publication): Promise<Verdict> => {
		const verdicts = await Promise.all([...wires].map((wire) => wire.publish(publication)));
		return verdicts.find((verdict) => verdict === 'taken') ?? verdicts[0] ?? 'not_connected';
	};
	const status = (state: Status['state']): Publication => ({
		topic: topicOf({ part: 'status', node: self.node }),
		payload: writeStatus({
			v: frameVersion,
			state,
			node: self.node,
			storeId: self.storeId,
			epoch: self.epoch,
			...(state === 'online' ? { methods: self.methods() } : {}),
		}),
		qos: 1,
		retain: true,
	});

	const sendAnswers = async (): Promise<void> => {
		const batch = [...answers];
		answers.clear();
		for (const [forStoreId, { node, lanes }] of batch) {
			const payload = packFrame({ ...head(), forStoreId, lanes: [...lanes.values()] });
			// QoS 0: an acknowledgement that gets lost costs a resend, which is answered alike.
			const topic = topicOf({ part: 'ack', node });
			await publish({ topic, payload, qos: 0, retain: false });
		}
	};

	const packet = (topic: string, payload: Uint8Array): void => {
		const address = parseTopic(self.prefix, topic);
		if (address?.part === 'lane') {
			arrivals.frame(readFrame(payload), { method: address.method, kind: address.kind });
		} else if (address?.part === 'ack') {
			const ack = readAcknowledgement(payload);
			if (ack.forStoreId === self.storeId) arrivals.acknowledgement(ack);
		} else if (address?.part === 'status') {
			const news = readStatus(payload);
			if (news && news.node === address.node && news.node !== self.node) arrivals.status(news);
		} else throw new ReeveError('bad_frame', 'no topic of ours');
	};

	const listener: WireListener = {
		up(wire) {
			wires.add(wire);
			if (announced) void wire.publish(status('online'));
			arrivals.link(true);
		},
		down(wire) {
			wires.delete(wire);
			arrivals.link(wires.size > 0);
		},
		packet(topic, payload) {
			try {
				packet(topic, payload);
			} catch (thrown) {
				const { code, detail } = asReeveError(thrown, 'bad_frame');
				signals.emit('message.refused', { code, detail: `${topic}: ${detail}`, via: 'wire' });
			}
		},
		async foreign(topic, payload, properties) {
			const address = parseTopic(self.prefix, topic);
			if (address?.part !== 'public') return;
			await arrivals.foreign(payload, { method: address.method, kind: address.kind }, properties);
		},
	};

	return {
		listener,
		get will() {
			return status('offline');
		},
		isUp: () => wires.size > 0,
		sendFrame: ({ node, method, kind }, content) =>
			publish({
				topic: topicOf({ part: 'lane', node, method, kind }),
				payload: packFrame({ ...head(), ...content }),
				qos: content.lane === undefined ? 0 : 1,
				retain: false,
			}),
		answer({ from, storeId }, ack) {
			if (answers.size === 0) setImmediate(() => void sendAnswers());
			let pending = answers.get(storeId);
			if (!pending) answers.set(storeId, (pending = { node: from, lanes: new Map() }));
			pending.lanes.set(ack.lane, ack);
		},
		announce() {
			announced = true;
			for (const wire of wires) void wire.publish(status('online'));
		},
		async retire() {
			if (announced) await publish(status('offline'));
			announced = false;
		},
	};
}
