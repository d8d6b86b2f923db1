/**
 * The damaged rows of a store: each one that is met is noted once, its bytes are kept in the table
 * `damaged`, and it is told by its table and key, which name the message, the lane or the instance
 * that it was about.
 *
 * @module
 */
import { checksumBytes } from './row-checksum.ts';
import { isPlainKey, isPlainPart, isStorable } from './storable-key.ts';
import type { SeeDamage } from './store-table.ts';
import {
	rowsUnder,
	tableNames,
	tables,
	type Change,
	type JournalReader,
	type Key,
	type Stretch,
	type Table,
	type TableFacts,
} from './schema.ts';

/** What is told of a damaged row. */
export interface DamagedFact {
	readonly table: Table;
	readonly key: Key;
	/** What the row was about, as a sentence for people. */
	readonly text: string;
}

/** The damaged rows that {@link createDamagedRows} keeps. */
export interface DamagedRows {
	/** Called with each damaged row that is read, however often. */
	readonly see: SeeDamage;
	/** Calls `tell` with each that was met, and with each that will be. */
	onDamage(tell: (fact: DamagedFact) => void): void;
	/** The store is open: what was met and will be met is written with this. */
	writeWith(write: (changes: readonly Change[]) => void): void;
}

/** More are told of, and not kept: the first ones tell enough. */
const keptMax = 10_000;

/** Creates it, for a store that is being opened. */
export function createDamagedRows(): DamagedRows {
	const facts = new Map<string, DamagedFact>();
	const listeners = new Set<(fact: DamagedFact) => void>();
	/** Met while the store was being opened. */
	let early: Change[] = [];
	let write: ((changes: readonly Change[]) => void) | undefined;

	return {
		see(table, given, bytes) {
			const key = plainKey(given);
			const name = `${table} ${JSON.stringify(key)}`;
			if (facts.has(name)) return;
			const fact = { table, key, text: textOf(table, key) };
			facts.set(name, fact);
			for (const tell of listeners) tell(fact);
			if (table === 'damaged' || facts.size > keptMax) return;
			const changes = changesFor(table, given, bytes);
			if (write) write(changes);
			else early.push(...changes);
		},
		onDamage(tell) {
			listeners.add(tell);
			for (const fact of facts.values()) tell(fact);
		},
		writeWith(given) {
			write = given;
			if (early.length > 0) write(early);
			early = [];
		},
	};
}

/** What becomes of a damaged row: its bytes are kept, and it is removed unless it has a place. */
function changesFor(table: Table, key: Key, bytes: Buffer): readonly Change[] {
	const { isKeptIfDamaged }: TableFacts = tables[table];
	const kept = damagedChange(table, key, bytes);
	// A key that no row is written with cannot be named to LMDB, either.
	const isNamed = isPlainKey(key) && isStorable(key);
	const isKept = isKeptIfDamaged === true && key.length > 1;
	return isKept || !isNamed ? [kept] : [{ table, key }, kept];
}

/** Keeps the bytes of a damaged row. */
export function damagedChange(table: Table, key: Key, bytes: Buffer): Change {
	const place = [table, ...plainKey(key)];
	const value = Buffer.from(bytes);
	return {
		table: 'damaged',
		key: isStorable(place) ? place : [table, 'a key that is damaged'],
		value,
	};
}

/** The key with nothing but strings and numbers in it: flipped bits may make other parts. */
function plainKey(key: readonly unknown[]): Key {
	return key.map((part) => {
		if (isPlainPart(part)) return part;
		return part instanceof Uint8Array ? Buffer.from(part).toString('hex') : String(part);
	});
}

/** What a damaged row was about: the parts of its key with their names, and what it held. */
function textOf(table: Table, key: Key): string {
	const named = Object.entries(partsOf(table, key)).map(([name, part]) => `${name} ${part}`);
	const parts = named.length > 0 ? named : key;
	return `a damaged row of ${table} (${parts.join(', ')}); it held: ${tables[table].holds}`;
}

/** The parts of a key by their names; empty if it is no whole key of its table. */
function partsOf(table: Table, key: Key): Readonly<Record<string, Key[number]>> {
	const { key: shape } = tables[table];
	const names = shape.slice(1, shape.indexOf(']')).split(', ');
	if (names.length !== key.length) return {};
	return Object.fromEntries(names.map((name, at) => [name, key[at] ?? '']));
}

/** A row that was found damaged, with the bytes of its value as they were. */
export interface DamagedFound {
	readonly table: Table;
	readonly key: Key;
	/** The parts of its key by their names, such as `id`; empty if the key is damaged. */
	readonly parts: Readonly<Record<string, Key[number]>>;
	/** Which message, lane or instance it was about. */
	readonly what: string;
	/** What follows from it, and what to do. */
	readonly next: string;
	readonly bytes: Buffer;
}

/** The first rows that were found damaged since the store was made. */
export function scanDamaged(
	journal: Pick<JournalReader, 'scan'>,
	limit: number,
): readonly DamagedFound[] {
	return journal
		.scan<Buffer>('damaged', { ...rowsUnder(), limit })
		.flatMap(({ key: [name, ...key], value: row }) => {
			const table = tableNames.find((one) => one === name);
			if (!table) return [];
			const next = nextOf[table] ?? elseNext;
			const bytes = row.subarray(checksumBytes);
			return { table, key, parts: partsOf(table, key), what: textOf(table, key), next, bytes };
		});
}

/** How many rows were found damaged since the store was made: all, or those of one table. */
export function countDamaged(journal: RowCount, table?: Table): number {
	return journal.count('damaged', table === undefined ? undefined : rowsUnder(table));
}

/** Counts rows; see `Journal`. */
interface RowCount {
	count(table: Table, stretch?: Stretch): number;
}

const elseNext = 'the node goes on without it';

const nextOf: Readonly<Partial<Record<Table, string>>> = {
	outbox:
		'it is sent if the ledger has its body, else skipped and its sender told: see its outcome',
	ledger:
		'the outcome of this message is not kept: ask its receiver, or send it again under a new id',
	lanes: 'the lane was found again by its rows, and sends them as possible repetitions',
	cursors: 'what this lane brings is compared with the receipts, so that nothing runs twice',
	mailbox: 'the message is not run, and expires for its sender if that is known: send it again',
	started: 'the message counts as started once: onCrash decides whether it runs again',
	receipts: 'some messages that were accepted here are not known any more',
	timers: 'a timer does not fire: send the instance an event, or start it anew',
	steps: 'a step is forgotten: see the state of its instance',
	snapshots: 'the instance begins anew with its next event',
	asks: 'an instance waits for an outcome that it is not told: it goes on with its time limit',
	outcomes: 'an outcome was not published for an MQTT client: see reeve describe message',
};
