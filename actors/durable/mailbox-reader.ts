/**
 * The intake of mail: takes messages from the mailbox of an actor, so many ahead of the disk, and
 * makes causes of them. They are taken when a batch has ended, many at a time: a promise for each
 * of them would cost as much as its turn. And they are taken while the disk writes the next one,
 * which would otherwise be waited for.
 *
 * @module
 */
import type { Journal } from '../../runtime/journal/journal.ts';
import type { PullConsumer } from '../../runtime/mailbox/pull-consumer.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import { type Trigger, messageTrigger } from '../turn/trigger.ts';

/** What mail is taken with. */
export interface MailboxReaderParts {
	readonly journal: Pick<Journal, 'whileWriting'>;
	readonly mailbox: Mailbox;
	/** How many causes may be out at a time. */
	readonly turnsAheadMax: number;
}

/** The intake that {@link createMailboxReader} makes. */
export interface MailboxReader {
	/** Begins to take messages; those that arrived as `except` says are somebody else's. */
	open(except: ReadonlySet<number>): void;
	/** Takes no more, and closes the mailbox. */
	close(): void;
	/** Takes no more; the mailbox may be somebody else's by now. */
	fence(): void;
}

/** Creates the intake of one actor, which hands each cause to `take`. */
export function createMailboxReader(
	{ journal, mailbox, turnsAheadMax }: MailboxReaderParts,
	take: (trigger: Trigger) => void,
): MailboxReader {
	/** Causes that are not released. */
	let out = 0;
	let isDue = false;
	let pullConsumer: PullConsumer | undefined;
	/** Called for each cause that is released; one for all, as there are very many. */
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
			// It resolves when all is settled that was handed out, which a stop does not wait for.
			void mailbox.close();
		},
		fence() {
			pullConsumer = undefined;
		},
	};
}
