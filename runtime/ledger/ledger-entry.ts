/**
 * An entry of the ledger: one message that this node sent, and what became of it.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import { contentMark, unpackMessage } from '../message/codec.ts';
import { isReply, type Message, type ReplyTo, type Result } from '../message/message.ts';
import type { Change } from '../journal/schema.ts';
import type { HistoryEvent } from './message-history.ts';

/** One entry. Instants are milliseconds of this node's wall clock. */
export interface Entry {
	readonly id: string;
	readonly toNode: string;
	readonly method: string;
	readonly sentAt: number;
	/** Where it waits to leave; absent if it stays on this node. */
	readonly lane?: string;
	readonly seq?: number;
	readonly note?: string;
	/** The reply that it asks for, see `askedReply`. */
	readonly reply?: string;
	readonly settledAt?: number;
	readonly result?: Result;
	/** The output as text, cut at `outputKeptBytesMax`; bytes that are not UTF-8 are replaced. */
	readonly output?: string;
	/** Where the outcome is published, if the sender asked for that. */
	readonly replyTo?: ReplyTo;
	/**
	 * The packed message, so that it can be recorded, and sent again by hand; absent if it is larger
	 * than `bodyKeptBytesMax`, see {@link keepsBody}. To be read by {@link messageIn}.
	 */
	readonly body?: Uint8Array;
	/** The mark of what it says, see `contentMark`; only if an id was chosen and `body` is absent. */
	readonly mark?: string;
	/** What happened to it so far, as far as it is written. */
	readonly events?: readonly HistoryEvent[];
}

/**
 * Whether the ledger entry of a message keeps its packed body. Then its outbox row is stored
 * without it. Replies have no entry.
 */
export function keepsBody(
	message: Message,
	{ byteLength }: Uint8Array,
	{ bodyKeptBytesMax }: Pick<Config, 'bodyKeptBytesMax'>,
): boolean {
	return !isReply(message) && byteLength <= bodyKeptBytesMax;
}

/** The message of an entry, if it was kept; `replyTo` does not travel, and stands in the entry. */
export function messageIn({ body, replyTo }: Entry): Message | undefined {
	const message = body && unpackMessage(body);
	return message && replyTo && !message.replyTo ? { ...message, replyTo } : message;
}

/** The mark of what the message of an entry says; undefined if that was not kept. */
export function markIn(entry: Entry): string | undefined {
	const message = messageIn(entry);
	return message ? contentMark(message) : entry.mark;
}

/** Who hears of settled entries, in the transaction that settles them. */
export interface OutcomeListener {
	/** Further changes for that transaction; none if the entry is of no interest. */
	outcome(entry: Entry): readonly Change[];
	/** To be called once the changes for this id are flushed. */
	flushed(id: string): void;
}
