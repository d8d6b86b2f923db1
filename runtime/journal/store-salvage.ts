/**
 * A program that writes what can still be read of a damaged store into a new one. Its arguments are
 * the damaged file, which it only reads, and the folder of the new store. What it saved, and what
 * not, it notes in the new store under `saved` in the table `meta`.
 *
 * The identity of the store is not saved: the new one is an older copy of it at best.
 *
 * @module
 */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { damagedChange } from './damaged-rows.ts';
import { keyOf, openSaved, type SavedStore } from './lmdb-store.ts';
import { metaChange } from './meta-rows.ts';
import { rowChecksum } from './row-checksum.ts';
import { readPages, type PageVisitor } from './store-pages.ts';
import { reasonOf } from '../platform/errors.ts';
import { savedKey, type SavedFact } from './saved-fact.ts';
import {
	tableNames,
	tables,
	type Change,
	type Key,
	type Table,
	type TableFacts,
} from './schema.ts';

/** First, if the space does not suffice for all: what a message must not be run without. */
const first = ['meta', 'started', 'cursors', 'refusals', 'receipts'] as const;
/** Then what is owed. */
const owed = ['mailbox', 'lanes', 'outbox', 'asks', 'timers', 'steps', 'snapshots'] as const;
const early: ReadonlySet<Table> = new Set([...first, ...owed]);
const salvageOrder: readonly (readonly Table[])[] = [
	first,
	owed,
	tableNames.filter((name) => !early.has(name)),
];

/** Rows that are written in one transaction. */
const rowsAtATime = 1000;
/** Faults that are noted in words. */
const textsMax = 20;

/** Facts of the damaged store that are not those of the one that takes its place. */
const ownFacts: ReadonlySet<string> = new Set([
	'storeId',
	'home',
	'running',
	'forking',
	savedKey[0],
]);

/** Saves what can be read of the file at `from`, until the disk is full. */
export async function salvage(from: string, to: string, now: number): Promise<void> {
	const store = openSaved(to);
	const fact = createFact(now);
	const batch = createBatch(store);
	const sums = new Map(tableNames.map((name) => [name, rowChecksum(name)]));
	const visitor: PageVisitor = {
		fault: (table, text) => fact.fault(table, text),
		row(name, keyBytes, bytes) {
			const table = tableNames.find((one) => one === name);
			if (!table) return;
			const key = keyOf(keyBytes);
			if (!key) return fact.damaged(table);
			if (table === 'meta' && ownFacts.has(String(key[0]))) return;
			const isSound = sums.get(table)?.soundValue(key, bytes) !== undefined;
			if (isSound || hasPlace(table, key)) batch.put(table, key, bytes);
			if (isSound) return fact.saved(table);
			fact.damaged(table);
			batch.change([damagedChange(table, key, bytes)]);
		},
	};
	try {
		for (const names of salvageOrder) {
			readPages(from, visitor, new Set(names));
			batch.write();
			if (names.includes('mailbox') && fact.isIncomplete('started')) markStarted(store, batch);
		}
	} catch (thrown) {
		// As a rule there is no more space on the disk.
		fact.fault(undefined, `not all could be written: ${reasonOf(thrown)}`);
	}
	noteFact(store, fact.told());
	await store.close();
}

/** Exit code if there was no space to note what was saved. */
const unnotedExitCode = 5;

/** Writes what was saved, if there is space for that. */
function noteFact(store: SavedStore, fact: SavedFact): void {
	try {
		store.change([metaChange(savedKey, fact)]);
	} catch {
		// The rows that were saved count for more: the store is used without this.
		process.exitCode = unnotedExitCode;
	}
}

/** A damaged row keeps the place of a message, which is a number, if it has one. */
function hasPlace(table: Table, key: Key): boolean {
	const { isKeptIfDamaged }: TableFacts = tables[table];
	return isKeptIfDamaged === true && key.length === 2 && Number.isInteger(key[1]);
}

/**
 * Where starts are lost, any message may have been started: each that waits gets a damaged row,
 * which counts as one start, so that none runs twice that must not.
 */
function markStarted(store: SavedStore, batch: Batch): void {
	for (const key of batch.waiting) {
		if (!store.has('started', key)) batch.put('started', key, Buffer.alloc(1));
	}
	batch.write();
}

type Batch = ReturnType<typeof createBatch>;

/** Collects rows for large transactions. */
function createBatch(store: SavedStore) {
	let rows: { table: Table; key: Key; bytes: Buffer }[] = [];
	let changes: Change[] = [];
	/** The keys of the mailbox. */
	const waiting: Key[] = [];
	const write = (): void => {
		store.put(rows);
		store.change(changes);
		rows = [];
		changes = [];
	};
	const writeIfLarge = (): void => {
		if (rows.length + changes.length >= rowsAtATime) write();
	};
	return {
		waiting,
		write,
		put(table: Table, key: Key, bytes: Buffer): void {
			rows.push({ table, key, bytes: Buffer.from(bytes) });
			if (table === 'mailbox') waiting.push(key);
			writeIfLarge();
		},
		change(more: readonly Change[]): void {
			changes.push(...more);
			writeIfLarge();
		},
	};
}

/** Counts what is saved and what is not. */
function createFact(at: number) {
	const saved: Partial<Record<Table, number>> = {};
	const damaged: Partial<Record<Table, number>> = {};
	const lost = new Set<string>();
	const faults = new Set<string>();
	const count = (counts: Partial<Record<Table, number>>, table: Table): void => {
		counts[table] = (counts[table] ?? 0) + 1;
	};
	return {
		saved: (table: Table) => count(saved, table),
		damaged: (table: Table) => count(damaged, table),
		fault(table: string | undefined, text: string): void {
			lost.add(table ?? everyTable);
			if (faults.size < textsMax) faults.add(table === undefined ? text : `${table}: ${text}`);
		},
		/** Whether rows of the table may be lost without a trace. */
		isIncomplete: (table: Table) => lost.has(table) || lost.has(everyTable),
		told: (): SavedFact => ({ at, saved, damaged, faults: [...faults] }),
	};
}

const everyTable = '';

const [, program = '', from = '', to = '', now = ''] = process.argv;
if (program === fileURLToPath(import.meta.url)) await salvage(from, to, Number(now));
