/**
 * Routes what arrives on a node's own topics: reads it, checks who signed it, and calls the handler
 * that it is for.
 *
 * @module
 */
import { parseTopic, type Kind } from '../message/topics.ts';
import type { Network } from './network.ts';
import type { Self } from './status-publisher.ts';
import { asReeveError, ReeveError } from '../platform/errors.ts';
import type { Signals } from '../observability/signals.ts';
import {
	apartStoreId,
	checkSaidStoreId,
	readFrames,
	type Frame,
	type FrameHead,
} from '../protocol/frame.ts';
import type { ReplayGuard } from '../security/replay-guard.ts';
import { announcedKey, passingSigner, readSigned, type Signer } from '../security/signing.ts';
import type { Arrival, PublicProperties, Publication, WireListener } from './transport.ts';
import { readAcknowledgement, type Acknowledgement } from '../protocol/acknowledgement.ts';
import { readStatus, type Status } from '../protocol/status.ts';
import { ignoreIfFenced } from '../journal/fencing.ts';

/** Where a frame is for, and what is known of where it comes from. */
interface FrameDestination {
	readonly method: string;
	readonly kind: Kind;
	/** Whether it was signed by the node that it names. */
	readonly isProven: boolean;
	/** Whether it was signed with a key that is not known here. */
	readonly isStrange: boolean;
}

/** What the node does with what arrives. */
export interface InboundHandlers {
	frame(frame: Frame, destination: FrameDestination): void;
	acknowledgement(ack: Acknowledgement): void;
	status(status: Status): void;
	/** A message of an MQTT client. Resolves when it is on disk, or refused for good. */
	publicMessage(
		payload: Uint8Array,
		address: { method: string; kind: Kind },
		properties: PublicProperties,
	): Promise<void>;
	/** Another node claims the name of this one: the objection to that, if any. */
	claim?(payload: Uint8Array): Publication | undefined;
	/** A later start of this very store has published its birth. */
	laterEpoch?(): void;
}

/** What recognises repetitions, and notes on disk what it has seen. */
export interface ReplayCheck extends ReplayGuard {
	/** Resolves when the changes are on disk. */
	write(changes: ReturnType<ReplayGuard['admit']> & object): Promise<void>;
}

/** Creates what wires report to. A packet that cannot be read is refused, with a signal. */
export function createInboundRouter(parts: {
	self: Self;
	network: Pick<Network, 'attach' | 'detach' | 'hear' | 'contradict' | 'publish'>;
	handlers: InboundHandlers;
	signals: Signals;
	/** Without one, everything is believed. */
	signer?: Signer | undefined;
	/** Recognises what is brought a second time. */
	guard?: ReplayCheck | undefined;
	/** A node that is not proven has announced this key, and has shown that it has it. */
	onAnnouncedKey?: ((node: string, key: string) => void) | undefined;
}): WireListener {
	const { self, handlers, network, signals, signer = passingSigner, guard } = parts;
	/** The number of a proven birth or death; the key that an unproven birth announces is noted. */
	const provenCount = (topic: string, payload: Uint8Array, node: string): number | undefined => {
		let count: number | undefined;
		try {
			count = signer.checkJson(topic, payload, node);
		} finally {
			const key = signer.isOn && count === undefined ? announcedKey(topic, payload) : undefined;
			if (key !== undefined) parts.onAnnouncedKey?.(node, key);
		}
		return count;
	};
	const status = (topic: string, payload: Uint8Array, node: string): void => {
		const news = readStatus(payload);
		if (news?.node !== node) return;
		const count = provenCount(topic, payload, node);
		if (guard && count !== undefined) {
			const changes = guard.admitStatus({ ...news, count });
			if (!changes) throw new ReeveError('replayed', node);
			// A note that is lost with a crash is made again by what the broker keeps.
			guard.write([...changes, ...(guard.bind(news.storeId, node) ?? [])]).catch(ignoreIfFenced);
		}
		handlers.status(news);
	};
	/** The same on the topic of this node: what is not its own word is followed by its birth. */
	const ownStatus = (topic: string, payload: Uint8Array): void => {
		let isSaid = false;
		try {
			const news = readStatus(payload);
			if (news?.node !== self.node) return;
			const count = signer.checkJson(topic, payload, self.node);
			isSaid = true;
			if (network.hear(news, count)) handlers.laterEpoch?.();
		} finally {
			// It is retained in the place of the birth, and others may refuse it, too.
			if (!isSaid) network.contradict();
		}
	};
	/**
	 * Keeps the stores of nodes apart, since lanes are known by them. A store belongs to the first
	 * node that proves to speak for it; for what another node proves, it is one that only this node
	 * can speak for, so that neither is in the other's way.
	 */
	const ownStoreId = ({ storeId, from }: FrameHead, isProven: boolean): string => {
		if (!guard || !signer.isOn) return storeId;
		checkSaidStoreId(storeId);
		if (!isProven) {
			if (guard.isBound(storeId)) throw new ReeveError('unsigned', `${from}, about a proven store`);
			return storeId;
		}
		const changes = guard.bind(storeId, from);
		if (!changes) return apartStoreId(storeId, from);
		if (changes.length > 0) guard.write(changes).catch(ignoreIfFenced);
		return storeId;
	};
	const frames = (
		{ topic, payload, isRepeat }: Packet,
		to: { method: string; kind: Kind },
	): void => {
		const signed = readSigned(payload);
		const read = readFrames(signed.content);
		const [{ from, epoch, lane }] = read;
		// It may have been started already, and such a message is started at most once.
		if (isRepeat && lane === undefined) {
			for (const { id } of read[0].rows) signals.emit('message.dropped', { id, code: 'repeated' });
			return;
		}
		const isProven = signer.check(topic, signed, from);
		const storeId = ownStoreId(read[0], isProven);
		const isStrange = signer.isOn && !isProven && signed.proof !== undefined;
		const destination = { method: to.method, kind: to.kind, isProven, isStrange };
		const hand = (): void => {
			for (const each of read) {
				const isSaid = each.storeId === storeId;
				handlers.frame(isSaid ? each : { ...each, storeId }, destination);
			}
		};
		if (!guard || !isProven || lane !== undefined) return hand();
		const count = signed.proof?.count ?? 0;
		const changes = guard.admit([from, storeId], { epoch, count });
		if (!changes) throw new ReeveError('replayed', from);
		// It is started at most once, also by a process that comes after this one.
		guard.write(changes).then(hand, ignoreIfFenced);
	};
	const acknowledgement = (topic: string, payload: Uint8Array): void => {
		const signed = readSigned(payload);
		const ack = readAcknowledgement(signed.content);
		signer.check(topic, signed, ack.from);
		// Only its receiver may say what has become of a lane.
		const isOfSender = ack.lanes.every(({ lane }) => lane.startsWith(`${ack.from}/`));
		if (signer.isOn && !isOfSender) throw new ReeveError('bad_signature', ack.from);
		if (ack.forStoreId === self.storeId) handlers.acknowledgement(ack);
	};
	const claim = (payload: Uint8Array): void => {
		const answer = handlers.claim?.(payload);
		if (answer) void network.publish(answer);
	};

	const route = (packet: Packet): void => {
		const { topic, payload } = packet;
		const address = parseTopic(self.prefix, topic);
		// Only births and deaths are retained; what else is was said to another epoch.
		if (packet.isRetained && address?.part !== 'status') throw new ReeveError('retained');
		switch (address?.part) {
			case 'lane':
				return frames(packet, address);
			case 'ack':
				return acknowledgement(topic, payload);
			case 'status':
				if (address.node === self.node) return ownStatus(topic, payload);
				return status(topic, payload, address.node);
			case 'claim':
				return claim(payload);
			default:
				throw new ReeveError('bad_frame', 'no topic of ours');
		}
	};

	return {
		up: (wire) => network.attach(wire),
		down: (wire) => network.detach(wire),
		packet(topic, payload, arrival = {}) {
			try {
				route({ ...arrival, topic, payload });
			} catch (thrown) {
				const { code, detail } = asReeveError(thrown, 'bad_frame');
				if (signatureCodes.has(code)) {
					signals.emit('signature.refused', { code, from: detail, topic });
				} else {
					const text = `${topic}: ${detail}`;
					signals.emit('message.refused', { code, detail: text, via: 'wire', topic });
				}
			}
		},
		async publicMessage(topic, payload, properties) {
			const address = parseTopic(self.prefix, topic);
			if (address?.part !== 'public') return;
			if (properties.isRetained) {
				signals.emit('message.refused', { code: 'retained', detail: topic, via: 'mqtt', topic });
				return;
			}
			const { method, kind } = address;
			await handlers.publicMessage(payload, { method, kind }, properties);
		},
	};
}

/** A publication on a topic of this node. */
interface Packet extends Arrival {
	readonly topic: string;
	readonly payload: Uint8Array;
}

/** The codes of what is refused because of its signature. */
const signatureCodes: ReadonlySet<string> = new Set([
	'unsigned',
	'unknown_key',
	'bad_signature',
	'replayed',
]);
