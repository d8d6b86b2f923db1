/**
 * Triggers: why an instance takes a turn. A trigger is a message, a timer that is due, a step that
 * has ended, or the start of the instance itself.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Message, Result } from '../../runtime/message/message.ts';
import type { Principal } from '../../runtime/message/principal.ts';
import { checkKey } from '../../runtime/message/topics.ts';
import { type ReeveError, asReeveError } from '../../runtime/platform/errors.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import type { TimerRow } from '../../runtime/pending/timers.ts';
import { answerOf, eventOf } from '../definition/event-message.ts';
import type { Key } from '../../runtime/journal/schema.ts';

/** The trigger of one turn. */
export interface Trigger {
	/** Of the instance. */
	readonly key: string;
	/** Its unique name in the actor; a message is named by its arrival, see {@link markOf}. */
	readonly mark?: Key;
	/** The event; undefined if it only starts the instance, an error if the message has none. */
	readonly event: EventObject | ReeveError | undefined;
	readonly mail?: MailboxRow;
	readonly timer?: TimerRow;
	/** The timer that is set instead of firing, because its policy leaves out the time of a stop. */
	readonly postponed?: TimerRow;
	readonly step?: {
		readonly child: string;
		readonly stepId: string;
		/** On whose behalf it ran. */
		readonly askedBy?: readonly Principal[];
	};
	/** Set if the instance begins anew from the initial state. */
	readonly anew?: { readonly done: () => void; readonly failed: (why: ReeveError) => void };
	/** How often its turn was started before. */
	attempts: number;
	/**
	 * Whether it runs in a batch of its own, because the process died when it was started last.
	 */
	runsAlone: boolean;
	/** How the message has ended, once it has. */
	result?: Result | undefined;
	/** Called once when it is released, see {@link release}. */
	held?: (() => void) | undefined;
}

/**
 * Whether its instance waits for it: the result of a step, a timer, an answer. Nothing would take
 * its place if it were dropped; a message, which its sender can send again, is told of instead.
 */
export function isAwaited({ mail }: Trigger): boolean {
	return !mail || mail.answer === true;
}

/**
 * Whether it comes of an earlier turn of its instance: if the instance is not there, nothing waits
 * for it. What starts an instance is none.
 */
export function isLeftOver({ timer, step, mail }: Trigger): boolean {
	return timer !== undefined || step !== undefined || mail?.answer === true;
}

/** Calls `held`: for now there is nothing more to do for a trigger. */
export function release(trigger: Trigger): void {
	const { held } = trigger;
	// Cleared, because a deferred trigger is released when it is deferred and again when it has run.
	trigger.held = undefined;
	held?.();
}

/** The key under which the starts of a trigger are counted, below the name of the actor. */
export function markOf({ mark, mail }: Trigger): Key {
	return mark ?? (mail ? [mail.arrival] : []);
}

/** A mark as text, for look-ups in a map. */
export function markText(mark: Key): string {
	return JSON.stringify(mark);
}

/**
 * The trigger of a message. A message without a valid event is a trigger, too, because it must be
 * settled.
 */
export function messageTrigger(row: MailboxRow, held?: () => void): Trigger {
	const { message } = row;
	return {
		key: message.key ?? '',
		event: row.answer ? answerOf(message) : attempt(() => checkedEvent(message)),
		mail: row,
		attempts: 0,
		runsAlone: false,
		result: undefined,
		held,
	};
}

/** The event of a message; a node of an older version may have sent a key that is none. */
function checkedEvent(message: Message): EventObject {
	checkKey(message.key ?? '');
	return eventOf(message);
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
