/**
 * Dead letters: messages that were started too often without an end. They stay until somebody sends
 * them again or forgets them, or until there are too many of them.
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
	/** Wall-clock milliseconds of this node. */
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
	const filed: Change = { table: 'dead', key: [newId(clock)], value: letter };
	if (journal.count('dead') < config.deadKeptMax) return [filed];
	const [oldest] = journal.scan<DeadLetter>('dead', { ...rowsUnder(), limit: 1 });
	if (!oldest) return [filed];
	const { id, method } = oldest.value;
	signals.emit('dead.dropped', { id, method });
	return [filed, { table: 'dead', key: oldest.key }];
}
