/**
 * The rows of mailboxes: one accepted message each, with what its mailbox needs to know of it.
 *
 * @module
 */
import type { Message } from '../message/message.ts';
import type { Journal } from '../journal/journal.ts';
import { z } from 'zod';
import { isName } from '../message/topics.ts';
import { pack, unpack } from '../message/codec.ts';
import { DamagedRow, type Change, type Key, type Packed, type Stretch } from '../journal/schema.ts';

/** One accepted message. */
export interface MailboxRow {
	/** Its place in the mailbox: rises by one with each message. */
	readonly arrival: number;
	readonly id: string;
	readonly from: string;
	readonly message: Message;
	/** The size of the message. */
	readonly bytes: number;
	/** Local wall-clock milliseconds after which it must not be started any more. */
	readonly deadline: number;
	/**
	 * Set if it may have run here before, under another identity of this store or of the sender's.
	 */
	readonly repeat?: true;
	/** Set on messages of the at-most-once kinds, which are nowhere on disk. */
	readonly volatile?: true;
	/** When it was accepted, by the wall clock of this node; absent in rows of older versions. */
	readonly at?: number;
	/** Where it stood with its sender, if a wire brought it. */
	readonly lane?: string;
	readonly seq?: number;
	/** Set on the outcome of an ask of an actor here; no wire can bring such a row. */
	readonly answer?: true;
	/** Set on a reply that this node has asked for, in these words, from its sender. */
	readonly asked?: true;
}

/** A message before it is filed. */
export interface NewMailboxRow extends Omit<MailboxRow, 'arrival' | 'id' | 'bytes'> {
	/** The message, packed. */
	readonly body: Uint8Array;
}

/** A row as it lies in the journal. */
export interface StoredMailboxRow extends MailboxRow {
	/** Bytes of all messages placed in its mailbox so far, this one included. */
	readonly sum: number;
}

/** What is in front of the message; nothing is named, and what is absent is `null`. */
type Head = readonly [
	sum: number,
	bytes: number,
	from: string,
	deadline: number,
	at: number | null,
	lane: string | null,
	seq: number | null,
	marks: number,
];
/** A row in the journal. */
export type StoredTuple = readonly [...Head, message: Message];
/** One of older versions. */
export type StoredMap = Omit<StoredMailboxRow, 'arrival' | 'message' | 'bytes'> & {
	readonly body: Uint8Array;
};

const marks = { repeat: 1, answer: 2, asked: 4 } as const;
/** MessagePack's first byte of a list of so many items. */
const listOf = (length: number): number => 0x90 | length;
const headLength = 8;

/**
 * The bytes of a row. The packed message is their last item as it is: it is not packed a second
 * time, and one reading yields both.
 */
export function packMailboxRow({ body, ...mail }: NewMailboxRow, sum: number): Packed {
	const { from, deadline, at = null, lane = null, seq = null, repeat, answer, asked } = mail;
	const marked =
		(repeat ? marks.repeat : 0) | (answer ? marks.answer : 0) | (asked ? marks.asked : 0);
	const head: Head = [sum, body.byteLength, from, deadline, at, lane, seq, marked];
	const packed = pack(head);
	packed[0] = listOf(headLength + 1);
	return [packed, body];
}

/** Files a message; `sum` counts the bytes of all that its mailbox was given, this one included. */
export function mailboxRowChange(key: Key, mail: NewMailboxRow, sum: number): Change {
	return { table: 'mailbox', key, packed: packMailboxRow(mail, sum) };
}

/** Takes a message out of its mailbox. */
export function mailboxRowRemoval(key: Key): Change {
	return { table: 'mailbox', key };
}

/** The message in this place of a mailbox, if there is one. */
export function readMailboxRow(
	journal: Pick<Journal, 'get'>,
	[method = '', arrival = 0]: Key,
): StoredMailboxRow | undefined {
	const key = [method, arrival];
	const value = journal.get<StoredTuple | StoredMap | DamagedRow>('mailbox', key);
	return value && rowAt(key, value);
}

/** Messages of mailboxes, in key order. */
export function scanMailbox(
	journal: Pick<Journal, 'scan'>,
	stretch: Stretch,
): readonly StoredMailboxRow[] {
	return journal
		.scan<StoredTuple | StoredMap | DamagedRow>('mailbox', stretch)
		.map(({ key, value }) => rowAt(key, value));
}

/** The arrival of the oldest message of a mailbox; undefined if it is empty. */
export function oldestArrival(journal: Pick<Journal, 'scan'>, method: string): number | undefined {
	const [oldest] = journal.scan('mailbox', { ...stretchOf(method, 0), limit: 1 });
	return oldest && Number(oldest.key[1]);
}

/** How many messages of a mailbox stand between two arrivals, `to` not included. */
export function countMailbox(
	journal: Pick<Journal, 'count'>,
	method: string,
	[from, to]: readonly [from: number, to: number],
): number {
	return journal.count('mailbox', stretchOf(method, from, to));
}

/** Rows of one mailbox, `from` included, `to` not; no other rows of its method. */
export function stretchOf(method: string, from: number, to = Number.MAX_SAFE_INTEGER) {
	return { from: [method, from], to: [method, to] };
}

function rowAt(key: Key, value: StoredTuple | StoredMap | DamagedRow): StoredMailboxRow {
	return value instanceof DamagedRow
		? lostRow(key, value)
		: restoredMailboxRow(Number(key[1]), value);
}

/**
 * A damaged row. Its message must not be run: its time is over. If its id and its sender can still
 * be read, that sender is told; else it is of a kind without an outcome.
 */
function lostRow([method, arrival]: Key, { guess }: DamagedRow): StoredMailboxRow {
	const known = guessed.safeParse(guess);
	const { id, from, sum } = known.success ? known.data : { id: '', from: '', sum: 0 };
	const message: Message = {
		id,
		fromNode: from,
		toNode: '',
		method: String(method),
		kind: known.success ? 'CommandACK' : 'CommandNACK',
		methodArgs: [],
		onCrash: 'report',
	};
	return { arrival: Number(arrival), id, from, message, bytes: 0, deadline: 0, sum };
}

/** The id of the message in the value of a damaged row; empty if it cannot be read. */
export function guessedId(bytes: Buffer): string {
	try {
		const known = guessed.safeParse(unpack(bytes));
		return known.success ? known.data.id : '';
	} catch {
		return '';
	}
}

/** What is looked for in the bytes of a damaged row. */
const guessed = z
	.tuple([z.int().min(0), z.unknown(), z.string().refine(isName)])
	.rest(z.unknown())
	.transform(([sum, , from, ...rest]) => ({ sum, from, id: idOf(rest.at(-1)) }))
	.refine(({ id }) => id !== '');

function idOf(message: unknown): string {
	const id: unknown = Reflect.get(Object(message), 'id');
	return typeof id === 'string' ? id : '';
}

/**
 * The row that was written; older versions have written it as a map. Its message was checked when
 * it was accepted, and one that is refused today must not hide all others.
 */
export function restoredMailboxRow(
	arrival: number,
	value: StoredTuple | StoredMap,
): StoredMailboxRow {
	if (!isTuple(value)) {
		const { body, ...mail } = value;
		return { ...mail, arrival, message: unpack(body) as Message, bytes: body.byteLength };
	}
	const [sum, bytes, from, deadline, at, lane, seq, marked, message] = value;
	const { id } = message;
	const row = { arrival, id, from, message, bytes, deadline, sum };
	if (at === null && lane === null && marked === 0) return row;
	return {
		...row,
		...(at === null ? {} : { at }),
		...(lane === null || seq === null ? {} : { lane, seq }),
		...((marked & marks.repeat) > 0 ? { repeat: true } : {}),
		...((marked & marks.answer) > 0 ? { answer: true } : {}),
		...((marked & marks.asked) > 0 ? { asked: true } : {}),
	};
}

function isTuple(value: StoredTuple | StoredMap): value is StoredTuple {
	return Array.isArray(value);
}
