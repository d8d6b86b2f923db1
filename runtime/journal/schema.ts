/**
 * The tables of the journal, their keys, and the changes that are made to them.
 *
 * @module
 */

/** The tables, with their keys. Keys are ordered, so that each hot read is one short range. */
export const tables = [
	/** [name]: identity, epoch, whether a process runs on this folder. */
	'meta',
	/** [lane]: what the sender knows of a lane. */
	'lanes',
	/** [lane, seq]: messages that the receiver has not yet resolved. */
	'outbox',
	/** [storeId, lane]: how far a lane has been accepted here. */
	'cursors',
	/** [storeId, lane, seq]: what was refused or skipped, kept until the sender knows. */
	'refusals',
	/** [method, arrival]: accepted messages whose run has not been settled. */
	'mailbox',
	/** [method, arrival]: which of them have been started, by which epoch, how often. */
	'started',
	/** [id]: what became of each message that this node sent. */
	'ledger',
	/** [instant, id]: the ids of the books by age. */
	'opened',
	/** [order]: settled messages, oldest first. */
	'settled',
	/** [order]: messages that were given up after too many starts. */
	'dead',
	/** [actor]: which version of its definition was in force last, and the text of it. */
	'definitions',
	/** [actor, key]: the state of each instance of a declared actor, as of its last turn. */
	'snapshots',
	/** [dueAt, actor, key, id]: events that instances wait for. */
	'timers',
	/** [actor, key, stepId]: side effects that were started and have not been taken note of. */
	'steps',
	/** [message id]: which instance waits for the outcome. */
	'asks',
	/** [actor, key, place]: the last turns of each instance, in a ring. */
	'turns',
	/** [order]: what became of some messages that were accepted here, oldest first. */
	'receipts',
	/** [storeId, lane]: the running time of this node at which the lane was last heard of. */
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
	/** The value as MessagePack, for whoever has it so: it is written as it is. */
	readonly packed?: Uint8Array;
}

/** One end of a stretch: a key, or a place between keys, which bytes of the store's order name. */
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
	/** The value as of the last commit; what is still on its way is not seen. */
	get<Value>(table: Table, key: Key): Value | undefined;
	/** Rows in key order. Short stretches only: a long read keeps LMDB from reusing space. */
	scan<Value>(table: Table, stretch: Stretch): { key: Key; value: Value }[];
}
