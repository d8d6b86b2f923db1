/**
 * Acceptance: the pure decision which rows of a frame a receiver takes.
 *
 * @module
 */
import type { Frame, FrameRow } from '../protocol/frame.ts';
import { isOtherId, noIds, withIds } from './recent-ids.ts';

/** How far a lane has been accepted. */
export interface Cursor {
	/** Everything up to here is accepted, or refused for good. */
	readonly upTo: number;
	/** The message id of `upTo`, so that a sender can tell its own messages from another's. */
	readonly id: string;
	/** The highest epoch of the sender that this lane has seen. */
	readonly epoch: number;
	/** The last ids, see `recent-ids.ts`. */
	readonly ring: Uint8Array;
	/** The highest number that was refused or skipped; the sender may still have to hear of it. */
	readonly refusedUpTo: number;
	/**
	 * Store time at the last change.
	 */
	readonly at: number;
}

/** A lane that nothing has been accepted from. */
export const newCursor: Cursor = {
	upTo: 0,
	id: '',
	epoch: 0,
	ring: noIds,
	refusedUpTo: 0,
	at: 0,
};

/** What the receiver can take at the moment. */
export interface Readiness {
	readonly storeId: string;
	/** Whether the cursor may be missing, because it was damaged. */
	readonly isSaved?: boolean;
	/** Store time. */
	readonly now: number;
	/** The highest epoch that was seen of the sender's store, on any lane. */
	readonly epochSeen: number;
	/** Why nothing is taken for now, such as `recovering`; undefined if messages are taken. */
	readonly hindrance?: string;
	/** How many more messages the mailbox takes; undefined if the method is not taken here. */
	readonly credit: number | undefined;
	readonly messageBytesMax: number;
	/** Whether a message of this id was accepted here before, on whatever lane. */
	readonly isKnown: (id: string) => boolean;
	/** Why this message can never be taken, such as `bad_frame`; undefined if it can. */
	readonly fault: (row: FrameRow) => string | undefined;
}

/** What becomes of a frame. Nothing is written yet. */
export interface Decision {
	readonly cursor: Cursor;
	/** Messages to file, in order. */
	readonly accepted: readonly FrameRow[];
	/** What is refused for good, or skipped, with its code. */
	readonly refused: readonly { readonly seq: number; readonly code: string; row: FrameRow }[];
	readonly duplicates: readonly FrameRow[];
	/** Why the rest was not taken. The sender goes back to `cursor.upTo + 1`. */
	readonly nack?: string;
}

/**
 * Why a lane may be stopped altogether: nothing of a frame is taken, nothing is resolved by saying
 * so, and its sender must do something about it.
 */
export const laneStops: ReadonlySet<string> = new Set(['stale_epoch', 'wrong_store', 'seq_reused']);

/** Whether it was accepted before, where the cursor cannot say so. */
function isKnownRepeat({ id, repeat }: FrameRow, { isSaved, isKnown }: Readiness): boolean {
	return (repeat === true || isSaved === true) && isKnown(id);
}

/**
 * Decides about a frame of a lane whose cursor is `known`.
 *
 * A receiver that lost its store, or never had the lane, starts at the frame's `lo`: the sender has
 * resolved everything below. A row is taken only if it is the very next one, so that what is
 * accepted has no hole; a final refusal or a skip takes its place and moves the cursor like a
 * message does.
 *
 * A row that may be a repetition from another store (`repeat`) is looked up by its id: if it was
 * accepted before, it moves the cursor and is not filed again.
 */
export function decide(frame: Frame, known: Cursor, readiness: Readiness): Decision {
	const stop = laneStop(frame, known, readiness);
	if (stop) return { cursor: known, accepted: [], refused: [], duplicates: [], nack: stop };
	const { epoch } = frame;
	const at = readiness.now;
	let cursor = startOf(frame, known, at);
	const accepted: FrameRow[] = [];
	const refused: { seq: number; code: string; row: FrameRow }[] = [];
	const duplicates: FrameRow[] = [];
	const taken: string[] = [];
	const start = cursor;
	let nack: string | undefined;
	for (const [index, row] of frame.rows.entries()) {
		const seq = frame.first + index;
		if (seq <= cursor.upTo) {
			duplicates.push(row);
			continue;
		}
		nack = hindrance(seq, cursor, {
			...readiness,
			credit: creditAfter(readiness.credit, accepted),
		});
		if (nack) break;
		const isRepeat = isKnownRepeat(row, readiness);
		const code = isRepeat ? undefined : refusal(row, readiness);
		if (isRepeat) duplicates.push(row);
		else if (code) refused.push({ seq, code, row });
		else accepted.push(row);
		taken.push(row.id);
		const refusedUpTo = code ? seq : cursor.refusedUpTo;
		cursor = { ...cursor, upTo: seq, id: row.id, epoch, refusedUpTo, at };
	}
	const ring = withIds(start.ring, start.upTo + 1, taken);
	if (ring !== cursor.ring) cursor = { ...cursor, ring };
	return { cursor, accepted, refused, duplicates, ...(nack ? { nack } : {}) };
}

/** Where the lane stands before the rows of the frame are looked at. */
function startOf({ lo, epoch }: Frame, known: Cursor, at: number): Cursor {
	if (lo - 1 > known.upTo) return { ...newCursor, upTo: lo - 1, epoch, at };
	return epoch > known.epoch ? { ...known, epoch, at } : known;
}

/** Why this frame is not even looked into. */
function laneStop(frame: Frame, known: Cursor, readiness: Readiness): string | undefined {
	if (frame.epoch < Math.max(known.epoch, readiness.epochSeen)) return 'stale_epoch';
	if (frame.toStoreId && frame.toStoreId !== readiness.storeId) return 'wrong_store';
	const isReused = frame.rows.some(({ id }, index) => {
		const seq = frame.first + index;
		return seq <= known.upTo && isOtherId(known.ring, known.upTo, { seq, id });
	});
	return isReused ? 'seq_reused' : undefined;
}

function refusal(row: FrameRow, readiness: Readiness): string | undefined {
	return row.skip ? 'skipped' : finalRefusal(row, readiness);
}

/** Why a message cannot be taken from any sender, now or later; undefined if it can. */
export function finalRefusal(row: FrameRow, readiness: Readiness): string | undefined {
	if (readiness.credit === undefined) return 'unknown_method';
	if ((row.body?.byteLength ?? 0) > readiness.messageBytesMax) return 'too_large';
	return readiness.fault(row);
}

function creditAfter(
	credit: number | undefined,
	accepted: readonly FrameRow[],
): number | undefined {
	return credit === undefined ? undefined : credit - accepted.length;
}

function hindrance(seq: number, cursor: Cursor, readiness: Readiness): string | undefined {
	if (seq > cursor.upTo + 1) return 'gap';
	if (readiness.hindrance) return readiness.hindrance;
	return readiness.credit !== undefined && readiness.credit <= 0 ? 'mailbox_full' : undefined;
}
