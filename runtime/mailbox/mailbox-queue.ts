/**
 * The queue of a mailbox: the rows that wait to be run, in the order of their arrival.
 *
 * @module
 */
import type { Journal } from '../journal/journal.ts';
import {
	countMailbox,
	oldestArrival,
	scanMailbox,
	stretchOf,
	type MailboxRow,
} from './mailbox-row.ts';
import { readStart, scanStarts } from './start-rows.ts';

/** More rows than are withdrawn in the time that a settlement takes to reach the disk. */
const withdrawnMax = 20_000;
/** How many rows are read from disk at a time, and kept in memory at most. */
const rowsAhead = 500;
/** So many of the oldest rows are counted at a start; counting a million would take its time. */
const countedMax = 5000;

/**
 * The rows of a mailbox. Rows are handed out in their order, so gaps are where the oldest rows are,
 * and those are counted; behind them there is a gap only where a waiting message was taken back by
 * hand, and this process thinks the mailbox fuller than it is by that one.
 */
export function countRows(journal: Journal, method: string, last: number): number {
	const from = oldestArrival(journal, method);
	if (from === undefined) return 0;
	const counted = Math.min(last + 1, from + countedMax);
	return countMailbox(journal, method, [from, counted]) + last + 1 - counted;
}

/** What a queue is made from. */
export interface MailboxQueueParts {
	readonly journal: Journal;
	readonly method: string;
	/** The last row that was there before this process. */
	readonly lastArrival: number;
	/** Whether a row that is started on disk was started when it was accepted, and has yet to run. */
	readonly isEarly: (arrival: number) => boolean;
}

/** The rows that wait for their turn: the next few in memory, the others read when theirs comes. */
export function createMailboxQueue({ journal, method, lastArrival, isEarly }: MailboxQueueParts) {
	let ready: MailboxRow[] = [];
	/** Rows up to here are on disk. */
	let flushed = lastArrival;
	/** Rows up to here are in memory, running or settled. */
	let loaded = 0;
	/** Rows that are not handed out, though they may still be on disk. */
	const withdrawn = new Set<number>();

	/** Which of the rows of a stretch are started: few, so that they are read at once. */
	const startedOf = (from: number, to: number): ReadonlySet<number> => {
		const found = scanStarts(journal, method, { from, to: to + 1 });
		return new Set(found.map(({ key }) => Number(key[1])));
	};
	const load = (): void => {
		if (ready.length > 0 || loaded >= flushed) return;
		const stretch = stretchOf(method, loaded + 1, flushed + 1);
		const rows = scanMailbox(journal, { ...stretch, limit: rowsAhead });
		const last = rows.at(-1)?.arrival ?? loaded;
		const started = startedOf(loaded + 1, last);
		// Not up to what is flushed: a read may be older than that, and what it does not show is read
		// the next time.
		loaded = last;
		for (const row of rows) {
			const isTheirs = started.has(row.arrival) && !isEarly(row.arrival);
			if (!isTheirs && !withdrawn.has(row.arrival)) ready.push(row);
		}
	};

	return {
		push(row: MailboxRow, isOpen: boolean): void {
			if (row.volatile) {
				ready.push(row);
				return;
			}
			flushed = Math.max(flushed, row.arrival);
			// What does not follow on the loaded rows is read from disk when its turn comes.
			if (!isOpen || row.arrival !== loaded + 1 || ready.length >= rowsAhead) return;
			loaded = row.arrival;
			ready.push(row);
		},
		shift(): MailboxRow | undefined {
			load();
			return ready.shift();
		},
		withdraw(arrival: number): boolean {
			if (arrival === 0 || arrival > flushed || withdrawn.has(arrival)) return false;
			const place = ready.findIndex((row) => row.arrival === arrival);
			const isStarted = () => readStart(journal, [method, arrival]) !== undefined;
			if (place < 0 && (arrival <= loaded || isStarted())) return false;
			if (place >= 0) ready.splice(place, 1);
			withdrawn.add(arrival);
			const [oldest] = withdrawn;
			if (withdrawn.size > withdrawnMax && oldest !== undefined) withdrawn.delete(oldest);
			return true;
		},
		/**
		 * Hands out again, from disk, each message that is not settled. Volatile messages stay queued.
		 */
		reset(): void {
			ready = ready.filter((row) => row.volatile);
			loaded = 0;
		},
	};
}
