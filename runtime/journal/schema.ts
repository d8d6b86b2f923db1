/**
 * The tables of the journal with their owners and keys, and the changes that are made to them.
 *
 * @module
 */

/** What is known of one table. */
export interface TableFacts {
	/** The file that reads and writes it; all others call functions of that file. */
	readonly owner: string;
	readonly key: string;
	readonly holds: string;
	/** Set if changes write the same row again and again: the last of a transaction counts. */
	readonly isRewritten?: true;
	/**
	 * Set if the rows of a transaction, each a list under one number, are joined: how many items a
	 * row has at most.
	 */
	readonly itemsPerRowMax?: number;
	/** Set if a damaged row keeps its place: see `DamagedRow`. Others are set aside. */
	readonly isKeptIfDamaged?: true;
	/** What a fork of the store does with the rows: see `store-fork.ts`. */
	readonly atFork: 'keep' | 'move' | { readonly moveWithout: string };
}

/** The tables by name. Keys are ordered, so that each hot read is one short range. */
export const tables = {
	meta: {
		owner: 'runtime/journal/meta-rows.ts',
		key: '[name, ...]',
		holds: 'what the node knows of itself: identity, epoch, and single facts of other rooms',
		atFork: 'keep',
	},
	lanes: {
		owner: 'runtime/delivery/outbox.ts',
		key: '[lane]',
		holds: 'the state of a lane as its sender has it',
		isRewritten: true,
		atFork: 'move',
	},
	outbox: {
		owner: 'runtime/delivery/outbox.ts',
		key: '[lane, seq]',
		holds: 'messages that the receiver has not yet resolved; without bodies that the ledger keeps',
		isKeptIfDamaged: true,
		atFork: 'move',
	},
	cursors: {
		owner: 'runtime/delivery/lane-cursors.ts',
		key: '[storeId, lane]',
		holds: 'how far a lane has been accepted here',
		isRewritten: true,
		atFork: 'keep',
	},
	refusals: {
		owner: 'runtime/delivery/lane-cursors.ts',
		key: '[storeId, lane, seq]',
		holds: 'messages that were refused or skipped, until the sender knows',
		atFork: 'keep',
	},
	mailbox: {
		owner: 'runtime/mailbox/mailbox-row.ts',
		key: '[method, arrival]',
		holds: 'accepted messages whose run has not been settled',
		isKeptIfDamaged: true,
		atFork: 'move',
	},
	started: {
		owner: 'runtime/mailbox/start-rows.ts',
		key: '[method, arrival] or [actor, ...mark]',
		holds: 'what has been started: by which epoch, how often',
		isKeptIfDamaged: true,
		atFork: 'move',
	},
	ledger: {
		owner: 'runtime/ledger/ledger-rows.ts',
		key: '[id]',
		holds: 'what became of each message that this node sent, and its body if it is kept',
		// An open entry waits for an outcome that the original will receive.
		atFork: { moveWithout: 'settledAt' },
	},
	opened: {
		owner: 'runtime/ledger/ledger-rows.ts',
		key: '[instant, id]',
		holds: 'the ids of the ledger by age',
		atFork: 'keep',
	},
	settled: {
		owner: 'runtime/ledger/ledger-retention.ts',
		key: '[order]',
		holds: 'settled messages, oldest first',
		atFork: 'keep',
	},
	dead: {
		owner: 'runtime/ledger/dead-letters.ts',
		key: '[order]',
		holds: 'dead letters: messages that were given up after too many starts',
		atFork: 'keep',
	},
	definitions: {
		owner: 'supervisors/composition/definitions.ts',
		key: '[actor]',
		holds: 'the version of its definition that was last in force, and its text',
		atFork: 'keep',
	},
	snapshots: {
		owner: 'actors/turn/instance.ts',
		key: '[actor, key]',
		holds: 'the state of each instance of an actor, as of its last turn',
		atFork: 'keep',
	},
	timers: {
		owner: 'runtime/pending/timers.ts',
		key: '[dueAt, actor, key, id]',
		holds: 'events that instances wait for',
		atFork: 'move',
	},
	steps: {
		owner: 'actors/turn/step-rows.ts',
		key: '[actor, key, stepId]',
		holds: 'side effects that were started and whose end no turn has handled',
		atFork: 'move',
	},
	asks: {
		owner: 'runtime/pending/asks.ts',
		key: '[message id]',
		holds: 'the instance that waits for the outcome',
		atFork: 'move',
	},
	turns: {
		owner: 'actors/turn/turn-recorder.ts',
		key: '[actor, key, place]',
		holds: 'the last turns of each instance, in a ring',
		atFork: 'keep',
	},
	receipts: {
		owner: 'runtime/ledger/receipts.ts',
		key: '[order]',
		holds: 'what became of some messages that were accepted here, oldest first',
		// A row with more would take overflow pages of its own.
		itemsPerRowMax: 16,
		atFork: 'keep',
	},
	heard: {
		owner: 'runtime/delivery/lane-retention.ts',
		key: '[storeId, lane]',
		holds: 'the running time of this node when the lane last sent something',
		atFork: 'keep',
	},
	outcomes: {
		owner: 'runtime/intake/outcome-publisher.ts',
		key: '[order]',
		holds: 'outcomes that wait to be published for MQTT clients',
		atFork: 'move',
	},
	quarantine: {
		owner: 'runtime/journal/store-fork.ts',
		key: '[table, ...key]',
		holds: 'promises of the identity that this store was forked from',
		atFork: 'keep',
	},
	damaged: {
		owner: 'runtime/journal/damaged-rows.ts',
		key: '[table, ...key]',
		holds: 'the bytes of rows that were found damaged, under the keys that they had',
		atFork: 'keep',
	},
} as const satisfies Readonly<Record<string, TableFacts>>;

/** One of {@link tables}. */
export type Table = keyof typeof tables;

/** The names of all tables. */
export const tableNames = Object.keys(tables) as readonly Table[];

/** A key: strings and numbers, compared part by part. */
export type Key = readonly (string | number)[];

/** One change: a value to put, as it is or packed; or, without either, a key to remove. */
export interface Change {
	readonly table: Table;
	readonly key: Key;
	readonly value?: unknown;
	/** The value as MessagePack, if the caller has it: it is written as it is. */
	readonly packed?: Packed;
}

/** A value as MessagePack, in pieces: one that is there already is not copied. */
export type Packed = readonly Uint8Array[];

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

/** A row whose bytes are not those that were written. */
export class DamagedRow {
	/** What its bytes still say, if they can be read at all. Nothing in it can be relied on. */
	readonly guess: unknown;

	constructor(guess: unknown) {
		this.guess = guess;
	}
}

/** The part of a journal that reads: what is committed, in short stretches. */
export interface JournalReader {
	/** The value as of the last commit; changes that are still being written are not seen. */
	get<Value>(table: Table, key: Key): Value | undefined;
	/** Rows in key order. Short stretches only: a long read keeps LMDB from reusing space. */
	scan<Value>(table: Table, stretch: Stretch): { key: Key; value: Value }[];
}
