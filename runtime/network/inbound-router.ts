/**
 * The sorter: reads what arrives on a node's own topics, proves where it comes from, and brings it
 * to whom it concerns.
 *
 * @module
 */
import { parseTopic, type Kind } from '../message/topics.ts';
import type { StatusPublisher, Self } from './status-publisher.ts';
import { ReeveError } from '../platform/errors.ts';
import { readFrames, type Frame, type FrameHead } from '../protocol/frame.ts';
import type { ReplayGuard } from '../security/replay-guard.ts';
import { readSigned, type Signer } from '../security/signing.ts';
import type { PublicProperties, Publication, Verdict } from './transport.ts';
import { readAcknowledgement, type Acknowledgement } from '../protocol/acknowledgement.ts';
import { readStatus, type Status } from '../protocol/status.ts';

/** What the node does with what arrives. */
export interface InboundHandlers {
	/** `isProven`: it was signed by the node that it names. */
	frame(frame: Frame, destination: { method: string; kind: Kind; isProven: boolean }): void;
	acknowledgement(ack: Acknowledgement): void;
	status(status: Status): void;
	/** A message of an MQTT client. Resolves when it is on disk, or refused for good. */
	publicMessage(
		payload: Uint8Array,
		address: { method: string; kind: Kind },
		properties: PublicProperties,
	): Promise<void>;
	/** The link came up or went down. */
	link(isUp: boolean): void;
	/** Somebody claims the name of this node: what is to be said to that, if anything. */
	claim?(payload: Uint8Array): Publication | undefined;
	/** A later life of this very store has announced itself. */
	laterEpoch?(): void;
}

/** What recognises repetitions, and notes on disk what it has seen. */
export interface ReplayCheck extends ReplayGuard {
	/** Resolves when the changes are on disk. */
	write(changes: ReturnType<ReplayGuard['admit']> & object): Promise<void>;
}

/**
 * Brings what arrives on our own topics to whom it concerns. Throws what frames and seals throw.
 */
export function createInboundRouter(parts: {
	self: Self;
	handlers: InboundHandlers;
	statusPublisher: StatusPublisher;
	signer: Signer;
	guard?: ReplayCheck | undefined;
	publish: (publication: Publication) => Promise<Verdict>;
}): (topic: string, payload: Uint8Array) => void {
	const { self, handlers, statusPublisher, publish, signer, guard } = parts;
	const status = (topic: string, payload: Uint8Array, node: string): void => {
		const news = readStatus(payload);
		if (news?.node !== node) return;
		const count = signer.checkJson(topic, payload, node);
		if (node === self.node) {
			statusPublisher.hear(news, count);
			return;
		}
		if (guard && count !== undefined) {
			const changes = guard.admitStatus({ ...news, count });
			if (!changes) throw new ReeveError('replayed', node);
			// A note that is lost with a crash is made again by what the broker keeps.
			guard.write(changes).catch(() => undefined);
		}
		handlers.status(news);
	};
	const bind = ({ storeId, from }: FrameHead): void => {
		if (!guard) return;
		const changes = guard.bind(storeId, from);
		if (!changes) throw new ReeveError('bad_signature', `${from}, about a store of another node`);
		if (changes.length > 0) guard.write(changes).catch(() => undefined);
	};
	const frames = (topic: string, payload: Uint8Array, to: { method: string; kind: Kind }): void => {
		const signed = readSigned(payload);
		const read = readFrames(signed.content);
		const [{ from, storeId, epoch, lane }] = read;
		const isProven = signer.check(topic, signed, from);
		if (isProven) bind(read[0]);
		const destination = { method: to.method, kind: to.kind, isProven };
		const hand = (): void => {
			for (const each of read) handlers.frame(each, destination);
		};
		if (!guard || !isProven || lane !== undefined) return hand();
		const count = signed.proof?.count ?? 0;
		const changes = guard.admit([from, storeId], { epoch, count });
		if (!changes) throw new ReeveError('replayed', from);
		// It is started at most once, also by a process that comes after this one.
		guard.write(changes).then(hand, () => undefined);
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
		if (answer) void publish(answer);
	};

	return (topic, payload) => {
		const address = parseTopic(self.prefix, topic);
		switch (address?.part) {
			case 'lane':
				frames(topic, payload, address);
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
