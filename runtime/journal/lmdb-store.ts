/**
 * The store: the LMDB environment of the journal, from opening its file to the first transaction of
 * a start.
 *
 * This file is the door to lmdb.
 *
 * @module
 */
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
	bufferToKeyValue,
	compareKeys,
	open,
	type Database,
	type RangeOptions,
	type RootDatabase,
} from 'lmdb';
import { ReeveError } from '../platform/errors.ts';
import { privateModes } from './file-permissions.ts';
import { moveAside } from './store-fork.ts';
import {
	beginStart,
	checkStore,
	isReadable,
	type Place,
	type IdentityChoice,
	type StoreRecord,
} from './store-record.ts';
import {
	createStoreTable,
	listOf,
	type RowCodec,
	type SeeDamage,
	type StoreKey,
	type StoreTable,
} from './store-table.ts';
import type { Clock } from '../platform/clock.ts';
import {
	tableNames,
	type Bound,
	type Change,
	type JournalReader,
	type Key,
	type Stretch,
	type Table,
} from './schema.ts';

declare module 'lmdb' {
	/** Exported by lmdb-js, and missing in its types. */
	export function bufferToKeyValue(bytes: Buffer): unknown;
}

/** The tables of an open store, by name. */
type Stores = Record<Table, StoreTable<RangeOptions>>;

/** A store that this process has opened and owns. */
export interface Store {
	readonly root: Root;
	readonly stores: Stores;
	readonly record: StoreRecord;
	readonly place: Place;
}

/** What a store is opened with; `JournalOptions` explains each. */
export interface StoreOptions {
	readonly folder: string;
	readonly clock: Clock;
	readonly host?: string;
	readonly identity?: IdentityChoice | undefined;
	readonly uncleanPeriodMs?: number;
	/** Told of each damaged row that is read. */
	readonly seeDamage?: SeeDamage;
}

type Root = RootDatabase<unknown, StoreKey>;

/**
 * Opens the store, and runs the first transaction, which decides on the identity and the epoch.
 *
 * @throws ReeveError `storage_failed`, `journal_version`, `cloned_store`
 */
export function openStore(options: StoreOptions, names: readonly Table[]): Store {
	const { folder, host = '', clock, identity: choice, uncleanPeriodMs = 0 } = options;
	const root = openRoot(folder);
	const stores = openTables(root, names, options.seeDamage);
	const place = { host, file: statSync(join(folder, fileName)).ino };
	const start = { clock, place, uncleanPeriodMs, ...(choice ? { choice } : {}) };
	try {
		checkStore(formatOf(root), stores.meta, start);
	} catch (thrown) {
		void root.close();
		throw thrown;
	}
	const record = root.transactionSync(() => beginStart(stores.meta, start));
	if (stores.meta.get(['forking']) === true) finishFork(root, stores);
	return { root, stores, record, place };
}

/** The new store that gets the rows of a damaged one. */
export interface SavedStore {
	/** Writes rows as they are in the damaged one. */
	put(rows: readonly { readonly table: Table; readonly key: Key; readonly bytes: Buffer }[]): void;
	/** Writes rows of this process. */
	change(changes: readonly Change[]): void;
	has(table: Table, key: Key): boolean;
	close(): Promise<void>;
}

/**
 * Creates a store in `folder` for what is saved of a damaged one.
 *
 * @throws ReeveError `storage_failed`
 */
export function openSaved(folder: string): SavedStore {
	// A flush for each transaction would take hours; there is one at the end.
	const root = openRoot(folder, { noSync: true });
	const raw = new Map(tableNames.map((name) => [name, rawTable(root, name)]));
	const stores = openTables(root, tableNames);
	return {
		put(rows) {
			root.transactionSync(() => {
				for (const { table, key, bytes } of rows) raw.get(table)?.putSync([...key], bytes);
			});
		},
		change(changes) {
			root.transactionSync(() => {
				for (const change of changes) applyChange(stores, change);
			});
		},
		has: (table, key) => raw.get(table)?.get([...key]) !== undefined,
		async close() {
			await root.flushed;
			await root.close();
		},
	};
}

/** The key that these bytes are; undefined if they are none. */
export function keyOf(bytes: Buffer): Key | undefined {
	try {
		// lmdb-js reads up to the end of a number behind the key.
		const padded = Buffer.alloc(bytes.length + 8);
		bytes.copy(padded);
		const key: unknown = bufferToKeyValue(padded.subarray(0, bytes.length));
		return Array.isArray(key) ? (key as Key) : [key as string | number];
	} catch {
		return undefined;
	}
}

/**
 * Opens the store in `folder`, reads every row, and writes some: whatever a start may do. The
 * folder is that of a copy, and the process one that may end of it.
 *
 * @throws what LMDB finds wrong with it
 */
export async function tryStore(folder: string): Promise<void> {
	const root = openRoot(folder);
	const stores = openTables(root, tableNames);
	for (const name of tableNames) {
		const raw = rawTable(root, name);
		if (raw) checkOrder(raw);
	}
	const keys = Array.from({ length: trial.rows }, (_, index) => ['trial', index]);
	for (let round = 0; round < trial.rounds; round += 1) {
		root.transactionSync(() => {
			for (const key of keys) stores.meta.putSync(key, 'x'.repeat(trial.bytes));
		});
		root.transactionSync(() => {
			for (const key of keys) stores.meta.removeSync(key);
		});
	}
	await root.flushed;
	await root.close();
}

/** What a trial writes: enough to use free pages, and to put others into their list. */
const trial = { rows: 500, rounds: 5, bytes: 300 } as const;

/**
 * Reads all rows of a table.
 *
 * @throws Error where the keys are not in their order, or rows are missing: a damaged page
 */
function checkOrder(raw: Database<Buffer, StoreKey>): void {
	const { entryCount } = raw.getStats() as { readonly entryCount: number };
	let count = 0;
	let last: Key | undefined;
	for (const { key: bare } of raw.getRange({ snapshot: false })) {
		const key = listOf(bare);
		if (last && compareKeys([...last], [...key]) >= 0) throw new Error(`${corrupted} keys`);
		last = key;
		count += 1;
	}
	if (count !== entryCount) throw new Error(`${corrupted} ${count} rows of ${entryCount}`);
}

/** What LMDB says of a damaged page. */
const corrupted = 'MDB_CORRUPTED:';

/** Bytes of the file that hold no rows, and that the next transactions write into. */
export function unusedBytesOf({ root, stores }: Pick<Store, 'root' | 'stores'>): number {
	const { free, root: list, lastPageNumber, pageSize } = root.getStats() as EnvironmentStats;
	let used = metaPages + pagesOf(free) + pagesOf(list);
	for (const store of Object.values(stores)) used += pagesOf(store.stats() as TableStats);
	return Math.max(0, lastPageNumber + 1 - used) * pageSize;
}

/** What LMDB tells of one of its trees. */
interface TableStats {
	readonly treeBranchPageCount: number;
	readonly treeLeafPageCount: number;
	readonly overflowPages: number;
}

/** What LMDB tells of a file; `free` lists the pages without rows, `root` the tables. */
interface EnvironmentStats {
	readonly free: TableStats;
	readonly root: TableStats;
	readonly lastPageNumber: number;
	readonly pageSize: number;
}

/** The two pages with which each file begins. */
const metaPages = 2;

function pagesOf(stats: TableStats): number {
	return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
}

/** A stretch in the options of LMDB. */
export function rangeOf({ from, to, limit, reverse }: Stretch) {
	return {
		start: storeKey(reverse ? to : from),
		end: storeKey(reverse ? from : to),
		snapshot: false,
		...(limit === undefined ? {} : { limit }),
		...(reverse ? { reverse, exclusiveStart: true, inclusiveEnd: true } : {}),
	};
}

/** LMDB writes bytes in a key as they are, but its types forbid them inside a list. */
function storeKey(bound: Bound): StoreKey {
	return [...bound] as StoreKey;
}

/** Makes one change, within a transaction. */
export function applyChange(stores: Stores, { table, key, value, packed }: Change): void {
	if (packed) stores[table].putPackedSync(key, packed);
	else if (value === undefined) stores[table].removeSync(key);
	else stores[table].putSync(key, value);
}

/** A store that is only read. */
export interface StoreReading extends JournalReader {
	close(): Promise<void>;
}

/**
 * Opens the store in `folder` for reading: a backup, or the store of a stopped node. Writes nothing
 * and fences no process.
 *
 * @throws ReeveError `not_found` if there is none, `storage_failed`, `journal_version`
 */
export function readStore(folder: string): StoreReading {
	const file = join(folder, fileName);
	if (!existsSync(file)) throw new ReeveError('not_found', `there is no journal in ${folder}`);
	const root = openReadOnly(folder, file);
	const opened = new Map<Table, StoreTable<RangeOptions> | undefined>();
	/** A store of an older version may lack a table, and then has no rows in it. */
	const table = (name: Table): StoreTable<RangeOptions> | undefined => {
		if (!opened.has(name)) opened.set(name, tableIn(root, name));
		return opened.get(name);
	};
	const format = formatOf(root);
	if (!isReadable(format)) {
		void root.close();
		throw new ReeveError('journal_version', `format ${JSON.stringify(format)}`);
	}
	return {
		get: <Value>(name: Table, key: Key) => table(name)?.get(key) as Value | undefined,
		scan: <Value>(name: Table, stretch: Stretch) =>
			(table(name)?.rows(rangeOf(stretch)) ?? []) as { key: Key; value: Value }[],
		close: () => root.close(),
	};
}

function openReadOnly(path: string, file: string): Root {
	try {
		checkHeader(file);
		return open({ path, maxDbs, cache: false, readOnly: true, ...values, ...permissions });
	} catch (cause) {
		throw new ReeveError('storage_failed', `cannot read the journal in ${path}`, { cause });
	}
}

/**
 * Values are plain maps. With the records of msgpackr, its default, every value would carry its
 * layout, and every read would compile a function for it.
 */
const values = { useRecords: false, variableMapSize: true } as const;
/**
 * Files that LMDB creates, `lock.mdb` also when it only reads. Without `noSubdir` lmdb-js takes a
 * folder with a dot in its name, such as one set aside, for a file.
 */
const permissions = { permissionsMode: privateModes.file, noSubdir: false } as const;
const fileName = 'data.mdb';
/** Tables that the file has room for. */
const maxDbs = 32;

function openRoot(folder: string, more: { readonly noSync?: true } = {}): Root {
	try {
		mkdirSync(folder, { recursive: true, mode: privateModes.folder });
		checkHeader(join(folder, fileName));
		// The cache would show values that are not committed yet; a writable map would turn a full disk
		// into SIGBUS. The journal batches by turns itself: the batching of lmdb-js creates a promise
		// that callers cannot reach and that rejects with every failed transaction.
		const order = { strictAsyncOrder: true, eventTurnBatching: false };
		return open({
			path: folder,
			maxDbs,
			cache: false,
			...values,
			...order,
			...permissions,
			...more,
		});
	} catch (cause) {
		throw new ReeveError('storage_failed', `cannot open the journal in ${folder}`, { cause });
	}
}

/** LMDB's magic number, and its offset in the file. */
const magic = { number: 0xbeefc0de, at: 24 } as const;

/** Refuses a file that is not LMDB's: LMDB would end the whole process without an error. */
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

function openTables(root: Root, names: readonly Table[], seeDamage?: SeeDamage): Stores {
	return Object.fromEntries(names.map((name) => [name, tableIn(root, name, seeDamage)])) as Stores;
}

/** A table of the file; undefined if the file is only read, and lacks it. */
function tableIn(
	root: Root,
	name: Table,
	seeDamage: SeeDamage = () => undefined,
): StoreTable<RangeOptions> | undefined {
	const raw = rawTable(root, name);
	return raw && createStoreTable({ name, raw, codec: codecOf(root), seeDamage });
}

function rawTable(root: Root, name: Table): Database<Buffer, StoreKey> | undefined {
	return root.openDB<Buffer, StoreKey>({ name, cache: false, encoding: 'binary' });
}

/**
 * The format that the store says it has. Before format 3 rows had no checksums, and the number was
 * a single byte; in format 3 the checksums were others.
 */
function formatOf(root: Root): unknown {
	const bytes = rawTable(root, 'meta')?.get(['format']);
	if (bytes?.length === 1) return codecOf(root).unpack(bytes);
	if (bytes?.at(-1) === 3) return 3;
	return tableIn(root, 'meta')?.get(['format']);
}

/** msgpackr's encoder, as lmdb-js makes it for a database. */
interface Encoder {
	encode(value: unknown, options: number): Buffer;
	decode(bytes: Buffer): unknown;
}

/** Tells msgpackr to leave bytes free in front of what it packs, their number added to it. */
const reserveStart = 2048;

function codecOf(root: Root): RowCodec {
	const { encoder } = root as Root & { readonly encoder: Encoder };
	return {
		pack: (value, reserve) => encoder.encode(value, reserveStart | reserve),
		unpack: (bytes) => encoder.decode(bytes),
	};
}

/** Moves the promises of the old identity aside; see `store-fork.ts`. */
function finishFork(root: Root, stores: Stores): void {
	moveAside({
		rows: (table, limit, after) => {
			const start = after ? { start: [...after], exclusiveStart: true } : {};
			return stores[table].rows({ ...start, limit });
		},
		write: (changes) =>
			root.transactionSync(() => {
				for (const change of changes) applyChange(stores, change);
			}),
	});
}
