/**
 * A mailbox: the messages that one method has accepted here and not yet settled, in order of
 * arrival. The journal holds them; memory holds the next few, and the push consumer decides how
 * many run at a time.
 *
 * A row leaves the journal in the commit that settles its message, never before. So however
 * the process ends, every unsettled message stays where it was.
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
	 * Makes a flushed row available. A volatile one is dropped while the mailbox is not open.
	 */
	push(row: MailboxRow): void;
	/**
	 * Keeps a message from being handed out; false if it has been. The caller must then settle it: it
	 * stays on disk until that.
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
	 * `push-consumer.ts` for `begin`.
	 */
	open(run: RunRow, begin?: Handling['begin']): void;
	/**
	 * Opens it for a pull consumer, which takes as many messages at a time as it likes, and begins
	 * and settles them together. `see` is called when there may be some. It is closed like any other.
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
	// The sum of a damaged row is not known.
	let bytes = oldest ? Math.max(0, sum - oldest.sum + oldest.bytes) : 0;

	/** Starts on their way to the disk; kept when the consumer is replaced, because they must run. */
	const early = new Set<number>();
	const isEarly = (arrival: number) => early.has(arrival);
	const queue = createMailboxQueue({ journal, method, lastArrival: next - 1, isEarly });
	const newConsumer = () =>
		createPushConsumer({
			concurrency,
			settlementsMax,
			early,
			next: () => queue.shift(),
			commit: (changes) => journal.commit(changes, 'committed'),
		});
	let consumer = newConsumer();
	const pullConsumers = createPullConsumers(() => queue.shift());
	/** Runs beside the push consumer: what a crash left behind. */
	let attended = 0;
	let isOpen = false;

	const mailbox: Mailbox = {
		method,
		size: () => size,
		bytes: () => bytes,
		running: () => consumer.running() + attended + pullConsumers.running(),
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
			return { row, changes: [filed, ...consumer.beginNow(row)] };
		},
		push(row) {
			if (isOpen || !row.volatile) queue.push(row, isOpen);
			else {
				size -= 1;
				bytes -= row.bytes;
			}
			if (!pullConsumers.tell()) consumer.feed();
		},
		withdraw: (arrival) => queue.withdraw(arrival) || consumer.withdraw(arrival),
		removal(row, isCounted = true) {
			size -= 1;
			bytes -= row.bytes;
			// Reset the byte count when the mailbox is empty: rows may have been deleted by hand.
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
				// From now on the caller runs it.
				early.delete(Number(key[1]));
				return row ? [{ row, start }] : [];
			}),
		enqueue: (work) => consumer.enqueue(work),
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
			consumer.open({ run, begin });
		},
		pull(see) {
			isOpen = true;
			return pullConsumers.pull(see);
		},
		async close() {
			isOpen = false;
			pullConsumers.end();
			consumer.end();
			await consumer.over();
		},
		reset() {
			isOpen = false;
			pullConsumers.end();
			consumer.end();
			consumer = newConsumer();
			queue.reset();
		},
	};
	return mailbox;
}
