/**
 * Store time: the time in which a store counts durations. While a process runs, it advances with
 * the monotonic clock, and by the time in which the machine slept, so no change of the wall clock
 * moves it. The store notes it, and the next process goes on from there, later by the time in which
 * none ran. (Notes are as old as the last transaction; the sweep of `lane-retention.ts` makes one
 * each hour.)
 *
 * It begins as the wall clock of the first start, and equals the wall clock for as long as that is
 * never set. Every instant that a store keeps is in store time, except where a time of the day is
 * meant.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';

/** What a store notes of its time: one moment in the words of each clock. */
export interface TimeNote {
	readonly storeMs: number;
	readonly wallMs: number;
	/** Which start of the machine `bootMs` counts from; absent where that is not known. */
	readonly boot?: string;
	readonly bootMs?: number;
}

/** The store time of one process. */
export interface StoreTime {
	/** Milliseconds of store time. */
	readonly now: () => number;
	/** What the wall clock shows, or would have shown as it is set now, at an instant of it. */
	readonly wallOf: (storeMs: number) => number;
	/**
	 * What the next transaction notes; undefined if the last note still serves. `jumpMs` is how far
	 * the wall clock was set since the last look; 0 if it was not.
	 */
	look(): { readonly note: TimeNote; readonly jumpMs: number } | undefined;
	/** The note of this moment. */
	note(): TimeNote;
}

/**
 * A wall clock and the monotonic one differ by as much without a jump: small corrections, and
 * machines that do not correct the monotonic one.
 */
const jumpMsMin = 2000;
/** A note that is as old is renewed with the next transaction. */
const noteMsMax = 10_000;
/** Before this instant no machine ran this program: its clock was never set. */
const setSinceMs = Date.UTC(2025, 0, 1);

/**
 * Starts the store time of a process, from the note that an earlier one has left.
 *
 * For how long no process ran is told by the machine, if it has not been restarted since; else by
 * the wall clock. If that was set back, or never set, the time in between is not known and counts
 * as nothing: a duration may then last longer, but never ends early.
 */
export function startStoreTime(clock: Clock, known: unknown): StoreTime {
	const startedAt = clock.monotonic();
	const bootedAt = clock.sinceBoot?.()?.ms ?? 0;
	const wallMs = clock.now();
	const from = resumedAt(clock, wallMs, known);
	/** How far the wall clock is ahead of store time, as of the last look. */
	let offsetMs = keptOffsetMs(wallMs - from, known);
	let notedAt = startedAt;
	let sleptMs = 0;

	const exact = () => from + clock.monotonic() - startedAt + sleptMs;
	const aheadMs = (): number => {
		const byMs = Math.round(clock.now() - exact() - offsetMs);
		return Math.abs(byMs) < jumpMsMin ? 0 : byMs;
	};
	/** How far the wall clock was set. A machine that slept has not set it: that time has passed. */
	const jumpMs = (): number => {
		const byMs = aheadMs();
		if (byMs === 0) return 0;
		const boot = clock.sinceBoot?.();
		if (boot) sleptMs = Math.max(sleptMs, boot.ms - bootedAt - (clock.monotonic() - startedAt));
		return aheadMs();
	};
	const note = (): TimeNote => {
		offsetMs += jumpMs();
		notedAt = clock.monotonic();
		const { id: boot, ms: bootMs } = clock.sinceBoot?.() ?? {};
		const storeMs = Math.round(exact());
		// Not what the clock shows to the millisecond: so people are shown the same after a restart.
		const about = { storeMs, wallMs: storeMs + offsetMs };
		return boot === undefined || bootMs === undefined ? about : { ...about, boot, bootMs };
	};
	return {
		now() {
			jumpMs();
			return Math.round(exact());
		},
		wallOf(storeMs) {
			const byMs = jumpMs();
			return Math.round(storeMs + offsetMs + byMs);
		},
		look() {
			const byMs = jumpMs();
			if (byMs === 0 && clock.monotonic() - notedAt < noteMsMax) return undefined;
			return { note: note(), jumpMs: byMs };
		},
		note,
	};
}

/**
 * How far the wall clock is ahead of store time at a start: as far as it was, unless it was set. So
 * people are shown the same instants after a restart, to the millisecond.
 */
function keptOffsetMs(offsetMs: number, known: unknown): number {
	if (!isTimeNote(known)) return offsetMs;
	const keptMs = known.wallMs - known.storeMs;
	return Math.abs(offsetMs - keptMs) < jumpMsMin ? keptMs : offsetMs;
}

/** The store time at which a process begins, when the wall clock shows `wallMs`. */
function resumedAt(clock: Clock, wallMs: number, known: unknown): number {
	if (!isTimeNote(known)) return wallMs;
	const { storeMs, boot, bootMs = 0 } = known;
	const byWall = storeMs + wallMs - known.wallMs;
	const now = clock.sinceBoot?.();
	if (now && now.id === boot && now.ms >= bootMs) {
		const byMachine = Math.round(storeMs + now.ms - bootMs);
		const isAlike = Math.abs(byMachine - byWall) < jumpMsMin;
		return isAlike ? Math.max(storeMs, byWall) : byMachine;
	}
	const isSet = Math.min(known.wallMs, wallMs) >= setSinceMs;
	return isSet ? Math.max(storeMs, byWall) : storeMs;
}

function isTimeNote(value: unknown): value is TimeNote {
	const { storeMs, wallMs } = Object(value) as Partial<Record<keyof TimeNote, unknown>>;
	return typeof storeMs === 'number' && typeof wallMs === 'number';
}
