/**
 * Which rows of a frame a receiver takes: the pure heart of the inbox.
 *
 * @module
 */
import type { Frame, FrameRow } from './frame.ts';

/** How far a lane has been accepted. */
export interface Cursor {
	/** Everything up to here is accepted, or refused for good. */
	readonly upTo: number;
	/** The message id of `upTo`, so that a sender can tell its own messages from another's. */
	readonly id: string;
	/** The highest epoch of the sender that this lane has seen. */
	readonly epoch: number;
}

/** A lane that nothing has been accepted from. */
export const newCursor: Cursor = { upTo: 0, id: '', epoch: 0 };

/** What the receiver can take at the moment. */
export interface Readiness {
	readonly storeId: string;
	/** Why nothing is taken for now, such as `recovering`; undefined if messages are taken. */
	readonly hindrance?: string;
	/** How many messages the mailbox has room for; undefined if the method is not taken here. */
	readonly room: number | undefined;
	readonly messageBytesMax: number;
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
 * Decides about a frame of a lane whose cursor is `known`.
 *
 * A receiver that lost its store, or never had the lane, starts at the frame's `lo`: the sender has
 * resolved everything below. A row is taken only if it is the very next one, so that what is accepted
 * has no hole; a final refusal or a skip takes its place and moves the cursor like a message does.
 */
export function decide(frame: Frame, known: Cursor, readiness: Readiness): Decision {
	const nothing = { cursor: known, accepted: [], refused: [], duplicates: [] };
	if (frame.epoch < known.epoch) return { ...nothing, nack: 'stale_epoch' };
	if (frame.toStoreId && frame.toStoreId !== readiness.storeId) {
		return { ...nothing, nack: 'wrong_store' };
	}
	const isBehind = frame.lo - 1 > known.upTo;
	let cursor = isBehind ? { upTo: frame.lo - 1, id: '', epoch: frame.epoch } : known;
	const accepted: FrameRow[] = [];
	const refused: { seq: number; code: string; row: FrameRow }[] = [];
	const duplicates: FrameRow[] = [];
	let nack: string | undefined;
	for (const [index, row] of frame.rows.entries()) {
		const seq = frame.first + index;
		if (seq <= cursor.upTo) {
			duplicates.push(row);
			continue;
		}
		nack = hindrance(seq, cursor, { ...readiness, room: roomAfter(readiness.room, accepted) });
		if (nack) break;
		const code = row.skip ? 'skipped' : finalRefusal(row, readiness);
		if (code) refused.push({ seq, code, row });
		else accepted.push(row);
		cursor = { upTo: seq, id: row.id, epoch: frame.epoch };
	}
	return { cursor, accepted, refused, duplicates, ...(nack ? { nack } : {}) };
}

/** Why a message cannot be taken, whoever sends it and however often; undefined if it can. */
export function finalRefusal(row: FrameRow, readiness: Readiness): string | undefined {
	if (readiness.room === undefined) return 'unknown_method';
	return (row.body?.byteLength ?? 0) > readiness.messageBytesMax ? 'too_large' : undefined;
}

function roomAfter(room: number | undefined, accepted: readonly FrameRow[]): number | undefined {
	return room === undefined ? undefined : room - accepted.length;
}

function hindrance(seq: number, cursor: Cursor, readiness: Readiness): string | undefined {
	if (seq > cursor.upTo + 1) return 'gap';
	if (readiness.hindrance) return readiness.hindrance;
	return readiness.room !== undefined && readiness.room <= 0 ? 'mailbox_full' : undefined;
}
