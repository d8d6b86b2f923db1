/**
 * Mail for mailboxes of specs.
 *
 * @module
 */
import type { Message } from '../../runtime/envelope.ts';
import type { NewMail } from '../../runtime/mail-row.ts';
import { packMessage } from '../../runtime/packing.ts';
import { messageOf } from './method-context.ts';

/** A message of these fields that central has sent, and that can wait. */
export function mailOf(fields: Partial<Message>, more: Partial<NewMail> = {}): NewMail {
	const message = messageOf(fields);
	return { from: 'central', message, body: packMessage(message), deadline: 1e15, ...more };
}
