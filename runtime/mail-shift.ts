/**
 * The shift of a mailbox: hands its rows to those who run them, so many at a time, between an
 * opening and the next one.
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
import type { MailRow, RunMail } from './mailbox.ts';

/** How rows are run. */
export interface Handling {
	readonly run: RunMail;
	/**
	 * Writes that these rows are started; resolves when they may run. Without it each run does that
	 * for itself. If it rejects, the rows stay for the next opening.
	 */
	readonly begin?: ((rows: readonly MailRow[]) => Promise<void>) | undefined;
}

/** What a shift works with. */
export interface ShiftParts {
	/** How many messages run at a time; 1 keeps the order. */
	readonly concurrency: number;
	/** How many messages that have run may be on their way to the disk before no more are run. */
	readonly settlementsMax: number;
	/** The next row, if there is one. */
	readonly next: () => MailRow | undefined;
}

/** The shift that {@link createShift} makes. */
export interface Shift {
	/** From now on rows are run like this. */
	open(handling: Handling): void;
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

/** Creates a shift. Nothing is handed out before it is opened. */
export function createShift({ concurrency, settlementsMax, next }: ShiftParts): Shift {
	const queue = new PQueue({ concurrency });
	const underWayMax = concurrency + settlementsMax;
	const begun: MailRow[] = [];
	let handling: Handling | undefined;
	/** Messages that were handed out and are not settled. */
	let underWay = 0;
	let onNone = ignore;
	let isBeginning = false;
	/** Messages that have made room since the last rows were begun. */
	let freed = 0;

	const isFull = () => underWay >= underWayMax;
	const vacant = () => Math.max(0, concurrency - queue.size - queue.pending);

	/** Runs a message; resolves when another may run in its place. */
	const take = (row: MailRow, run: RunMail): Promise<void> =>
		new Promise((resolve) => {
			underWay += 1;
			const over = (): void => {
				const wasFull = isFull();
				underWay -= 1;
				resolve();
				if (underWay === 0) onNone();
				if (wasFull) feed();
			};
			// A run that rejects leaves its row on disk: the next opening finds it among `started`.
			run(row, concurrency > 1 ? resolve : ignore).then(over, over);
		});
	/** One place: runs one message after the other, while nobody else waits for it. */
	const work = async (first: MailRow, by: Handling): Promise<void> => {
		for (let row: MailRow | undefined = first; row;) {
			await take(row, by.run);
			freed += 1;
			const isOurs = handling === by && queue.size === 0 && !isFull();
			row = isOurs ? (by.begin ? begun.shift() : next()) : undefined;
			if (by.begin && begun.length <= freed) begin(by);
		}
	};
	const place = (row: MailRow, by: Handling): void => {
		void queue.add(() => work(row, by)).finally(feed);
	};
	/** Begins as many rows as will have a place soon. */
	const begin = (by: Handling): void => {
		if (isBeginning || handling !== by || isFull()) return;
		const wanted = Math.min(begunMax, vacant() + 2 * freed) - begun.length;
		const rows: MailRow[] = [];
		for (let row = wanted > 0 ? next() : undefined; row;) {
			rows.push(row);
			row = rows.length < wanted ? next() : undefined;
		}
		if (wanted > 0) freed = 0;
		if (rows.length === 0) return;
		isBeginning = true;
		const done = (isWritten: boolean): void => {
			isBeginning = false;
			if (isWritten && handling === by) begun.push(...rows);
			feed();
		};
		by.begin?.(rows).then(
			() => done(true),
			() => done(false),
		);
	};
	const feed = (): void => {
		const by = handling;
		if (!by) return;
		while (vacant() > 0 && !isFull()) {
			const row = by.begin ? begun.shift() : next();
			if (!row) break;
			place(row, by);
		}
		if (by.begin) begin(by);
	};

	return {
		open(given) {
			handling = given;
			feed();
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
			if (at >= 0) begun.splice(at, 1);
			return at >= 0;
		},
		end() {
			handling = undefined;
			begun.length = 0;
			queue.clear();
		},
		async over() {
			await queue.onIdle();
			if (underWay > 0) await new Promise<void>((resolve) => (onNone = resolve));
		},
	};
}

function ignore(): void {}
