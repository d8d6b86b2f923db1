/**
 * A wire in the place of a broker: it brings a node whatever an input says, with all properties
 * that MQTT 5 has, and plays the other nodes, which accept what they get.
 *
 * @module
 */
import type { Acknowledgement } from '../../runtime/protocol/acknowledgement.ts';
import { packAcknowledgement } from '../../runtime/protocol/acknowledgement.ts';
import { frameVersion, readFrames, type Frame } from '../../runtime/protocol/frame.ts';
import { parseTopic } from '../../runtime/message/topics.ts';
import {
	defineTransport,
	type Publication,
	type TransportDefinition,
	type Wire,
	type WireListener,
} from '../../runtime/network/transport.ts';
import { readSigned } from '../../runtime/security/signing.ts';

/** The wire, and the other end of it. */
export interface FuzzWire {
	readonly transport: TransportDefinition;
	/** What the node hears from it. */
	readonly listener: () => WireListener;
	/** Resolves with the payload that is published on this topic next. */
	next(topic: string): Promise<Uint8Array>;
}

/** How a publication of another node is signed; as it is, where none signs. */
export type SignAs = (node: string, topic: string, content: Uint8Array) => Uint8Array;

/** Creates it. Frames for other nodes are acknowledged, and handed to `onFrame`. */
export function createFuzzWire(
	signAs: SignAs,
	onFrame: (frame: Frame, to: string) => void = () => {},
): FuzzWire {
	const waiting = new Map<string, (payload: Uint8Array) => void>();
	let heard: WireListener | undefined;
	const listener = (): WireListener => {
		if (!heard) throw new Error('the node has not started its wire');
		return heard;
	};
	const acknowledge = (to: string, frames: readonly Frame[]): void => {
		const [head] = frames;
		const lanes = frames.flatMap(({ lane, first, rows, epoch }) => {
			const last = rows.at(-1);
			if (lane === undefined || last === undefined) return [];
			return [{ lane, epoch, upTo: first + rows.length - 1, id: last.id, credit: 1000 }];
		});
		if (!head || lanes.length === 0) return;
		const ack: Acknowledgement = {
			v: frameVersion,
			from: to,
			storeId: `store of ${to}`,
			epoch: 1,
			forStoreId: head.storeId,
			lanes,
		};
		const topic = `reeve/${head.from}/_ack`;
		listener().packet(topic, signAs(to, topic, packAcknowledgement(ack)));
	};
	const deliver = ({ topic, payload }: Publication): void => {
		waiting.get(topic)?.(payload);
		waiting.delete(topic);
		const address = parseTopic('reeve', topic);
		if (address?.part !== 'lane') return;
		const frames = readFrames(readSigned(payload).content);
		for (const frame of frames) onFrame(frame, address.node);
		acknowledge(address.node, frames);
	};
	const wire: Wire = {
		name: 'fuzz',
		publish(publication) {
			setImmediate(deliver, publication);
			return Promise.resolve('taken');
		},
	};
	const transport = defineTransport({
		name: 'fuzz',
		wanted: () => true,
		start(context) {
			heard = context.listener;
			heard.up(wire);
			return Promise.resolve({ address: 'fuzz', stop: () => Promise.resolve() });
		},
	});
	return {
		transport,
		listener,
		next: (topic) => new Promise((resolve) => void waiting.set(topic, resolve)),
	};
}
