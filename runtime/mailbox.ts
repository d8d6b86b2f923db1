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
import type { ScheduleState } from './schedule.ts';

/** One accepted message. */
export interface MailRow {
	/** Its place in the mailbox: rises by one with each message. */
	readonly arrival: number;
	readonly id: string;
	readonly from: string;
	readonly body: Uint8Array;
	/** Local wall-clock milliseconds after which it must not be started any more. */
	readonly deadline: number;
	/** Set if it may have run here before, under another identity of this store or of the sender's. */
	readonly repeat?: true;
	/** Set on messages of the at-most-once kinds, which are nowhere on disk. */
	readonly volatile?: true;
	/** When it was accepted, by the wall clock of this node; absent in rows of older versions. */
	readonly at?: number;
	/** Where it stood with its sender, if a wire brought it. */
	readonly lane?: string;
	readonly seq?: number;
	/** Set on the outcome of an ask of an actor here; no wire can bring such a row. */
	readonly answer?: true;
}

/** A row as it lies in the journal. */
interface StoredRow extends Omit<MailRow, 'arrival'> {
	/** Bytes of all messages placed in this mailbox so far, this one included. */
	readonly sum: number;
}

/** What the journal says of a message that was started: by which process, and how often. */
export interface StartRecord {
	readonly epoch: number;
	readonly attempts: number;
	/** Set if nothing else ran beside it, so that a crash of the process is its own. */
	readonly alone?: true;
	/** How far the run had come, as its method has noted it. */
	readonly progress?: unknown;
	/** Set if the message is run by a schedule: how far that has come. */
	readonly schedule?: ScheduleState;
}

/** The mailbox that {@link createMailbox} makes. */
export interface Mailbox {
	readonly method: string;
	/**
	 * Messages accepted and not yet settled, running ones included. After a start with very many of them it
	 * may be a little too high, see {@link createMailbox}.
	 */
	size(): number;
	/** Bytes of their bodies. After a start it may be too high until what was left is settled. */
	bytes(): number;
	running(): number;
	/** Gives a message its place. The change must be committed before `push`. */
	place(row: Omit<MailRow, 'arrival'>): { row: MailRow; change: Change };
	/** Makes a flushed row available. A volatile one is dropped while nobody has opened the mailbox. */
	push(row: MailRow): void;
	/**
	 * Keeps a message from being handed out; false if it has been. Whoever withdraws it must settle it: it
	 * stays on disk until then.
	 */
	withdraw(arrival: number): boolean;
	/** What removes a settled message from disk. */
	removal(row: MailRow): readonly Change[];
	/** The messages that were started and not settled, oldest first: what a crash left behind. */
	started(): readonly { row: MailRow; start: StartRecord }[];
	/** Does `work` as if it were a message: beside no more others than the method allows. */
	enqueue<Value>(work: () => Promise<Value>): Promise<Value>;
	/** Counts `work` as running: what `started` lists is not handed out, and yet is worked on. */
	attend<Value>(work: () => Promise<Value>): Promise<Value>;
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

/** More rows than are withdrawn in the time that a settlement takes to reach the disk. */
const withdrawnMax = 20_000;
/** How many rows are read from disk at a time, and kept in memory at most. */
const rowsAhead = 500;

/** Opens the mailbox of `method`, with what is left of earlier runs. */
export function createMailbox(parts: {
	method: string;
	journal: Journal;
	/** How many messages run at a time; 1 keeps the order. */
	concurrency: number;
	/** Called whenever a message leaves. */
	onRemoval?: (mailbox: Mailbox) => void;
}): Mailbox {
	const { method, journal, concurrency, onRemoval } = parts;
	const all = stretchOf(method, 0);
	const end = (reverse: boolean) =>
		journal.scan<StoredRow>('mailbox', { ...all, limit: 1, reverse })[0];
	const last = end(true);
	const oldest = end(false)?.value;
	let next = Number(last?.key[1] ?? 0) + 1;
	let size = countRows(journal, method, next - 1);
	/** Bytes of all messages that were ever placed here: a row notes it, so that no start must count. */
	let sum = last?.value.sum ?? 0;
	let bytes = oldest ? sum - oldest.sum + oldest.body.byteLength : 0;

	let queue = new PQueue({ concurrency });
	/** Runs beside the queue: what a crash left behind. */
	let attended = 0;
	let run: ((row: MailRow) => Promise<void>) | undefined;
	const line = createLine(journal, method, next - 1);

	const feed = (): void => {
		const handle = run;
		if (!handle) return;
		const mine = queue;
		while (mine.size + mine.pending < concurrency) {
			const row = line.shift();
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

	const mailbox: Mailbox = {
		method,
		size: () => size,
		bytes: () => bytes,
		running: () => queue.pending + attended,
		place(row) {
			size += 1;
			bytes += row.body.byteLength;
			const placed = { ...row, arrival: row.volatile ? 0 : next };
			if (!row.volatile) {
				next += 1;
				sum += row.body.byteLength;
			}
			const value: StoredRow = { ...row, sum };
			return { row: placed, change: { table: 'mailbox', key: [method, placed.arrival], value } };
		},
		push(row) {
			if (run || !row.volatile) line.push(row, run !== undefined);
			else {
				size -= 1;
				bytes -= row.body.byteLength;
			}
			feed();
		},
		withdraw: (arrival) => line.withdraw(arrival),
		removal(row) {
			size -= 1;
			bytes -= row.body.byteLength;
			// Nobody may believe that an empty mailbox is not: rows may have been removed by hand.
			if (size === 0) bytes = 0;
			onRemoval?.(mailbox);
			if (row.volatile) return [];
			const key = [method, row.arrival];
			return [
				{ table: 'mailbox', key },
				{ table: 'started', key },
			];
		},
		started: () =>
			journal.scan<StartRecord>('started', all).flatMap(({ key, value: start }) => {
				const row = journal.get<Omit<MailRow, 'arrival'>>('mailbox', key);
				return row ? [{ row: { ...row, arrival: Number(key[1]) }, start }] : [];
			}),
		async enqueue(work) {
			try {
				return await queue.add(work);
			} finally {
				feed();
			}
		},
		async attend(work) {
			attended += 1;
			try {
				return await work();
			} finally {
				attended -= 1;
			}
		},
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
			line.reset();
			run = undefined;
		},
	};
	return mailbox;
}

/** So many of the oldest rows are counted at a start; counting a million would take its time. */
const countedMax = 5000;

/**
 * The rows of a mailbox. Rows are handed out in their order, so gaps are where the oldest rows are, and
 * those are counted; behind them there is a gap only where a waiting message was taken back by hand,
 * and this process thinks the mailbox fuller than it is by that one.
 */
function countRows(journal: Journal, method: string, last: number): number {
	const oldest = journal.scan('mailbox', { ...stretchOf(method, 0), limit: 1 })[0];
	if (!oldest) return 0;
	const from = Number(oldest.key[1]);
	const counted = Math.min(last + 1, from + countedMax);
	return journal.count('mailbox', stretchOf(method, from, counted)) + last + 1 - counted;
}

function stretchOf(method: string, from: number, to = Number.MAX_SAFE_INTEGER) {
	return { from: [method, from], to: [method, to] };
}

/** The rows that wait for their turn: the next few in memory, the others read when theirs comes. */
function createLine(journal: Journal, method: string, lastArrival: number) {
	let ready: MailRow[] = [];
	/** Rows up to here are on disk. */
	let flushed = lastArrival;
	/** Rows up to here are in memory, running or settled. */
	let loaded = 0;
	/** Rows that are not handed out, though they may still be on disk. */
	const withdrawn = new Set<number>();

	const load = (): void => {
		if (ready.length > 0 || loaded >= flushed) return;
		const rows = journal.scan<StoredRow>('mailbox', {
			...stretchOf(method, loaded + 1, flushed + 1),
			limit: rowsAhead,
		});
		const last = Number(rows.at(-1)?.key[1] ?? flushed);
		loaded = rows.length < rowsAhead ? flushed : last;
		for (const { key, value } of rows) {
			const isStarted = journal.get<StartRecord>('started', key) !== undefined;
			const arrival = Number(key[1]);
			if (!isStarted && !withdrawn.has(arrival)) ready.push({ ...value, arrival });
		}
	};

	return {
		push(row: MailRow, isOpen: boolean): void {
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
		shift(): MailRow | undefined {
			load();
			return ready.shift();
		},
		withdraw(arrival: number): boolean {
			if (arrival === 0 || arrival > flushed || withdrawn.has(arrival)) return false;
			const place = ready.findIndex((row) => row.arrival === arrival);
			const isStarted = () => journal.get<StartRecord>('started', [method, arrival]) !== undefined;
			if (place < 0 && (arrival <= loaded || isStarted())) return false;
			if (place >= 0) ready.splice(place, 1);
			withdrawn.add(arrival);
			const [oldest] = withdrawn;
			if (withdrawn.size > withdrawnMax && oldest !== undefined) withdrawn.delete(oldest);
			return true;
		},
		/** Everything that is not settled is to be handed out again; what is on no disk stays. */
		reset(): void {
			ready = ready.filter((row) => row.volatile);
			loaded = 0;
		},
	};
}
