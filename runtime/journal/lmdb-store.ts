/**
 * The store: the LMDB environment below the journal, from its file to the first transaction of a
 * start.
 *
 * This file is the door to lmdb.
 *
 * @module
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { asBinary, open, type Database, type RootDatabase } from 'lmdb';
import { ReeveError } from '../platform/errors.ts';
import { moveAside } from './store-fork.ts';
import {
	beginStart,
	checkStore,
	isReadable,
	type Place,
	type IdentityChoice,
	type StoreRecord,
} from './store-record.ts';
import type { Clock } from '../platform/clock.ts';
import type { Bound, Change, JournalReader, Key, Stretch, Table } from './schema.ts';

/** A key as LMDB takes it. It does not change it, so ours are handed to it without a copy. */
export type StoreKey = (string | number)[];
/** The tables of an open store, by name. */
type Stores = Record<Table, Database<unknown, StoreKey>>;

/** A store that this process has opened, and begun to own. */
export interface Store {
	readonly root: RootDatabase<unknown, StoreKey>;
	readonly stores: Stores;
	readonly record: StoreRecord;
	readonly place: Place;
}

/** What a store is opened with; the journal's options say what each means. */
export interface StoreOptions {
	readonly folder: string;
	readonly clock: Clock;
	readonly host?: string;
	readonly identity?: IdentityChoice | undefined;
	readonly uncleanPeriodMs?: number;
}

/**
 * Opens the store, and makes the first transaction: who are we, which start is this?
 *
 * @throws ReeveError `storage_failed`, `journal_version`, `cloned_store`
 */
export function openStore(options: StoreOptions, tables: readonly Table[]): Store {
	const { folder, host = '', clock, identity: choice, uncleanPeriodMs = 0 } = options;
	const root = openRoot(folder);
	const stores = openTables(root, tables);
	const place = { host, file: statSync(join(folder, fileName)).ino };
	const start = { clock, place, uncleanPeriodMs, ...(choice ? { choice } : {}) };
	try {
		checkStore(stores.meta, start);
	} catch (thrown) {
		void root.close();
		throw thrown;
	}
	const record = root.transactionSync(() => beginStart(stores.meta, start));
	if (stores.meta.get(['forking']) === true) finishFork(root, stores);
	return { root, stores, record, place };
}

/**
 * Reads every row of the store in `folder`, changes nothing, and returns how many rows there are.
 *
 * @throws whatever LMDB finds wrong with it, if it does not end the process
 */
export function walkStore(folder: string, tables: readonly Table[]): number {
	checkHeader(join(folder, fileName));
	const root = open({ path: folder, maxDbs, cache: false, readOnly: true });
	let rows = 0;
	for (const name of tables) {
		const table: Database | undefined = root.openDB({ name, cache: false, ...values });
		for (const _row of table?.getRange({ snapshot: false }) ?? []) rows += 1;
	}
	return rows;
}

/** A stretch of keys as LMDB takes it. */
export function rangeOf({ from, to, limit, reverse }: Stretch) {
	return {
		start: storeKey(reverse ? to : from),
		end: storeKey(reverse ? from : to),
		snapshot: false,
		...(limit === undefined ? {} : { limit }),
		...(reverse ? { reverse, exclusiveStart: true, inclusiveEnd: true } : {}),
	};
}

/** LMDB takes bytes as a part and puts them as they are; its types do not say so of a list. */
function storeKey(bound: Bound): StoreKey {
	return [...bound] as StoreKey;
}

/** LMDB hands back a key of one part without its list. */
export function listOf(key: string | number | Key): Key {
	return typeof key === 'object' ? key : [key];
}

/** LMDB holds keys of 1978 bytes; the rest is for what separates their parts. */
const keyBytesMax = 1900;

/** Nearly all keys are short, and need not be counted byte by byte. */
export function isStorable(key: Bound): boolean {
	let most = 0;
	for (const part of key) most += typeof part === 'number' ? 9 : part.length * 3;
	if (most <= keyBytesMax) return true;
	let exact = 0;
	for (const part of key) exact += typeof part === 'number' ? 9 : Buffer.byteLength(part);
	return exact <= keyBytesMax;
}

/** What LMDB is to put for a change; undefined if its key is to be removed. */
export function valueOf({ value, packed }: Change): unknown {
	return packed ? asBinary(packed) : value;
}

/** A store that is only looked at. */
export interface StoreReading extends JournalReader {
	close(): Promise<void>;
}

/**
 * Opens the store in `folder` to look at it, be it a copy, or that of a node that is stopped.
 * Nothing is written and nobody is fenced.
 *
 * @throws ReeveError `not_found` if there is none, `storage_failed`, `journal_version`
 */
export function readStore(folder: string): StoreReading {
	const file = join(folder, fileName);
	if (!existsSync(file)) throw new ReeveError('not_found', `there is no journal in ${folder}`);
	const root = openReadOnly(folder, file);
	const opened = new Map<Table, Database<unknown, StoreKey> | undefined>();
	/** A store of an older version may lack a table, and then has no rows in it. */
	const table = (name: Table): Database<unknown, StoreKey> | undefined => {
		if (!opened.has(name))
			opened.set(name, root.openDB<unknown, StoreKey>({ name, cache: false, ...values }));
		return opened.get(name);
	};
	const format = table('meta')?.get(['format']);
	if (!isReadable(format)) {
		void root.close();
		throw new ReeveError('journal_version', `format ${JSON.stringify(format)}`);
	}
	return {
		get: <Value>(name: Table, key: Key) => table(name)?.get([...key]) as Value | undefined,
		scan: <Value>(name: Table, stretch: Stretch) =>
			Array.from(table(name)?.getRange(rangeOf(stretch)) ?? [], ({ key, value }) => ({
				key: listOf(key),
				value: value as Value,
			})),
		close: () => root.close(),
	};
}

function openReadOnly(path: string, file: string): RootDatabase<unknown, StoreKey> {
	try {
		checkHeader(file);
		return open({ path, maxDbs, cache: false, readOnly: true });
	} catch (cause) {
		throw new ReeveError('storage_failed', `cannot read the journal in ${path}`, { cause });
	}
}

/**
 * Values are plain maps. Records, as msgpackr makes them by default, would have their layout
 * written with every value, and a function compiled for it with every reading.
 */
const values = { useRecords: false, variableMapSize: true } as const;
const fileName = 'data.mdb';
/** Tables that the file has room for. */
const maxDbs = 32;

function openRoot(folder: string): RootDatabase<unknown, StoreKey> {
	try {
		mkdirSync(folder, { recursive: true });
		checkHeader(join(folder, fileName));
		// The cache would show values that are not committed yet; a writable map would turn a full disk
		// into SIGBUS. Batching by turns is done by the journal; that of lmdb-js has a promise which
		// nobody can reach, and which is rejected with every transaction that fails.
		const order = { strictAsyncOrder: true, eventTurnBatching: false };
		return open({ path: folder, maxDbs, cache: false, ...values, ...order });
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

function openTables(root: RootDatabase<unknown, StoreKey>, tables: readonly Table[]): Stores {
	const open = (name: Table) => root.openDB<unknown, StoreKey>({ name, cache: false, ...values });
	return Object.fromEntries(tables.map((name) => [name, open(name)])) as Stores;
}

/** Moves what the old identity had promised aside; see `store-fork.ts`. */
function finishFork(root: RootDatabase<unknown, StoreKey>, stores: Stores): void {
	moveAside({
		rows: (table, limit, after) => {
			const start = after ? { start: [...after], exclusiveStart: true } : {};
			return Array.from(stores[table].getRange({ ...start, limit }), ({ key, value }) => ({
				key: listOf(key),
				value,
			}));
		},
		write: (changes) =>
			root.transactionSync(() => {
				for (const change of changes) {
					const { table, key } = change;
					const value = valueOf(change);
					if (value === undefined) stores[table].removeSync([...key]);
					else stores[table].putSync([...key], value);
				}
			}),
	});
}
