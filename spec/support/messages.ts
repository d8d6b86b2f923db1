/**
 * Messages of specs, from central to ship1: as they are, as rows of a mailbox, as rows of a frame.
 *
 * @module
 */
import type { NewMailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { packMessage } from '../../runtime/message/codec.ts';
import type { Message } from '../../runtime/message/message.ts';
import type { FrameRow } from '../../runtime/protocol/frame.ts';

/** A message from central to ship1, but for what is given. */
export function messageOf(fields: Partial<Message> = {}): Message {
	const nodes = { fromNode: 'central', toNode: 'ship1' };
	const what = { id: 'm1', method: 'REQPing', kind: 'EventACK', methodArgs: [] } as const;
	return { ...what, ...nodes, ...fields };
}

/** A message of these fields as it is filed in a mailbox; its time does not run out. */
export function mailOf(fields: Partial<Message>, more: Partial<NewMailboxRow> = {}): NewMailboxRow {
	const message = messageOf(fields);
	return { from: 'central', message, body: packMessage(message), deadline: 1e15, ...more };
}

/** A row of a frame that holds a message of this id, but for what is given. */
export function rowOf(id: string, fields: Partial<Message> = {}): FrameRow {
	return { id, ttlMs: 60_000, body: packMessage(messageOf({ id, ...fields })) };
}
