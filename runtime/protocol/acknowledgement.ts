/**
 * The receiver's answer to frames: up to which number each lane was accepted, and what was refused.
 *
 * @module
 */
import {
	type FrameHead,
	checkOutline,
	isShort,
	isCount,
	isShortOrAbsent,
	isDuration,
} from './frame.ts';
import { pack, unpack } from '../message/codec.ts';
import { ReeveError } from '../platform/errors.ts';

/** The answer for one lane. */
export interface LaneAck {
	readonly lane: string;
	/** The epoch of the frame that is answered: the sender ignores a nack to an earlier epoch. */
	readonly epoch: number;
	/** Everything up to here is accepted, but for the exceptions. 0: nothing yet. */
	readonly upTo: number;
	/**
	 * The message id of `upTo`, which the sender compares with its own before it believes the rest.
	 */
	readonly id: string;
	/** How many messages beyond `upTo` the receiver is ready to take. */
	readonly credit: number;
	/** What up to `upTo` was refused for good, with the code; `skipped` answers a skip. */
	readonly except?: readonly (readonly [seq: number, code: string])[];
	/** Why nothing beyond `upTo` was taken; the sender goes back there and tries again. */
	readonly nack?: string;
	/** Milliseconds to wait before that. */
	readonly retryMs?: number;
}

/** One PUBLISH of acknowledgements, for all lanes of one sender that have news. */
export interface Acknowledgement extends FrameHead {
	/** The sender's store; acknowledgements for another store are not ours to believe. */
	readonly forStoreId: string;
	readonly lanes: readonly LaneAck[];
}

/** Packs an acknowledgement. */
export function packAcknowledgement(ack: Acknowledgement): Uint8Array {
	return pack(ack);
}

/**
 * Reads an acknowledgement as it came from the wire.
 *
 * @throws ReeveError `bad_frame` if it is none, or of another version
 */
export function readAcknowledgement(payload: Uint8Array): Acknowledgement {
	const ack = checkOutline(unpack(payload)) as Partial<Acknowledgement>;
	const isAck = isShort(ack.forStoreId) && Array.isArray(ack.lanes);
	if (!isAck || !ack.lanes?.every((lane: unknown) => isLaneAck(lane))) {
		throw new ReeveError('bad_frame', 'not an acknowledgement');
	}
	return ack as Acknowledgement;
}

function isLaneAck(lane: unknown): boolean {
	if (typeof lane !== 'object' || lane === null) return false;
	const { lane: name, upTo, id, credit, epoch, except, nack, retryMs } = lane as Partial<LaneAck>;
	return (
		isShort(name) &&
		isShort(id) &&
		[upTo, credit, epoch].every(isCount) &&
		isShortOrAbsent(nack) &&
		(retryMs === undefined || isDuration(retryMs)) &&
		(except === undefined || (Array.isArray(except) && except.every(isException)))
	);
}

function isException(entry: unknown): boolean {
	return Array.isArray(entry) && entry.length === 2 && isCount(entry[0]) && isShort(entry[1]);
}
