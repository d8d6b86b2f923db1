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
import { isName, type Kind } from '../message/topics.ts';
import { ReeveError } from '../platform/errors.ts';
import { isFacts, type Facts } from '../message/facts.ts';
import { fingerprint } from '../platform/hash.ts';
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

/** The answer for one lane. */
export interface LaneAck {
	readonly lane: string;
	/** The epoch of the frame that is answered: what is wrong with an earlier life is no news. */
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

/** Presence: a birth is retained while the node lives; its death is its will, or its goodbye. */
export interface Status {
	readonly v: typeof frameVersion;
	readonly state: 'online' | 'offline';
	readonly node: string;
	readonly storeId: string;
	readonly epoch: number;
	/** The fingerprint of the machine; in a birth. */
	readonly host?: string;
	/** Set in the birth of a node that runs no messages. */
	readonly mode?: 'safe';
	/** The methods that the node takes; in a birth. */
	readonly methods?: readonly string[];
	/** What is true of the node; in a birth. */
	readonly facts?: Facts;
}

/**
 * In how many lanes messages with an ordering key go to one node, for one method and kind. A lane
 * costs memory and a row at both ends for as long as its receiver remembers it, so there cannot be
 * one for each of a hundred thousand keys. It is not for configuration: a key must stay in its
 * lane, or its messages could overtake each other.
 */
export const keyedLanes = 256;

/** The name of a lane, unique within its sender. Messages of one key are always in the same. */
export function laneName({
	toNode,
	method,
	kind,
	key = '',
}: {
	readonly toNode: string;
	readonly method: string;
	readonly kind: Kind;
	readonly key?: string;
}): string {
	const place = key === '' ? '' : fingerprint(key) % keyedLanes;
	return `${toNode}/${method}/${kind}/${place}`;
}

/** Packs frames for one PUBLISH: their sender is said once. What has no lane travels alone. */
export function packFrames(
	{ v, from, storeId, epoch }: FrameHead,
	frames: readonly FrameContent[],
): Uint8Array {
	return pack({ v, from, storeId, epoch, frames });
}

/** Packs an acknowledgement. */
export function packAcknowledgement(ack: Acknowledgement): Uint8Array {
	return pack(ack);
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

/** Reads a birth or a death; undefined for an empty payload, which clears a retained birth. */
export function readStatus(payload: Uint8Array): Status | undefined {
	if (payload.byteLength === 0) return undefined;
	let value: unknown;
	try {
		value = JSON.parse(Buffer.from(payload).toString('utf8'));
	} catch (cause) {
		throw new ReeveError('bad_frame', 'a status is JSON', { cause });
	}
	const { node = '' } = Object(value) as Partial<Status>;
	const { from: _, ...outline } = checkOutline({ ...Object(value), from: node });
	const status = outline as Omit<typeof outline, 'from'> & Status;
	if (status.state !== 'online' && status.state !== 'offline') {
		throw new ReeveError('bad_frame', 'a status is online or offline');
	}
	const { methods = [] } = status;
	if (!Array.isArray(methods) || !methods.every((name) => isShort(name) && isName(name))) {
		throw new ReeveError('bad_frame', 'methods are a list of names');
	}
	if (status.facts !== undefined && !isFacts(status.facts)) {
		throw new ReeveError('bad_frame', 'facts are short texts by name');
	}
	return status;
}

/** A status as the retained payload. JSON, because people look at it with ordinary MQTT tools. */
export function writeStatus(status: Status): Uint8Array {
	return Buffer.from(JSON.stringify(status));
}

function checkOutline(value: unknown): FrameHead & Record<string, unknown> {
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

function isShort(value: unknown): value is string {
	return typeof value === 'string' && value.length <= textCharactersMax;
}

function isShortOrAbsent(value: unknown): boolean {
	return value === undefined || isShort(value);
}

/** Whether it can be a number of a lane, of a start, or of messages. */
function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** Whether it can be a stretch of time: with `NaN`, a message would never expire. */
function isDuration(value: unknown): boolean {
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
