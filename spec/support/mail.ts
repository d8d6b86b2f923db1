/**
 * Mail for mailboxes of specs.
 *
 * @module
 */
import type { Message } from '../../runtime/message/message.ts';
import type { NewMailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { packMessage } from '../../runtime/message/codec.ts';
import { messageOf } from './method-context.ts';

/** A message of these fields that central has sent, and that can wait. */
export function mailOf(fields: Partial<Message>, more: Partial<NewMailboxRow> = {}): NewMailboxRow {
	const message = messageOf(fields);
	return { from: 'central', message, body: packMessage(message), deadline: 1e15, ...more };
}
