/**
 * The damaged rows of a store: each one that is met is noted once, its bytes are kept in the table
 * `damaged`, and it is told by its table and key, which name the message, the lane or the instance
 * that it was about.
 *
 * @module
 */
import { isPlainKey, isStorable } from './storable-key.ts';
import type { SeeDamage } from './store-table.ts';
import { tables, type Change, type Key, type Table, type TableFacts } from './schema.ts';

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
		if (typeof part === 'string' || Number.isFinite(part)) return part as string | number;
		return part instanceof Uint8Array ? Buffer.from(part).toString('hex') : String(part);
	});
}

/** What a damaged row was about: the parts of its key with their names, and what it held. */
export function textOf(table: Table, key: Key): string {
	const { key: shape, holds } = tables[table];
	const names = shape.slice(1, shape.indexOf(']')).split(', ');
	const isNamed = names.length === key.length;
	const parts = key.map((part, at) => (isNamed ? `${names[at] ?? ''} ${part}` : `${part}`));
	return `a damaged row of ${table} (${parts.join(', ')}); it held: ${holds}`;
}
