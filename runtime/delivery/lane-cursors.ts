/**
 * The cursors of the lanes that arrive here, and what was refused on the way: in memory once they
 * have been used, on disk always.
 *
 * @module
 */
import { newCursor, type Cursor, type Decision } from './acceptance.ts';
import type { Frame } from '../protocol/frame.ts';
import type { Journal } from '../journal/journal.ts';
import { countDamaged } from '../journal/damaged-rows.ts';
import { readSaved } from '../journal/saved-fact.ts';
import { createLaneMap } from './lane-map.ts';
import { rowsUnder, type Change, type Key } from '../journal/schema.ts';

/** The cursors that {@link createLaneCursors} makes. */
export interface LaneCursors {
	get(frame: Frame): Cursor;
	/** The highest epoch that was seen of the store that a frame comes from. */
	epochOf(frame: Frame): number;
	/**
	 * Records a decision, and drops the refusals that the sender has heard of: those below `lo`. If
	 * there are changes, {@link LaneCursors.flushed} must be called once they are flushed.
	 */
	move(frame: Frame, decision: Decision): Change[];
	flushed(frame: Frame, decision: Decision): void;
	/** The cursor as far as it is on disk: no sender may be told of more. */
	told(frame: Frame): Cursor;
	/**
	 * What the sender may not know yet: each answer repeats it until `lo` has passed it. All of it,
	 * because what an answer does not name is accepted.
	 */
	exceptions(frame: Frame): readonly (readonly [seq: number, code: string])[];
	/**
	 * Whether cursors may be missing, now or since an earlier start: the store was saved from a
	 * damaged one, or a row of theirs was damaged.
	 */
	mayBeLost(): boolean;
}

/** A lane that has been heard of: its cursor, which may be ahead of the disk by some moves. */
interface Known {
	cursor: Cursor;
	onDisk: Cursor;
	moves: number;
}

/** The most refusals that are dropped at a time; the next frame, or sweep, drops the rest. */
const droppedMax = 1000;

/** Opens the cursors. Each is read when its lane is first heard of. */
export function createLaneCursors(journal: Journal): LaneCursors {
	const lanes = createLaneMap<Known>();
	const epochs = new Map<string, number>();
	const keyOf = ({ storeId, lane = '' }: Frame): [string, string] => [storeId, lane];
	const refusals = (frame: Frame, stretch: { from: number; to: number; limit?: number }) =>
		journal.scan<string>('refusals', {
			...stretch,
			from: [...keyOf(frame), stretch.from],
			to: [...keyOf(frame), stretch.to],
		});
	let isLost =
		journal.quarantined !== undefined ||
		readSaved(journal) !== undefined ||
		countDamaged(journal, 'cursors') > 0;
	journal.onDamage(({ table }) => (isLost ||= table === 'cursors'));
	/** The lane of the frame that was asked about last: a frame is asked about several times. */
	let last: { readonly frame: Frame; readonly known: Known } | undefined;
	const of = (frame: Frame): Known => {
		if (last?.frame === frame) return last.known;
		let known = lanes.get(frame);
		if (!known) {
			const cursor = { ...newCursor, ...journal.get<Cursor>('cursors', keyOf(frame)) };
			known = { cursor, onDisk: cursor, moves: 0 };
			lanes.set(frame, known);
		}
		last = { frame, known };
		return known;
	};

	return {
		get: (frame) => of(frame).cursor,
		epochOf({ storeId }) {
			let epoch = epochs.get(storeId);
			if (epoch === undefined) {
				epoch = 0;
				for (const { value } of journal.scan<Cursor>('cursors', rowsUnder(storeId))) {
					epoch = Math.max(epoch, value.epoch);
				}
				epochs.set(storeId, epoch);
			}
			return epoch;
		},
		move(frame, { cursor, refused }) {
			const known = of(frame);
			const before = known.cursor;
			if (cursor === before) return [];
			known.cursor = cursor;
			known.moves += 1;
			epochs.set(frame.storeId, Math.max(cursor.epoch, epochs.get(frame.storeId) ?? 0));
			const key = keyOf(frame);
			const heard =
				before.refusedUpTo === 0
					? []
					: refusals(frame, { from: 0, to: frame.lo, limit: droppedMax });
			return [
				{ table: 'cursors', key, value: cursor },
				...refused.map(({ seq, code }): Change => {
					return { table: 'refusals', key: [...key, seq], value: code };
				}),
				...heard.map((known): Change => ({ table: 'refusals', key: known.key })),
			];
		},
		flushed(frame, { cursor }) {
			const known = of(frame);
			known.moves -= 1;
			// Without a move that is not flushed, what is on disk is what was decided last.
			known.onDisk = known.moves === 0 ? known.cursor : cursor;
		},
		told: (frame) => of(frame).onDisk,
		mayBeLost: () => isLost,
		exceptions(frame) {
			if (of(frame).cursor.refusedUpTo < frame.lo) return [];
			return refusals(frame, { from: frame.lo, to: Number.MAX_SAFE_INTEGER }).map(
				({ key, value }) => [Number(key[2]), value],
			);
		},
	};
}

/** Whether anything has been accepted, or refused, from the lane of this key. */
export function hasCursor(journal: Pick<Journal, 'get'>, key: Key): boolean {
	return journal.get('cursors', key) !== undefined;
}

/** What removes a lane: `isWhole` is false if it has more refusals, which remain. */
export function laneRemoval(
	journal: Pick<Journal, 'scan'>,
	key: Key,
): { readonly changes: readonly Change[]; readonly isWhole: boolean } {
	const refusals = journal.scan('refusals', { ...rowsUnder(...key), limit: droppedMax });
	const changes = [
		...refusals.map((row): Change => ({ table: 'refusals', key: row.key })),
		{ table: 'cursors', key } as const,
	];
	return { changes, isWhole: refusals.length < droppedMax };
}
