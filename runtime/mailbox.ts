/**
 * A mailbox: the messages that one method has accepted here and not yet settled, in order of arrival.
 * The journal holds them; memory holds the next few, and p-queue decides how many run at a time.
 *
 * A row leaves the journal in the commit that settles its message, never before. So whatever ends the
 * process leaves every unsettled message where it was.
 *
 * This file is the door to p-queue.
 *
 * @module
 */
import PQueue from 'p-queue';
import type { Change, Journal } from './journal.ts';

/** One accepted message. */
export interface MailRow {
	/** Its place in the mailbox: rises by one with each message. */
	readonly arrival: number;
	readonly id: string;
	readonly from: string;
	readonly body: Uint8Array;
	/** Local wall-clock milliseconds after which it must not be started any more. */
	readonly deadline: number;
	/** Set on messages of the at-most-once kinds, which are nowhere on disk. */
	readonly volatile?: true;
}

/** What the journal says of a message that was started: by which process, and how often. */
export interface StartRecord {
	readonly epoch: number;
	readonly attempts: number;
}

/** The mailbox that {@link createMailbox} makes. */
export interface Mailbox {
	readonly method: string;
	/** Messages accepted and not yet settled, running ones included. */
	size(): number;
	running(): number;
	/** Gives a message its place. The change must be committed before `push`. */
	place(row: Omit<MailRow, 'arrival'>): { row: MailRow; change: Change };
	/** Makes a flushed row available. A volatile one is dropped while nobody has opened the mailbox. */
	push(row: MailRow): void;
	/** What removes a settled message from disk. */
	removal(row: MailRow): readonly Change[];
	/** The messages that were started and not settled, oldest first: what a crash left behind. */
	started(): readonly { row: MailRow; start: StartRecord }[];
	/**
	 * Starts handing out messages: those that `started` does not list, from the oldest on. `run` must
	 * resolve when the message is settled; if it rejects, the row stays for the next opening.
	 */
	open(run: (row: MailRow) => Promise<void>): void;
	/** Stops handing out, and resolves when what is running has ended. */
	close(): Promise<void>;
	/** Forgets what was handed out, so that the mailbox can be opened again after a crash. */
	reset(): void;
}

/** How many rows are read from disk at a time, and kept in memory at most. */
const rowsAhead = 500;

/** Opens the mailbox of `method`, with what is left of earlier runs. */
export function createMailbox(parts: {
	method: string;
	journal: Journal;
	/** How many messages run at a time; 1 keeps the order. */
	concurrency: number;
}): Mailbox {
	const { method, journal, concurrency } = parts;
	const stretch = (from: number, to = Number.MAX_SAFE_INTEGER) => ({
		from: [method, from],
		to: [method, to],
	});
	const last = journal.scan('mailbox', { ...stretch(0), limit: 1, reverse: true })[0];
	let next = Number(last?.key[1] ?? 0) + 1;
	let flushed = next - 1;
	let size = journal.count('mailbox', stretch(0));

	let queue = new PQueue({ concurrency });
	let run: ((row: MailRow) => Promise<void>) | undefined;
	let ready: MailRow[] = [];
	/** Rows up to here are in memory, running or settled; later ones are only on disk. */
	let loaded = 0;

	const read = (limit: number): MailRow[] =>
		journal
			.scan<Omit<MailRow, 'arrival'>>('mailbox', { ...stretch(loaded + 1, flushed + 1), limit })
			.map(({ key, value }) => ({ ...value, arrival: Number(key[1]) }));

	const load = (): void => {
		if (ready.length > 0 || loaded >= flushed) return;
		const rows = read(rowsAhead);
		loaded = rows.length < rowsAhead ? flushed : (rows.at(-1)?.arrival ?? flushed);
		for (const row of rows) {
			const isStarted = journal.get<StartRecord>('started', [method, row.arrival]) !== undefined;
			if (!isStarted) ready.push(row);
		}
	};

	const feed = (): void => {
		const handle = run;
		if (!handle) return;
		const mine = queue;
		while (mine.size + mine.pending < concurrency) {
			load();
			const row = ready.shift();
			if (!row) return;
			// A run that rejects leaves its row on disk: the next opening finds it among `started`.
			mine
				.add(() => handle(row))
				.catch(() => undefined)
				.finally(() => {
					if (mine === queue) feed();
				});
		}
	};

	return {
		method,
		size: () => size,
		running: () => queue.pending,
		place(row) {
			size += 1;
			const placed = { ...row, arrival: row.volatile ? 0 : next };
			if (!row.volatile) next += 1;
			return {
				row: placed,
				change: { table: 'mailbox', key: [method, placed.arrival], value: row },
			};
		},
		push(row) {
			if (row.volatile) {
				if (run) ready.push(row);
				else size -= 1;
			} else {
				flushed = Math.max(flushed, row.arrival);
				// What does not follow on the loaded rows is read from disk when its turn comes.
				if (run && row.arrival === loaded + 1 && ready.length < rowsAhead) {
					loaded = row.arrival;
					ready.push(row);
				}
			}
			feed();
		},
		removal(row) {
			size -= 1;
			if (row.volatile) return [];
			const key = [method, row.arrival];
			return [
				{ table: 'mailbox', key },
				{ table: 'started', key },
			];
		},
		started: () =>
			journal.scan<StartRecord>('started', stretch(0)).flatMap(({ key, value: start }) => {
				const row = journal.get<Omit<MailRow, 'arrival'>>('mailbox', key);
				return row ? [{ row: { ...row, arrival: Number(key[1]) }, start }] : [];
			}),
		open(handle) {
			run = handle;
			feed();
		},
		async close() {
			run = undefined;
			queue.clear();
			await queue.onIdle();
		},
		reset() {
			queue.clear();
			queue = new PQueue({ concurrency });
			ready = ready.filter((row) => row.volatile);
			loaded = 0;
			run = undefined;
		},
	};
}
