/**
 * The record of one message that this node has sent and that came to its end: a line of JSON in
 * `store.log`, as steward calls it, with all that is needed to send it again. It holds what the
 * message holds, arguments and data included, so a secret in a message is a secret in the record;
 * of the answer it tells how it ended, and not what it said.
 *
 * @module
 */
import type { Message } from '../message/message.ts';
import { ReeveError } from '../platform/errors.ts';
import { messageIn, type Entry } from './ledger-entry.ts';

/** What a line holds. */
export interface MessageRecord {
	/** Its place among the settled messages of the store; lines are in this order. */
	readonly order: number;
	readonly id: string;
	readonly toNode: string;
	readonly method: string;
	/** ISO 8601 instants of this node's clock. */
	readonly sentAt: string;
	readonly settledAt: string;
	readonly outcome: string;
	readonly code?: string;
	readonly exitCode?: number;
	readonly attempts?: number;
	readonly durationMs?: number;
	readonly note?: string;
	/** Absent if the message was larger than `bodyKeptBytesMax`. */
	readonly message?: object;
}

/** A line, without its end. */
export function recordLine(order: number, entry: Entry): string {
	const { id, toNode, method, sentAt, settledAt = sentAt, result, note } = entry;
	const message = messageIn(entry);
	const { outcome = 'done', code, exitCode, attempts, durationMs } = result ?? {};
	// What is undefined has no place in JSON, and is left out there.
	const record = {
		order,
		id,
		toNode,
		method,
		sentAt: new Date(sentAt).toISOString(),
		settledAt: new Date(settledAt).toISOString(),
		outcome,
		code,
		exitCode,
		attempts,
		durationMs,
		note,
		message: message && asJson(message),
	};
	return JSON.stringify(record);
}

/** Bytes are no JSON: they stand there as `dataBase64`, and so does a correlation. */
function asJson(message: Message): object {
	const { data, replyTo, ...rest } = message;
	const isBytes = data instanceof Uint8Array;
	const content = isBytes ? { dataBase64: Buffer.from(data).toString('base64') } : { data };
	const { correlation } = replyTo ?? {};
	const isText = correlation === undefined || typeof correlation === 'string';
	return { ...rest, ...content, ...(replyTo && isText ? { replyTo } : {}) };
}

/** What a line tells; undefined if it is none, as the last one may be after a power cut. */
export function readRecord(line: string): MessageRecord | undefined {
	try {
		const value: unknown = JSON.parse(line);
		const { order, id } = Object(value) as Partial<MessageRecord>;
		if (typeof order !== 'number' || typeof id !== 'string') return undefined;
		return value as MessageRecord;
	} catch {
		// A line that was cut is written anew by the next process.
		return undefined;
	}
}

/**
 * The message of a record.
 *
 * @throws ReeveError `not_kept`
 */
export function messageOfRecord({ id, message }: MessageRecord): Message {
	if (!message) throw new ReeveError('not_kept', id);
	const { dataBase64, ...rest } = message as Message & { readonly dataBase64?: string };
	return dataBase64 === undefined ? rest : { ...rest, data: Buffer.from(dataBase64, 'base64') };
}
