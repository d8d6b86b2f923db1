/**
 * Retention: how long this node remembers the lanes of others, and how many of them.
 *
 * The cursor of a lane is what recognises a repeated message, so it may go only when no copy of any
 * message of its lane can come any more: when the lane has been silent for longer than the longest
 * time to live. That time is measured in the *running time* of this node, which is counted in its
 * journal and does not jump when the clock is set. A node that was off remembers
 * all the longer.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { Frame } from '../protocol/frame.ts';
import type { Journal } from '../journal/journal.ts';
import { metaChange, readMeta } from '../journal/meta-rows.ts';
import { hasCursor, laneRemoval } from './lane-cursors.ts';
import { createLaneMap, type LaneOfStore } from './lane-map.ts';
import type { Signals } from '../observability/signals.ts';
import type { LaneAck } from '../protocol/acknowledgement.ts';
import { behind, rowsUnder, type Change, type Key } from '../journal/schema.ts';
import { ignoreIfFenced } from '../journal/fencing.ts';

/** The retention that {@link createLaneRetention} makes. */
export interface LaneRetention {
	/** Notes that a lane was heard of; undefined, or the answer to a lane that is one too many. */
	admit(frame: Frame): LaneAck | undefined;
	/** Counts the running time, and forgets a piece of what has been silent for too long. */
	sweep(): Promise<void>;
}

/** How exactly it is noted when a lane was last heard of. */
const noteMs = 86_400_000;
/** Lanes forgotten in one transaction. */
const lanesAtATime = 100;
/** Lanes whose note is known to be fresh; beyond that the journal is asked again. */
const freshMax = 100_000;

/** Creates the retention of a node. */
export function createLaneRetention(parts: {
	journal: Journal;
	clock: Clock;
	config: Pick<Config, 'laneSilenceMax' | 'lanesPerStoreMax'>;
	signals: Signals;
}): LaneRetention {
	const { journal, clock, config, signals } = parts;
	const since = clock.monotonic();
	const before = readMeta<number>(journal, ['runningMs']) ?? 0;
	const runningMs = (): number => Math.round(before + clock.monotonic() - since);
	/** When the note of each lane is due to be renewed. */
	const fresh = createLaneMap<number>();
	const counts = new Map<string, number>();

	const countOf = (storeId: string): number => {
		const known = counts.get(storeId);
		if (known !== undefined) return known;
		const count = journal.count('heard', rowsUnder(storeId));
		counts.set(storeId, count);
		return count;
	};
	const note = (lane: LaneOfStore, key: Key): void => {
		const now = runningMs();
		if (fresh.size >= freshMax) fresh.clear();
		fresh.set(lane, now + noteMs);
		// A note that is lost with a crash is made again by the next frame; the cursor is there
		// already.
		journal.commit([{ table: 'heard', key, value: now }]).catch(ignoreIfFenced);
	};

	return {
		admit(frame) {
			const { storeId, lane = '' } = frame;
			if (runningMs() < (fresh.get(frame) ?? 0)) return undefined;
			const key: [string, string] = [storeId, lane];
			const isKnown = journal.get('heard', key) !== undefined || hasCursor(journal, key);
			if (!isKnown && countOf(storeId) >= config.lanesPerStoreMax) return refusalOf(frame);
			if (!isKnown) counts.set(storeId, countOf(storeId) + 1);
			note(frame, key);
			return undefined;
		},
		async sweep() {
			const now = runningMs();
			await journal.commit([metaChange(['runningMs'], now)]);
			const silentMs = config.laneSilenceMax * 1000 + noteMs;
			for (const keys of pages(journal)) {
				const gone = keys.filter(({ value }) => now - value > silentMs);
				if (gone.length === 0) continue;
				await journal.commit(gone.flatMap(({ key }) => forget(journal, key)));
				for (const { key } of gone) {
					fresh.delete({ storeId: String(key[0]), lane: String(key[1]) });
				}
				counts.clear();
				signals.emit('lanes.forgotten', { count: gone.length });
			}
		},
	};
}

/** Starts sweeping every hour; the result ends it, with the sweep that is under way. */
export function startSweeping(retention: LaneRetention, clock: Clock): { stop(): Promise<void> } {
	let timer = clock.after(sweepMs, sweep);
	let sweeping = Promise.resolve();
	function sweep(): void {
		timer = clock.after(sweepMs, sweep);
		sweeping = retention.sweep().catch(ignoreIfFenced);
	}
	return {
		async stop() {
			timer.cancel();
			await sweeping;
		},
	};
}

/** The running time that a crash may forget: silence is then only counted too short. */
const sweepMs = 3_600_000;

/** The table in pieces, so that no read is long. */
function* pages(journal: Journal) {
	for (let { from, to } = rowsUnder(); ;) {
		const rows = journal.scan<number>('heard', { from, to, limit: lanesAtATime });
		const last = rows.at(-1);
		if (!last) return;
		yield rows;
		from = behind(last.key);
	}
}

/**
 * What removes a lane from memory: its note last of all, so that a rest is found by the next sweep.
 */
function forget(journal: Journal, key: Key): Change[] {
	const { changes, isWhole } = laneRemoval(journal, key);
	return isWhole ? [...changes, { table: 'heard', key }] : [...changes];
}

/**
 * The answer to a lane that is one too many: all of the frame is refused for good. Nothing is
 * written for it, so it costs nothing however many there are. A frame that does not begin with the
 * first unresolved message is not answered: the sender comes back to that one by itself.
 */
function refusalOf({ lane = '', epoch, lo, first, rows }: Frame): LaneAck {
	const last = rows.at(-1);
	const isFirst = first <= lo && last !== undefined;
	return {
		lane,
		epoch,
		upTo: isFirst ? first + rows.length - 1 : 0,
		id: isFirst ? last.id : '',
		credit: 0,
		...(isFirst
			? { except: rows.map((_row, index) => [first + index, 'too_many_lanes'] as const) }
			: {}),
	};
}
