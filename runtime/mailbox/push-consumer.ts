/**
 * The push consumer of a mailbox: hands rows to the function that runs them, a limited number at a
 * time, between one opening and the next.
 *
 * A start is written before its method is called, and that takes as long as a commit. Short methods
 * would do nothing but wait for it; so rows may be begun before there is a place for them, as many
 * as have ended while the last ones were being written. They run within a few milliseconds, and a
 * crash leaves few that were begun and have not run.
 *
 * This file is the door to p-queue.
 *
 * @module
 */
import PQueue from 'p-queue';
import type { MailboxRow } from './mailbox-row.ts';
import type { Change } from '../journal/schema.ts';

/** How rows are run. */
export interface Handling {
	readonly run: RunRow;
	/**
	 * What writes that these rows are started; they may run once it is committed. Without it each run
	 * does that for itself, and so does that of a row of which it writes nothing.
	 */
	readonly begin?: ((rows: readonly MailboxRow[]) => readonly Change[]) | undefined;
}

/** What a push consumer works with. */
export interface PushConsumerParts {
	/** How many messages run at a time; 1 keeps the order. */
	readonly concurrency: number;
	/** How many messages that have run may be on their way to the disk before no more are run. */
	readonly settlementsMax: number;
	/** Rows that were begun when they were accepted, and have not come to the front. */
	readonly early: Set<number>;
	/** The next row, if there is one. */
	readonly next: () => MailboxRow | undefined;
	/** Resolves when the changes are committed. If it rejects, the rows stay for the next opening. */
	readonly commit: (changes: readonly Change[]) => Promise<void>;
}

/** The consumer that {@link createPushConsumer} makes. */
export interface PushConsumer {
	/** From now on rows are run like this. */
	open(handling: Handling): void;
	/**
	 * What writes that this row is started, if there is a place for it: in the transaction that
	 * accepts it. The row must be fed afterwards.
	 */
	beginNow(row: MailboxRow): readonly Change[];
	/** There may be rows. */
	feed(): void;
	/** Messages that run. */
	running(): number;
	/** Does `work` in a place of its own, as if it were a message. */
	enqueue<Value>(work: () => Promise<Value>): Promise<Value>;
	/** Takes back a row that was begun and does not run yet; false if there is none. */
	withdraw(arrival: number): boolean;
	/** Hands out nothing more. */
	end(): void;
	/** Resolves when all that was handed out is settled. */
	over(): Promise<void>;
}

/** Rows that are begun and have no place yet, at most. */
const begunMax = 256;

/** Creates a push consumer. It hands nothing out before it is opened. */
export function createPushConsumer(parts: PushConsumerParts): PushConsumer {
	const { concurrency, settlementsMax, early, next, commit } = parts;
	const queue = new PQueue({ concurrency });
	const begun: MailboxRow[] = [];
	let handling: Handling | undefined;
	const underWay = createTally(concurrency + settlementsMax);
	let isBeginning = false;
	/** Messages that have ended since the last rows were begun. */
	let freed = 0;

	const vacant = () => Math.max(0, concurrency - queue.size - queue.pending);

	/** Runs a message; resolves when another may run in its place. */
	const take = (row: MailboxRow, run: RunRow): Promise<void> =>
		new Promise((resolve) => {
			underWay.add();
			const over = (): void => {
				const wasFull = underWay.isFull();
				underWay.remove();
				resolve();
				if (wasFull) feed();
			};
			// A run that rejects leaves its row on disk: the next opening finds it among `started`.
			run(row, concurrency > 1 ? resolve : ignore).then(over, over);
		});
	/** One place: runs one message after the other, while no other work waits for it. */
	const work = async (first: MailboxRow, by: Handling): Promise<void> => {
		for (let row: MailboxRow | undefined = first; row;) {
			await take(row, by.run);
			freed += 1;
			const isOurs = handling === by && queue.size === 0 && !underWay.isFull();
			row = isOurs ? (by.begin ? begun.shift() : next()) : undefined;
			if (by.begin && begun.length <= freed) begin(by);
		}
	};
	const place = (row: MailboxRow, by: Handling): void => {
		void queue.add(() => work(row, by)).finally(feed);
	};
	/** The next rows that are not begun; those that are get in line for a place. */
	const pick = (most: number): MailboxRow[] => {
		const rows: MailboxRow[] = [];
		for (let count = 0; count < most; count += 1) {
			const row = next();
			if (!row) break;
			if (early.delete(row.arrival)) begun.push(row);
			else rows.push(row);
		}
		return rows;
	};
	/** Begins as many rows as will have a place soon. Afterwards some may be ready to be placed. */
	const begin = (by: Handling): void => {
		if (isBeginning || handling !== by || underWay.isFull()) return;
		const wanted = Math.min(begunMax, vacant() + 2 * freed) - begun.length;
		if (wanted <= 0) return;
		const rows = pick(wanted);
		freed = 0;
		const changes = by.begin?.(rows) ?? [];
		isBeginning = changes.length > 0;
		const done = (isWritten: boolean): void => {
			isBeginning = false;
			if (isWritten && handling === by) for (const row of rows) begun.push(row);
			feed();
		};
		if (!isBeginning) for (const row of rows) begun.push(row);
		else {
			commit(changes).then(
				() => done(true),
				() => done(false),
			);
		}
	};
	const feed = (): void => {
		const by = handling;
		if (!by) return;
		if (by.begin) begin(by);
		while (vacant() > 0 && !underWay.isFull()) {
			const row = by.begin ? begun.shift() : next();
			if (!row) break;
			place(row, by);
		}
	};

	return {
		open(given) {
			handling = given;
			feed();
		},
		beginNow(row) {
			const isIdle = begun.length === 0 && !isBeginning && vacant() > early.size;
			if (!handling?.begin || !isIdle) return [];
			const changes = handling.begin([row]);
			if (changes.length > 0) early.add(row.arrival);
			return changes;
		},
		feed,
		running: () => queue.pending,
		async enqueue(made) {
			try {
				return await queue.add(made);
			} finally {
				feed();
			}
		},
		withdraw(arrival) {
			const at = begun.findIndex((row) => row.arrival === arrival);
			return at >= 0 && begun.splice(at, 1).length > 0;
		},
		end() {
			handling = undefined;
			begun.length = 0;
			queue.clear();
		},
		over: () => queue.onIdle().then(() => underWay.none()),
	};
}

/** Counts the messages that were handed out and are not settled, `max` at most. */
function createTally(max: number) {
	let count = 0;
	let onNone = ignore;
	return {
		isFull: () => count >= max,
		add: () => void (count += 1),
		remove(): void {
			count -= 1;
			if (count === 0) onNone();
		},
		/** Resolves when there are none. */
		async none(): Promise<void> {
			if (count > 0) await new Promise<void>((resolve) => (onNone = resolve));
		},
	};
}

function ignore(): void {}

/**
 * Takes a message to its end: resolves when it is settled; if it rejects, the row stays for the
 * next opening. It calls `freed` when nothing is left to be done but to bring the settlement to the
 * disk: then another message may run in its place, unless the method keeps the order.
 */
export type RunRow = (row: MailboxRow, freed: () => void) => Promise<void>;
