/**
 * The exchange: where a node's wires are plugged in. Inside, nobody knows which wire carries a
 * publication; outside, no wire knows what it carries.
 *
 * @module
 */
import { formatTopic, parseTopic, type Kind } from './address.ts';
import { createAnnouncement, type Announcement } from './announcement.ts';
import type { Clock } from './clock.ts';
import { asReeveError, ReeveError } from './errors.ts';
import type { Facts } from './facts.ts';
import { frameVersion, packFrame, readAcknowledgement, readFrame, readStatus } from './frame.ts';
import { type Acknowledgement, type Frame, type LaneAck, type Status } from './frame.ts';
import type { ReplayGuard } from './replay-guard.ts';
import { openSeal, unseal, type Seal } from './seal.ts';
import type { Signals } from './signal.ts';
import type { ForeignProperties, Publication, Verdict, Wire, WireListener } from './wire.ts';

/** Who this node is on the wire. */
export interface Self {
	readonly node: string;
	readonly storeId: string;
	readonly epoch: number;
	readonly prefix: string;
	readonly methods: () => readonly string[];
	/** The fingerprint of the machine. */
	readonly host?: string;
	/** Set while the node runs no messages. */
	readonly mode?: 'safe' | undefined;
	/** What is true of this node, for those who aim at it. */
	readonly facts?: Facts;
}

/** What the node does with what arrives. */
export interface Arrivals {
	/** `isProven`: it was signed by the node that it names. */
	frame(frame: Frame, destination: { method: string; kind: Kind; isProven: boolean }): void;
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
	/** Somebody claims the name of this node: what is to be said to that, if anything. */
	claim?(payload: Uint8Array): Publication | undefined;
	/** A later life of this very store has announced itself. */
	laterLife?(): void;
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

/** A frame, but for what is the same in all frames of a node. */
export type FrameContent = Omit<Frame, 'v' | 'from' | 'storeId' | 'epoch'>;

/** Creates the exchange of a node. Nothing is sent before a wire is up. */
export function createExchange(parts: {
	self: Self;
	clock: Clock;
	signals: Signals;
	arrivals: Arrivals;
	/** Without one, nothing is signed and everything is believed. */
	seal?: Seal | undefined;
	/** Recognises what is brought a second time. */
	guard?: SealGuard | undefined;
}): Exchange {
	const { self, signals, arrivals, seal = openSeal } = parts;
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
	const answers = new Map<string, { node: string; lanes: Map<string, LaneAck> }>();
	let isSilent = false;

	const topicOf = (topic: Parameters<typeof formatTopic>[1]) => formatTopic(self.prefix, topic);
	const publish = async (publication: Publication): Promise<Verdict> => {
		const verdicts = await Promise.all([...wires].map((wire) => wire.publish(publication)));
		return verdicts.find((verdict) => verdict === 'taken') ?? verdicts[0] ?? 'not_connected';
	};
	const announcement = createAnnouncement({
		self,
		clock: parts.clock,
		wires,
		seal,
		onLaterLife: () => arrivals.laterLife?.(),
	});

	const sendAnswers = async (): Promise<void> => {
		const batch = [...answers];
		answers.clear();
		for (const [forStoreId, { node, lanes }] of batch) {
			const content = packFrame({ ...head(), forStoreId, lanes: [...lanes.values()] });
			// QoS 0: an acknowledgement that gets lost costs a resend, which is answered alike.
			const topic = topicOf({ part: 'ack', node });
			const payload = seal.close(topic, content);
			await publish({ topic, payload, qos: 0, retain: false });
		}
	};

	const packet = createSorter({ ...parts, seal, announcement, publish });

	const listener: WireListener = {
		up(wire) {
			if (isSilent) return;
			wires.add(wire);
			announcement.up(wire);
			for (const topic of followed) wire.follow?.(topic);
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
				if (isAboutSeals(code)) signals.emit('seal.refused', { code, from: detail, topic });
				else signals.emit('message.refused', { code, detail: `${topic}: ${detail}`, via: 'wire' });
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
			return announcement.will();
		},
		isUp: () => wires.size > 0,
		publish,
		sendFrame({ node, method, kind }, content) {
			const topic = topicOf({ part: 'lane', node, method, kind });
			const payload = seal.close(topic, packFrame({ ...head(), ...content }));
			return publish({ topic, payload, qos: content.lane === undefined ? 0 : 1, retain: false });
		},
		answer({ from, storeId }, ack) {
			if (answers.size === 0) setImmediate(() => void sendAnswers());
			let pending = answers.get(storeId);
			if (!pending) answers.set(storeId, (pending = { node: from, lanes: new Map() }));
			pending.lanes.set(ack.lane, ack);
		},
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
		announce: () => announcement.begin(),
		retire: () => announcement.end(),
		silence() {
			isSilent = true;
			announcement.silence();
			wires.clear();
			arrivals.link(false);
		},
	};
}

/** What recognises repetitions, and notes on disk what it has seen. */
export interface SealGuard extends ReplayGuard {
	/** Resolves when the changes are on disk. */
	write(changes: ReturnType<ReplayGuard['admit']> & object): Promise<void>;
}

function isAboutSeals(code: string): boolean {
	return ['unsigned', 'unknown_key', 'bad_signature', 'replayed'].includes(code);
}

/**
 * Brings what arrives on our own topics to whom it concerns. Throws what frames and seals throw.
 */
function createSorter(parts: {
	self: Self;
	arrivals: Arrivals;
	announcement: Announcement;
	seal: Seal;
	guard?: SealGuard | undefined;
	publish: (publication: Publication) => Promise<Verdict>;
}): (topic: string, payload: Uint8Array) => void {
	const { self, arrivals, announcement, publish, seal, guard } = parts;
	const status = (topic: string, payload: Uint8Array, node: string): void => {
		const news = readStatus(payload);
		if (news?.node !== node) return;
		const count = seal.checkJson(topic, payload, node);
		if (node === self.node) {
			announcement.hear(news, count);
			return;
		}
		if (guard && count !== undefined) {
			const changes = guard.admitStatus({ ...news, count });
			if (!changes) throw new ReeveError('replayed', node);
			// A note that is lost with a crash is made again by what the broker keeps.
			guard.write(changes).catch(() => undefined);
		}
		arrivals.status(news);
	};
	const bind = ({ storeId, from }: Frame): void => {
		if (!guard) return;
		const changes = guard.bind(storeId, from);
		if (!changes) throw new ReeveError('bad_signature', `${from}, about a store of another node`);
		if (changes.length > 0) guard.write(changes).catch(() => undefined);
	};
	const frame = (topic: string, payload: Uint8Array, to: { method: string; kind: Kind }): void => {
		const unsealed = unseal(payload);
		const read = readFrame(unsealed.content);
		const isProven = seal.check(topic, unsealed, read.from);
		if (isProven) bind(read);
		const hand = () => arrivals.frame(read, { method: to.method, kind: to.kind, isProven });
		if (!guard || !isProven || read.lane !== undefined) return hand();
		const count = unsealed.seal?.count ?? 0;
		const changes = guard.admit([read.from, read.storeId], { epoch: read.epoch, count });
		if (!changes) throw new ReeveError('replayed', read.from);
		// It is started at most once, also by a process that comes after this one.
		guard.write(changes).then(hand, () => undefined);
	};
	const acknowledgement = (topic: string, payload: Uint8Array): void => {
		const unsealed = unseal(payload);
		const ack = readAcknowledgement(unsealed.content);
		seal.check(topic, unsealed, ack.from);
		// Only its receiver may say what has become of a lane.
		const isOfSender = ack.lanes.every(({ lane }) => lane.startsWith(`${ack.from}/`));
		if (seal.isOn && !isOfSender) throw new ReeveError('bad_signature', ack.from);
		if (ack.forStoreId === self.storeId) arrivals.acknowledgement(ack);
	};
	const claim = (payload: Uint8Array): void => {
		const answer = arrivals.claim?.(payload);
		if (answer) void publish(answer);
	};

	return (topic, payload) => {
		const address = parseTopic(self.prefix, topic);
		switch (address?.part) {
			case 'lane':
				frame(topic, payload, address);
				return;
			case 'ack':
				acknowledgement(topic, payload);
				return;
			case 'status':
				status(topic, payload, address.node);
				return;
			case 'claim':
				claim(payload);
				return;
			default:
				throw new ReeveError('bad_frame', 'no topic of ours');
		}
	};
}
