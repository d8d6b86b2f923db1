/**
 * The cause that a message is: its row opened, and its event read.
 *
 * @module
 */
import { asReeveError, type ReeveError } from '../../runtime/platform/errors.ts';
import type { MailRow } from '../../runtime/mailbox/mailbox-row.ts';
import type { Cause } from './trigger.ts';
import { answerOf, eventOf } from '../definition/event-message.ts';

/**
 * Makes the cause of a row, for which `held` waits. Without an event it is a cause as well: it must
 * be settled.
 */
export function mailCause(row: MailRow, held?: () => void): Cause {
	const { message } = row;
	return {
		key: message.key ?? '',
		event: row.answer ? answerOf(message) : attempt(() => eventOf(message)),
		mail: row,
		attempts: 0,
		isSuspect: false,
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
