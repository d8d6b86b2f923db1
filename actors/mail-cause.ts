/**
 * The cause that a message is: its row opened, and its event read.
 *
 * @module
 */
import type { Message } from '../runtime/envelope.ts';
import { asReeveError, type ReeveError } from '../runtime/errors.ts';
import type { MailRow } from '../runtime/mailbox.ts';
import { unpackMessage } from '../runtime/packing.ts';
import type { Cause } from './cause.ts';
import { answerOf, eventOf } from './event-mail.ts';

/** Makes the cause of a row. One that cannot be read is a cause as well: it must be settled. */
export function mailCause(row: MailRow, release: () => void): Cause {
	const message = opened(row);
	const event = message && (row.answer ? answerOf(message) : attempt(() => eventOf(message)));
	return {
		key: message?.key ?? '',
		mark: [row.arrival],
		event,
		mail: { row, message },
		attempts: 0,
		isSuspect: false,
		release,
	};
}

function opened(row: MailRow): Message | undefined {
	const message = attempt(() => unpackMessage(row.body));
	return message instanceof Error ? undefined : message;
}

function attempt<Value>(make: () => Value): Value | ReeveError {
	try {
		return make();
	} catch (thrown) {
		return asReeveError(thrown);
	}
}
