/**
 * The tables of the journal, their keys, and the changes that are made to them.
 *
 * @module
 */

/** The tables, with their keys. Keys are ordered, so that each hot read is one short range. */
export const tables = [
	/** [name]: identity, epoch, whether a process runs on this folder. */
	'meta',
	/** [lane]: the sender's state of a lane. */
	'lanes',
	/** [lane, seq]: messages that the receiver has not yet resolved. */
	'outbox',
	/** [storeId, lane]: how far a lane has been accepted here. */
	'cursors',
	/** [storeId, lane, seq]: messages that were refused or skipped, until the sender knows. */
	'refusals',
	/** [method, arrival]: accepted messages whose run has not been settled. */
	'mailbox',
	/** [method, arrival]: accepted messages that were started: by which epoch, how often. */
	'started',
	/** [id]: what became of each message that this node sent. */
	'ledger',
	/** [instant, id]: the ids of the ledger by age. */
	'opened',
	/** [order]: settled messages, oldest first. */
	'settled',
	/** [order]: dead letters: messages that were given up after too many starts. */
	'dead',
	/** [actor]: the version of its definition that was last in force, and its text. */
	'definitions',
	/** [actor, key]: the state of each instance of a declared actor, as of its last turn. */
	'snapshots',
	/** [dueAt, actor, key, id]: events that instances wait for. */
	'timers',
	/** [actor, key, stepId]: side effects that were started and whose end no turn has handled. */
	'steps',
	/** [message id]: the instance that waits for the outcome. */
	'asks',
	/** [actor, key, place]: the last turns of each instance, in a ring. */
	'turns',
	/** [order]: what became of some messages that were accepted here, oldest first. */
	'receipts',
	/** [storeId, lane]: the running time of this node when the lane last sent something. */
	'heard',
	/** [order]: outcomes that wait to be published for MQTT clients. */
	'outcomes',
	/** [table, ...key]: promises of the identity that this store was forked from. */
	'quarantine',
] as const;

/** One of {@link tables}. */
export type Table = (typeof tables)[number];

/** A key: strings and numbers, compared part by part. */
export type Key = readonly (string | number)[];

/** One change: a value to put, as it is or packed; or, without either, a key to remove. */
export interface Change {
	readonly table: Table;
	readonly key: Key;
	readonly value?: unknown;
	/** The value as MessagePack, if the caller has it: it is written as it is. */
	readonly packed?: Uint8Array;
}

/** One end of a stretch: a key, or a place between keys, which raw bytes denote. */
export type Bound = readonly (string | number | Uint8Array)[];

/** A stretch of keys: `from` included, `to` not. */
export interface Stretch {
	readonly from: Bound;
	readonly to: Bound;
	readonly limit?: number;
	readonly reverse?: boolean;
}

/** Sorts behind every string and number: no UTF-8 text has this byte, and numbers begin lower. */
const highest = 0xff;
const lastPart = Uint8Array.of(highest);
const noBytes = new Uint8Array();

/** The rows whose key begins with these parts; without any, all rows of the table. */
export function rowsUnder(...parts: Key): Stretch {
	return { from: parts, to: [...parts, lastPart] };
}

/** The rows whose first part begins with `text`, which has no control characters. */
export function rowsStartingWith(text: string): Stretch {
	return { from: [text], to: [Buffer.concat([Buffer.from(text), lastPart])] };
}

/** Where the next page begins: directly behind `key`, before all keys that continue it. */
export function behind(key: Key): Bound {
	return [...key, noBytes];
}

/** The part of a journal that reads: what is committed, in short stretches. */
export interface JournalReader {
	/** The value as of the last commit; changes that are still being written are not seen. */
	get<Value>(table: Table, key: Key): Value | undefined;
	/** Rows in key order. Short stretches only: a long read keeps LMDB from reusing space. */
	scan<Value>(table: Table, stretch: Stretch): { key: Key; value: Value }[];
}
