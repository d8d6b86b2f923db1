/**
 * The cursors of the lanes that arrive here, and what was refused on the way: in memory once they
 * have been used, on disk always.
 *
 * @module
 */
import { newCursor, type Cursor, type Decision } from './acceptance.ts';
import type { Frame } from './frame.ts';
import type { Change, Journal } from './journal.ts';

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
	/** The cursor as far as it is on disk: nobody may be told of more. */
	told(frame: Frame): Cursor;
	/**
	 * What the sender may not know yet: each answer repeats it until `lo` has passed it. All of it,
	 * because what an answer does not name is accepted.
	 */
	exceptions(frame: Frame): readonly (readonly [seq: number, code: string])[];
}

/** The most refusals that one frame drops; the next ones do the rest. */
const droppedMax = 1000;

/** Opens the cursors. Each is read when its lane is first heard of. */
export function createLaneCursors(journal: Journal): LaneCursors {
	const cursors = new Map<string, Cursor>();
	const epochs = new Map<string, number>();
	/** Lanes whose cursor is ahead of the disk: by how many moves, and what is on disk of it. */
	const ahead = new Map<string, { moves: number; onDisk: Cursor }>();
	const keyOf = ({ storeId, lane = '' }: Frame): [string, string] => [storeId, lane];
	const nameOf = (frame: Frame): string => keyOf(frame).join(' ');
	const refusals = (frame: Frame, stretch: { from: number; to: number; limit?: number }) =>
		journal.scan<string>('refusals', {
			...stretch,
			from: [...keyOf(frame), stretch.from],
			to: [...keyOf(frame), stretch.to],
		});
	const get = (frame: Frame): Cursor => {
		const name = nameOf(frame);
		let known = cursors.get(name);
		if (!known) {
			known = { ...newCursor, ...journal.get<Cursor>('cursors', keyOf(frame)) };
			cursors.set(name, known);
		}
		return known;
	};

	return {
		get,
		epochOf({ storeId }) {
			let epoch = epochs.get(storeId);
			if (epoch === undefined) {
				const stretch = { from: [storeId], to: [storeId, '\uffff'] };
				epoch = 0;
				for (const { value } of journal.scan<Cursor>('cursors', stretch)) {
					epoch = Math.max(epoch, value.epoch);
				}
				epochs.set(storeId, epoch);
			}
			return epoch;
		},
		move(frame, { cursor, refused }) {
			const before = get(frame);
			if (cursor === before) return [];
			const key = keyOf(frame);
			const name = nameOf(frame);
			cursors.set(name, cursor);
			const { moves, onDisk } = ahead.get(name) ?? { moves: 0, onDisk: before };
			ahead.set(name, { moves: moves + 1, onDisk });
			epochs.set(frame.storeId, Math.max(cursor.epoch, epochs.get(frame.storeId) ?? 0));
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
			const name = nameOf(frame);
			const moves = (ahead.get(name)?.moves ?? 1) - 1;
			if (moves === 0) ahead.delete(name);
			else ahead.set(name, { moves, onDisk: cursor });
		},
		told: (frame) => ahead.get(nameOf(frame))?.onDisk ?? get(frame),
		exceptions(frame) {
			if (get(frame).refusedUpTo < frame.lo) return [];
			return refusals(frame, { from: frame.lo, to: Number.MAX_SAFE_INTEGER }).map(
				({ key, value }) => [Number(key[2]), value],
			);
		},
	};
}
