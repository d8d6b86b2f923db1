/**
 * What travels between nodes: frames of messages one way, acknowledgements the other.
 *
 * A *lane* is the ordered stream from one store to one node for one method and kind; messages with
 * an ordering key are spread over some lanes by it. Its sequence numbers have no gaps. Every frame
 * carries `lo`, the lowest number that the sender has not resolved, so that a receiver that knows
 * nothing of the lane can join.
 *
 * @module
 */
import { isName } from '../message/topics.ts';
import { ReeveError } from '../platform/errors.ts';
import { pack, unpack } from '../message/codec.ts';

/** The version of the frames below; a node refuses any other. */
export const frameVersion = 1;

/** One message in a frame. `skip` stands where a message was that its sender has given up. */
export interface FrameRow {
	readonly id: string;
	/** Milliseconds that the message still has; no instant of one clock means anything to another. */
	readonly ttlMs: number;
	readonly skip?: true;
	/**
	 * Set if the message may have been accepted under another identity of the sender or of the
	 * receiver (a store was wiped, or an older copy of it restored), where numbers cannot tell.
	 */
	readonly repeat?: true;
	/** The packed message, unless it is a skip. */
	readonly body?: Uint8Array;
}

/** Who has sent a PUBLISH of frames or of acknowledgements. */
export interface FrameHead {
	readonly v: typeof frameVersion;
	readonly from: string;
	readonly storeId: string;
	readonly epoch: number;
}

/** Consecutive messages of one lane; or, without a lane, messages that are sent at most once. */
export interface FrameContent {
	/** The store that the sender means, if it has seen the receiver's birth. */
	readonly toStoreId?: string;
	readonly lane?: string;
	readonly lo: number;
	/** The sequence number of the first row. */
	readonly first: number;
	readonly rows: readonly FrameRow[];
}

/** A frame with who has sent it, as its receiver reads it. */
export interface Frame extends FrameHead, FrameContent {}

/** Packs frames for one PUBLISH: their sender is said once. What has no lane travels alone. */
export function packFrames(
	{ v, from, storeId, epoch }: FrameHead,
	frames: readonly FrameContent[],
): Uint8Array {
	return pack({ v, from, storeId, epoch, frames });
}

/**
 * Reads frames as they came from the wire, in their order.
 *
 * @throws ReeveError `bad_frame` if one of them is none, or they are of another version
 */
export function readFrames(payload: Uint8Array): readonly [Frame, ...Frame[]] {
	const { v, from, storeId, epoch, frames } = checkOutline(unpack(payload));
	const read = (frame: unknown): Frame => {
		if (!isFrame(frame)) throw new ReeveError('bad_frame', 'not a frame');
		// It is ours alone: a copy of each would cost more than reading it.
		return Object.assign(frame, { v, from, storeId, epoch });
	};
	const [first, ...others] = Array.isArray(frames) ? frames : [];
	const all = [read(first), ...others.map(read)] as const;
	if (all.length > 1 && all.some(({ lane }) => lane === undefined)) {
		throw new ReeveError('bad_frame', 'a frame without a lane that is not alone');
	}
	return all;
}

/**
 * Checks the fields that all binary publications have.
 *
 * @throws ReeveError `bad_frame`
 */
export function checkOutline(value: unknown): FrameHead & Record<string, unknown> {
	if (typeof value !== 'object' || value === null) throw new ReeveError('bad_frame', 'no map');
	const { v, from, storeId, epoch } = value as Record<string, unknown>;
	if (v !== frameVersion) throw new ReeveError('bad_frame', `version ${String(v)}`);
	// Answers go to a topic with this name in it, and rows of the journal have these keys.
	if (typeof from !== 'string' || !isName(from) || !isShort(storeId) || !isCount(epoch)) {
		throw new ReeveError('bad_frame', 'no sender');
	}
	return value as FrameHead & Record<string, unknown>;
}

/** The longest name of a lane is two names, a kind and a number. */
const textCharactersMax = 600;

/** Whether a value is a text that fits into keys of the journal. */
export function isShort(value: unknown): value is string {
	return typeof value === 'string' && value.length <= textCharactersMax;
}

/** Whether a value is absent, or such a text. */
export function isShortOrAbsent(value: unknown): boolean {
	return value === undefined || isShort(value);
}

/** Whether it can be a number of a lane, of a start, or of messages. */
export function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Whether it can be a stretch of time: with `NaN`, a message would never expire. */
export function isDuration(value: unknown): boolean {
	return typeof value === 'number' && value >= 0 && Number.isFinite(value);
}

function isFrame(value: unknown): value is FrameContent {
	if (typeof value !== 'object' || value === null) return false;
	const { rows, first, lo, lane, toStoreId } = value as Partial<FrameContent>;
	return (
		Array.isArray(rows) &&
		isCount(lo) &&
		isCount(first) &&
		isCount(first + rows.length) &&
		isShortOrAbsent(lane) &&
		isShortOrAbsent(toStoreId) &&
		rows.every((row: unknown) => isRow(row))
	);
}

function isRow(row: unknown): boolean {
	if (typeof row !== 'object' || row === null) return false;
	const { id, ttlMs, skip, body } = row as Record<string, unknown>;
	return isShort(id) && isDuration(ttlMs) && (skip === true || body instanceof Uint8Array);
}

/** Stands between the id of a store and the node, where another node speaks for that id. */
const apart = '~';

/** The id under which a store is kept whose node names a store that belongs to another node. */
export function apartStoreId(storeId: string, node: string): string {
	return `${storeId}${apart}${node}`;
}

/** The id as the store itself says it. */
export function saidStoreId(storeId: string): string {
	return storeId.split(apart, 1)[0] ?? storeId;
}

/** Throws `bad_frame` for an id that a store cannot have, since it would be taken for another. */
export function checkSaidStoreId(storeId: string): void {
	if (storeId.includes(apart)) throw new ReeveError('bad_frame', 'no id of a store');
}
