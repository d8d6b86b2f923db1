/**
 * The mailbox reader: pulls messages from the mailbox of an actor, up to a number ahead of the
 * disk, and makes triggers of them. It pulls many at a time, because a promise for each message
 * would cost as much as its turn, and it does so while the disk writes, which is idle time.
 *
 * @module
 */
import type { Journal } from '../../runtime/journal/journal.ts';
import type { PullConsumer } from '../../runtime/mailbox/pull-consumer.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import { type Trigger, messageTrigger } from '../turn/trigger.ts';

/** What a mailbox reader needs. */
export interface MailboxReaderParts {
	readonly journal: Pick<Journal, 'whileWriting'>;
	readonly mailbox: Mailbox;
	/** How many triggers may be unreleased at a time. */
	readonly turnsAheadMax: number;
}

/** The reader that {@link createMailboxReader} makes. */
export interface MailboxReader {
	/** Begins to read messages, except those of these arrivals, which were offered before. */
	open(except: ReadonlySet<number>): void;
	/** Reads no more, and closes the mailbox. */
	close(): void;
	/** Reads no more; the mailbox may belong to another host by now. */
	fence(): void;
}

/** Creates the reader of one actor, which hands each trigger to `take`. */
export function createMailboxReader(
	{ journal, mailbox, turnsAheadMax }: MailboxReaderParts,
	take: (trigger: Trigger) => void,
): MailboxReader {
	/** The number of triggers that are not released. */
	let out = 0;
	let isDue = false;
	let pullConsumer: PullConsumer | undefined;
	/** Called for each trigger that is released; one function for all, to save memory. */
	let released: (() => void) | undefined;
	let others: ReadonlySet<number> = new Set();

	const soon = (): void => {
		if (isDue) return;
		isDue = true;
		journal.whileWriting(() => {
			isDue = false;
			fill();
		});
	};
	const fill = (): void => {
		while (pullConsumer && out < turnsAheadMax) {
			const row = pullConsumer.next();
			if (!row) return;
			if (others.has(row.arrival)) pullConsumer.over();
			else {
				out += 1;
				take(messageTrigger(row, released));
			}
		}
	};

	return {
		open(except) {
			others = except;
			const drawn = mailbox.pull(soon);
			pullConsumer = drawn;
			released = () => {
				out -= 1;
				drawn.over();
				soon();
			};
			soon();
		},
		close() {
			if (!pullConsumer) return;
			pullConsumer = undefined;
			// It resolves when all pulled messages are settled; a stop does not wait for that.
			void mailbox.close();
		},
		fence() {
			pullConsumer = undefined;
		},
	};
}
