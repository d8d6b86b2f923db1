/**
 * A tap on the wire of a simulated fleet: what passes, taken apart; and what is not to pass.
 *
 * @module
 */
import { formatTopic, parseTopic } from '../../runtime/message/topics.ts';
import { packFrames, readFrames } from '../../runtime/protocol/frame.ts';
import type { Frame } from '../../runtime/protocol/frame.ts';
import type { Publication } from '../../runtime/network/transport.ts';
import type { SimulatedFleet } from '../../supervisors/testing/simulated-fleet.ts';
import {
	packAcknowledgement,
	readAcknowledgement,
	type Acknowledgement,
	type LaneAck,
} from '../../runtime/protocol/acknowledgement.ts';

/** A frame of messages on its way. */
export interface PassingFrame {
	readonly from: string;
	readonly to: string;
	readonly method: string;
	readonly frame: Frame;
	readonly publication: Publication;
}

/** An acknowledgement on its way. */
export interface PassingAck {
	readonly from: string;
	readonly to: string;
	readonly ack: Acknowledgement;
	readonly publication: Publication;
}

/** The tap that {@link tapWire} makes. */
export interface WireTap {
	readonly frames: readonly PassingFrame[];
	readonly acks: readonly PassingAck[];
	/** All publications with who made them, also those of other kinds. */
	readonly all: readonly { readonly from: string; readonly publication: Publication }[];
	/** What is said of a lane, oldest first. */
	laneAcks(lane: string): readonly LaneAck[];
	/** What has a frame for which it holds is swallowed from now on, by default nothing. */
	swallowFrames(is?: (passing: PassingFrame) => boolean): void;
	swallowAcks(is?: (passing: PassingAck) => boolean): void;
	/** Brings something as from the wire. */
	replay(publication: Publication): Promise<void>;
	/** Brings a changed acknowledgement, or one that no node has sent. */
	forgeAck(to: string, ack: Acknowledgement): Promise<void>;
	forgeFrame(to: { node: string; method: string }, frame: Frame): Promise<void>;
}

/** Taps the wire of a fleet, until its end. */
export function tapWire({ hub }: SimulatedFleet): WireTap {
	const all: { from: string; publication: Publication }[] = [];
	const frames: PassingFrame[] = [];
	const acks: PassingAck[] = [];
	let isBadFrame: (passing: PassingFrame) => boolean = () => false;
	let isBadAck: (passing: PassingAck) => boolean = () => false;
	let isOurs = false;
	hub.watch((from, publication) => {
		if (isOurs) return true;
		all.push({ from, publication });
		const topic = parseTopic('reeve', publication.topic);
		if (topic?.part === 'lane') {
			const { node: to, method } = topic;
			const read = readFrames(publication.payload);
			const passing = read.map((frame) => ({ from, to, method, frame, publication }));
			frames.push(...passing);
			return !passing.some((each) => isBadFrame(each));
		}
		if (topic?.part === 'ack') {
			const passing = {
				from,
				to: topic.node,
				ack: readAcknowledgement(publication.payload),
				publication,
			};
			acks.push(passing);
			return !isBadAck(passing);
		}
		return true;
	});
	const replay = async (publication: Publication): Promise<void> => {
		isOurs = true;
		const published = hub.publish(publication);
		isOurs = false;
		await published;
	};
	return {
		all,
		frames,
		acks,
		laneAcks: (name) => acks.flatMap(({ ack }) => ack.lanes.filter(({ lane }) => lane === name)),
		swallowFrames: (is = () => false) => void (isBadFrame = is),
		swallowAcks: (is = () => false) => void (isBadAck = is),
		replay,
		forgeAck: (node, ack) =>
			replay({
				topic: formatTopic('reeve', { part: 'ack', node }),
				payload: packAcknowledgement(ack),
				qos: 0,
				retain: false,
			}),
		forgeFrame: ({ node, method }, frame) =>
			replay({
				topic: formatTopic('reeve', { part: 'lane', node, method, kind: 'CommandACK' }),
				payload: packFrames(frame, [frame]),
				qos: 1,
				retain: false,
			}),
	};
}
