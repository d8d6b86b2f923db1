/**
 * A mailbox: the messages that one method has accepted here and not yet settled, in order of
 * arrival. The journal holds them; memory holds the next few, and the shift decides how many run at
 * a time.
 *
 * A row leaves the journal in the commit that settles its message, never before. So whatever ends
 * the process leaves every unsettled message where it was.
 *
 * @module
 */
import type { Journal } from '../journal/journal.ts';
import { countRows, createMailboxQueue } from './mailbox-queue.ts';
import {
	mailboxRowChange,
	mailboxRowRemoval,
	readMailboxRow,
	scanMailbox,
	stretchOf,
	type MailboxRow,
	type NewMailboxRow,
} from './mailbox-row.ts';
import { scanStarts, startRemoval, type StartRecord } from './start-rows.ts';
import { createPullConsumers, type PullConsumer } from './pull-consumer.ts';
import { createPushConsumer, type Handling, type RunRow } from './push-consumer.ts';
import type { Change } from '../journal/schema.ts';

/** The mailbox that {@link createMailbox} makes. */
export interface Mailbox {
	readonly method: string;
	/**
	 * Messages accepted and not yet settled, running ones included. After a start with very many of
	 * them it may be a little too high, see {@link createMailbox}.
	 */
	size(): number;
	/** Bytes of their bodies. After a start it may be too high until what was left is settled. */
	bytes(): number;
	running(): number;
	/** Gives a message its place. The changes must be committed before `push`. */
	place(mail: NewMailboxRow): { row: MailboxRow; changes: readonly Change[] };
	/**
	 * Makes a flushed row available. A volatile one is dropped while nobody has opened the mailbox.
	 */
	push(row: MailboxRow): void;
	/**
	 * Keeps a message from being handed out; false if it has been. Whoever withdraws it must settle
	 * it: it stays on disk until then.
	 */
	withdraw(arrival: number): boolean;
	/** What removes a settled message from disk, and its start unless none `isCounted`. */
	removal(row: MailboxRow, isCounted?: boolean): readonly Change[];
	/**
	 * The messages that were started and not settled, oldest first: what a crash left behind. From
	 * then on they are not handed out.
	 */
	started(): readonly { row: MailboxRow; start: StartRecord }[];
	/** Does `work` as if it were a message: beside no more others than the method allows. */
	enqueue<Value>(work: () => Promise<Value>): Promise<Value>;
	/** Counts `work` as running: what `started` lists is not handed out, and yet is worked on. */
	attend<Value>(work: () => Promise<Value>): Promise<Value>;
	/**
	 * Starts handing out messages: those that `started` does not list, from the oldest on. See
	 * `mail-shift.ts` for `begin`.
	 */
	open(run: RunRow, begin?: Handling['begin']): void;
	/**
	 * Opens it for one who takes the messages himself, as many at a time as he likes, and begins and
	 * settles them together. He is told when there may be some. It is closed like any other.
	 */
	pull(see: () => void): PullConsumer;
	/** Stops handing out, and resolves when what is running has ended. */
	close(): Promise<void>;
	/** Forgets what was handed out, so that the mailbox can be opened again after a crash. */
	reset(): void;
}

/** Opens the mailbox of `method`, with what is left of earlier runs. */
export function createMailbox(parts: {
	method: string;
	journal: Journal;
	/** How many messages run at a time; 1 keeps the order. */
	concurrency: number;
	/** How many messages that have run may be on their way to the disk before no more are run. */
	settlementsMax?: number;
	/** Called whenever a message leaves. */
	onRemoval?: (mailbox: Mailbox) => void;
}): Mailbox {
	const { method, journal, concurrency, settlementsMax = concurrency, onRemoval } = parts;
	const all = stretchOf(method, 0);
	const end = (reverse: boolean) => scanMailbox(journal, { ...all, limit: 1, reverse })[0];
	const last = end(true);
	const oldest = end(false);
	let next = (last?.arrival ?? 0) + 1;
	let size = countRows(journal, method, next - 1);
	/**
	 * Bytes of all messages that were ever placed here: a row notes it, so that no start must count.
	 */
	let sum = last?.sum ?? 0;
	let bytes = oldest ? sum - oldest.sum + oldest.bytes : 0;

	/** It outlives a shift: what was on its way to the disk when that ended is still to be run. */
	const early = new Set<number>();
	const isEarly = (arrival: number) => early.has(arrival);
	const line = createMailboxQueue({ journal, method, lastArrival: next - 1, isEarly });
	const newConsumer = () =>
		createPushConsumer({
			concurrency,
			settlementsMax,
			early,
			next: () => line.shift(),
			commit: (changes) => journal.commit(changes, 'committed'),
		});
	let shift = newConsumer();
	const pullConsumers = createPullConsumers(() => line.shift());
	/** Runs beside the shift: what a crash left behind. */
	let attended = 0;
	let isOpen = false;

	const mailbox: Mailbox = {
		method,
		size: () => size,
		bytes: () => bytes,
		running: () => shift.running() + attended + pullConsumers.running(),
		place(mail) {
			const { body, ...rest } = mail;
			const { byteLength } = body;
			size += 1;
			bytes += byteLength;
			const arrival = rest.volatile ? 0 : next;
			const row: MailboxRow = { ...rest, id: rest.message.id, arrival, bytes: byteLength };
			if (row.volatile) return { row, changes: [] };
			next += 1;
			sum += byteLength;
			const filed = mailboxRowChange([method, arrival], mail, sum);
			return { row, changes: [filed, ...shift.beginNow(row)] };
		},
		push(row) {
			if (isOpen || !row.volatile) line.push(row, isOpen);
			else {
				size -= 1;
				bytes -= row.bytes;
			}
			if (!pullConsumers.tell()) shift.feed();
		},
		withdraw: (arrival) => line.withdraw(arrival) || shift.withdraw(arrival),
		removal(row, isCounted = true) {
			size -= 1;
			bytes -= row.bytes;
			// Nobody may believe that an empty mailbox is not: rows may have been removed by hand.
			if (size === 0) bytes = 0;
			onRemoval?.(mailbox);
			if (row.volatile) return [];
			const key = [method, row.arrival];
			const removed = mailboxRowRemoval(key);
			return isCounted ? [removed, startRemoval(key)] : [removed];
		},
		started: () =>
			scanStarts(journal, method).flatMap(({ key, value: start }) => {
				const row = readMailboxRow(journal, key);
				// Whoever asks sees to them.
				early.delete(Number(key[1]));
				return row ? [{ row, start }] : [];
			}),
		enqueue: (work) => shift.enqueue(work),
		async attend(work) {
			attended += 1;
			try {
				return await work();
			} finally {
				attended -= 1;
			}
		},
		open(run, begin) {
			isOpen = true;
			shift.open({ run, begin });
		},
		pull(see) {
			isOpen = true;
			return pullConsumers.pull(see);
		},
		async close() {
			isOpen = false;
			pullConsumers.end();
			shift.end();
			await shift.over();
		},
		reset() {
			isOpen = false;
			pullConsumers.end();
			shift.end();
			shift = newConsumer();
			line.reset();
		},
	};
	return mailbox;
}
