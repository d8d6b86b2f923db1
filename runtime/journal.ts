/**
 * The journal: what must survive. One LMDB environment in the node's database folder, and one way to
 * change it: {@link Journal.commit}, which groups the changes of all who ask at about the same time
 * into one write transaction and resolves after its flush.
 *
 * Three rules make a crash at any instant harmless, and this file keeps them for everybody:
 * - A transaction first compares the *epoch*, a number that every start of a process raises. A process
 *   that finds a higher one has been replaced on its own data folder; it is *fenced* and changes
 *   nothing more (LMDB itself lets two processes write without complaint).
 * - Nothing that could throw runs inside the transaction, because lmdb-js does not roll back one whose
 *   callback throws (kriszyp/lmdb-js #115).
 * - A transaction that fails, as on a full disk, is tried again until it succeeds, in order, with the
 *   same changes. So memory may run ahead of the disk, but never apart from it, and whatever waits for
 *   the flush (an acknowledgement, an answer, a publication) simply waits longer.
 *
 * This file is the door to lmdb.
 *
 * @module
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { open, type Database, type RootDatabase } from 'lmdb';
import type { Clock } from './clock.ts';
import { ReeveError } from './errors.ts';
import { createGroupCommit, type Durable } from './group-commit.ts';
import { newStoreId } from './identity.ts';
import type { Signals } from './signal.ts';

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
	'books',
	/** [order]: ids of settled messages, oldest first. */
	'settled',
	/** [order]: messages that were given up after too many starts. */
	'dead',
	/** [order]: what became of the messages that were accepted here, oldest first. */
	'receipts',
] as const;

/** One of {@link tables}. */
export type Table = (typeof tables)[number];

/** A key: strings and numbers, compared part by part. */
export type Key = readonly (string | number)[];

/** One change: a value to put, or, without one, a key to remove. */
export interface Change {
	readonly table: Table;
	readonly key: Key;
	readonly value?: unknown;
}

/** A stretch of keys: `from` included, `to` not. */
export interface Stretch {
	readonly from: Key;
	readonly to: Key;
	readonly limit?: number;
	readonly reverse?: boolean;
}

/** The open journal of a node. */
export interface Journal {
	/** Minted with the file: who this store is, whatever the node is called. */
	readonly storeId: string;
	/** Raised by every start. */
	readonly epoch: number;
	/** Whether the last process that ran here ended without closing the journal. */
	readonly wasUnclean: boolean;
	/**
	 * Writes all `changes` in one transaction, after all that were given before. Resolves when they
	 * are flushed to disk (with `durability: os`, or `until: 'committed'`, when they are committed,
	 * which survives a crash of the process but not of the machine).
	 *
	 * Rejects only with `fenced` or `stopping`; a disk that fails makes it wait. (And with `internal`, at
	 * once, for a key that the file cannot hold: tried again for ever, it would stop all others.)
	 */
	commit(changes: readonly Change[], until?: Durable): Promise<void>;
	/** The value as of the last commit; what is still on its way is not seen. */
	get<Value>(table: Table, key: Key): Value | undefined;
	/** Rows in key order. Short stretches only: a long read keeps LMDB from reusing space. */
	scan<Value>(table: Table, stretch: Stretch): { key: Key; value: Value }[];
	/** Rows of the stretch, without reading values. */
	count(table: Table, stretch?: Stretch): number;
	/** False while the disk fails: callers refuse new work instead of promising it. */
	isHealthy(): boolean;
	/** Waits for what was given to `commit`, marks the end as clean, and closes the file. */
	close(): Promise<void>;
}

/** What a journal is opened with. */
export interface JournalOptions {
	readonly folder: string;
	readonly clock: Clock;
	readonly signals: Signals;
	readonly durability?: 'disk' | 'os';
	/** Called once when another process has taken over the folder. */
	readonly onFenced?: () => void;
}

/**
 * Opens the journal in `folder`, which is created if need be, and raises its epoch.
 *
 * @throws ReeveError `storage_failed` if the folder or the file cannot be used
 */
export function openJournal(options: JournalOptions): Journal {
	const { folder, clock } = options;
	const root = openRoot(folder);
	const stores = openTables(root);
	const { storeId, epoch, wasUnclean } = root.transactionSync(() => begin(stores.meta, clock));
	/** Runs inside the transaction; false if another process has raised the epoch. */
	const apply = (changes: readonly Change[]): boolean => {
		if (stores.meta.get(['epoch']) !== epoch) return false;
		for (const { table, key, value } of changes) {
			if (value === undefined) stores[table].removeSync([...key]);
			else stores[table].putSync([...key], value);
		}
		return true;
	};
	const writer = createGroupCommit({
		...options,
		transact: (changes) => root.transaction(() => apply(changes)),
		flushed: () => root.flushed.then(() => undefined),
	});
	const range = ({ from, to, limit, reverse }: Stretch) => ({
		start: [...(reverse ? to : from)],
		end: [...(reverse ? from : to)],
		snapshot: false,
		...(limit === undefined ? {} : { limit }),
		...(reverse ? { reverse, exclusiveStart: true, inclusiveEnd: true } : {}),
	});
	let closed: Promise<void> | undefined;

	return {
		storeId,
		epoch,
		wasUnclean,
		commit(changes, until) {
			const bad = changes.find(({ key }) => !isStorable(key));
			if (!bad) return writer.commit(changes, until);
			return Promise.reject(new ReeveError('internal', `the table ${bad.table} has no such keys`));
		},
		get: <Value>(table: Table, key: Key) =>
			isStorable(key) ? (stores[table].get([...key]) as Value | undefined) : undefined,
		scan: <Value>(table: Table, stretch: Stretch) =>
			Array.from(stores[table].getRange(range(stretch)), ({ key, value }) => ({
				key,
				value: value as Value,
			})),
		count: (table, stretch) =>
			stores[table].getKeysCount(stretch ? range(stretch) : { snapshot: false }),
		isHealthy: () => writer.isHealthy(),
		close() {
			closed ??= writer.stop(closing).then(() => root.close());
			return closed;
		},
	};
}

/** LMDB holds keys of 1978 bytes; the rest is for what separates their parts. */
const keyBytesMax = 1900;

/** Nearly all keys are short, and need not be counted byte by byte. */
function isStorable(key: Key): boolean {
	const bytes = (count: (text: string) => number) =>
		key.reduce<number>((sum, part) => sum + (typeof part === 'string' ? count(part) : 9), 0);
	return (
		bytes(({ length }) => length * 3) <= keyBytesMax ||
		bytes((text) => Buffer.byteLength(text)) <= keyBytesMax
	);
}

type Stores = Record<Table, Database<unknown, (string | number)[]>>;

function openRoot(folder: string): RootDatabase<unknown, (string | number)[]> {
	try {
		mkdirSync(folder, { recursive: true });
		checkHeader(join(folder, 'data.mdb'));
		// The cache would show values that are not committed yet; a writable map would turn a full
		// disk into SIGBUS.
		return open({ path: folder, maxDbs: 32, cache: false, strictAsyncOrder: true });
	} catch (cause) {
		throw new ReeveError('storage_failed', `cannot open the journal in ${folder}`, { cause });
	}
}

/** LMDB's magic number, and where its file has it. */
const magic = { number: 0xbeefc0de, at: 24 } as const;

/** LMDB ends the whole process, without an error, on a file that is something else. */
function checkHeader(path: string): void {
	if (!existsSync(path)) return;
	const header = Buffer.alloc(magic.at + 4);
	const file = openSync(path, 'r');
	try {
		const size = readSync(file, header);
		if (size === 0 || header.readUInt32LE(magic.at) === magic.number) return;
	} finally {
		closeSync(file);
	}
	throw new Error(`${path} is no LMDB file`);
}

function openTables(root: RootDatabase<unknown, (string | number)[]>): Stores {
	const open = (name: Table) => root.openDB<unknown, (string | number)[]>({ name, cache: false });
	return Object.fromEntries(tables.map((name) => [name, open(name)])) as Stores;
}

/** The first transaction of a process: who are we, which start is this, how did the last one end? */
function begin(meta: Stores['meta'], clock: Clock) {
	const known = meta.get(['storeId']);
	const storeId = typeof known === 'string' ? known : newStoreId(clock);
	const epoch = Number(meta.get(['epoch']) ?? 0) + 1;
	const wasUnclean = meta.get(['running']) === true;
	meta.putSync(['storeId'], storeId);
	meta.putSync(['epoch'], epoch);
	meta.putSync(['running'], true);
	return { storeId, epoch, wasUnclean };
}

const closing: Change = { table: 'meta', key: ['running'], value: false };
