/**
 * The pull consumer: takes messages from a mailbox by itself, many at a time, instead of being
 * called for each.
 *
 * @module
 */
import type { MailboxRow } from './mailbox-row.ts';

/** How messages are taken. */
export interface PullConsumer {
	/** The next message; undefined if there is none, or the mailbox is closed. */
	next(): MailboxRow | undefined;
	/** One of the messages does not run any more. */
	over(): void;
}

/** The pull consumers of a mailbox, one after the other. */
export interface PullConsumers {
	/** Begins one; `see` is called when there may be messages. */
	pull(see: () => void): PullConsumer;
	/** Calls the pull consumer because there may be messages; false if there is none. */
	tell(): boolean;
	/** How many of the messages that were taken run. */
	running(): number;
	/** Ends the one that goes on. */
	end(): void;
}

/** Creates the pull consumers of a mailbox, whose next row `next` yields. */
export function createPullConsumers(next: () => MailboxRow | undefined): PullConsumers {
	let puller: (() => void) | undefined;
	let running = 0;
	return {
		pull(see) {
			puller = see;
			running = 0;
			return {
				next() {
					const row = puller === see ? next() : undefined;
					if (row) running += 1;
					return row;
				},
				over() {
					if (puller === see) running -= 1;
				},
			};
		},
		tell() {
			puller?.();
			return puller !== undefined;
		},
		running: () => running,
		end() {
			puller = undefined;
			running = 0;
		},
	};
}
