/**
 * Causes: why an instance takes a turn. A message, a timer that is due, a step that has ended, or
 * the start of the instance itself.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Result } from '../../runtime/message/message.ts';
import { type ReeveError, asReeveError } from '../../runtime/platform/errors.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import type { TimerRow } from '../../runtime/pending/timers.ts';
import { answerOf, eventOf } from '../definition/event-message.ts';
import type { Key } from '../../runtime/journal/schema.ts';

/** One cause. */
export interface Trigger {
	/** Of the instance. */
	readonly key: string;
	/** What names it among all others; a message is named by its arrival, see {@link markOf}. */
	readonly mark?: Key;
	/** The event; undefined only makes sure that the instance is there. An error: there is none. */
	readonly event: EventObject | ReeveError | undefined;
	readonly mail?: MailboxRow;
	readonly timer?: TimerRow;
	/** The timer as it is to be instead of firing: its policy leaves out the time of a restart. */
	readonly postponed?: TimerRow;
	readonly step?: { readonly child: string; readonly stepId: string };
	/** Set if the instance is to begin anew, whatever it was. */
	readonly anew?: { readonly done: () => void };
	/** How often its turn was started before. */
	attempts: number;
	/**
	 * Whether the process died when it was started last, perhaps because of it: it is to run alone.
	 */
	runsAlone: boolean;
	/** How the message has ended, once it has. */
	result?: Result | undefined;
	/** Whoever waits for it; called once, see {@link release}. */
	held?: (() => void) | undefined;
}

/** Tells whoever waits that there is nothing more to be done about a cause for now. */
export function release(trigger: Trigger): void {
	const { held } = trigger;
	// One that waits for another state is released, and runs later.
	trigger.held = undefined;
	held?.();
}

/** Where the starts of a cause are counted on disk, below the name of the actor. */
export function markOf({ mark, mail }: Trigger): Key {
	return mark ?? (mail ? [mail.arrival] : []);
}

/** A mark in one word, to look it up by. */
export function markText(mark: Key): string {
	return JSON.stringify(mark);
}

/**
 * Makes the cause of a row, for which `held` waits. Without an event it is a cause as well: it must
 * be settled.
 */
export function messageTrigger(row: MailboxRow, held?: () => void): Trigger {
	const { message } = row;
	return {
		key: message.key ?? '',
		event: row.answer ? answerOf(message) : attempt(() => eventOf(message)),
		mail: row,
		attempts: 0,
		runsAlone: false,
		result: undefined,
		held,
	};
}

function attempt<Value>(make: () => Value): Value | ReeveError {
	try {
		return make();
	} catch (thrown) {
		return asReeveError(thrown);
	}
}

const doneAtOnce: Result = { outcome: 'done', attempts: 1 };

/** The result of a message that is done; one object serves nearly all of them. */
export function doneAfter(attempts: number): Result {
	return attempts === 1 ? doneAtOnce : { outcome: 'done', attempts };
}
