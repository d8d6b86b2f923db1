/**
 * Dead letters: messages that were started too often without an end. They stay until an operator
 * sends them again or drops them, or until there are too many.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { Outcome } from '../message/message.ts';
import { newId } from '../platform/ids.ts';
import type { Journal } from '../journal/journal.ts';
import type { Signals } from '../observability/signals.ts';
import { rowsUnder, type Change } from '../journal/schema.ts';

/** A row of the table `dead`: all that is needed to look into it, or to send it again. */
export interface DeadLetter {
	readonly id: string;
	readonly fromNode: string;
	readonly method: string;
	/** The message as it was accepted. */
	readonly body: Uint8Array;
	/** The instance, and what version of its definition it met; if an actor could not take it. */
	readonly key?: string;
	readonly version?: number;
	readonly turn?: number;
	readonly reason?: string;
	/** Where it stood with its sender, if a wire brought it. */
	readonly lane?: string;
	readonly seq?: number;
	readonly outcome: Outcome;
	readonly code?: string;
	readonly detail?: string;
	/** How often it was started. */
	readonly attempts: number;
	/** Store time. */
	readonly at: number;
}

/**
 * Files a dead letter, in the transaction that takes the message out of its mailbox. Beyond
 * `deadKeptMax` the oldest one goes, and a signal tells of it; several that come at once may exceed
 * the limit for a while.
 */
export function deadLetterChanges(
	letter: DeadLetter,
	parts: {
		journal: Journal;
		clock: Clock;
		config: Pick<Config, 'deadKeptMax'>;
		signals: Signals;
	},
): readonly Change[] {
	const { journal, clock, config, signals } = parts;
	// An id in store time: the key is the order, which a clock that is set must not change.
	const filed: Change = {
		table: 'dead',
		key: [newId({ now: journal.now, bytes: (count) => clock.bytes(count) })],
		value: letter,
	};
	if (journal.count('dead') < config.deadKeptMax) return [filed];
	const [oldest] = scanDeadLetters(journal, { limit: 1 });
	if (!oldest) return [filed];
	const { id, method } = oldest.letter;
	signals.emit('dead.dropped', { id, method });
	return [filed, deadLetterRemoval(oldest.key)];
}

/** Dead letters with their keys, oldest first unless `reverse`. */
export function scanDeadLetters(
	journal: Pick<Journal, 'scan'>,
	more: { readonly limit?: number; readonly reverse?: boolean } = {},
): readonly { readonly key: string; readonly letter: DeadLetter }[] {
	return journal
		.scan<DeadLetter>('dead', { ...rowsUnder(), ...more })
		.map(({ key, value: letter }) => ({ key: String(key[0]), letter }));
}

/** Whether there is a dead letter of this key. */
export function isDeadLetter(journal: Pick<Journal, 'get'>, key: string): boolean {
	return journal.get('dead', [key]) !== undefined;
}

/** Forgets a dead letter. */
export function deadLetterRemoval(key: string): Change {
	return { table: 'dead', key: [key] };
}
