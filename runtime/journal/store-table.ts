/**
 * A table of the store: rows with checksums, which are verified whenever a row is read. A damaged
 * row is reported and left out; those of some tables keep their place, because what reads them
 * must know that something is missing there.
 *
 * @module
 */
import { isPlainKey } from './storable-key.ts';
import { checksumBytes, rowChecksum } from './row-checksum.ts';
import {
	DamagedRow,
	tables,
	type Key,
	type Packed,
	type Table,
	type TableFacts,
} from './schema.ts';

/** Told of each damaged row that is met, as often as it is met. */
export type SeeDamage = (table: Table, key: Key, bytes: Buffer) => void;

/** How values become bytes: MessagePack, with `reserve` bytes in front for the checksum. */
export interface RowCodec {
	pack(value: unknown, reserve: number): Buffer;
	/** @throws if the bytes are no value */
	unpack(bytes: Buffer): unknown;
}

/** A stretch of keys in the options of LMDB, by which the table below is read. */
export interface RawRange {
	readonly limit?: number;
}

/** The table below, which has keys and bytes. */
export interface RawTable<Range extends RawRange> {
	get(key: StoreKey): Buffer | undefined;
	putSync(key: StoreKey, bytes: Buffer): unknown;
	removeSync(key: StoreKey): unknown;
	getRange(range: Range): Iterable<{ key: string | number | StoreKey; value: Buffer }>;
	getKeys(range: Range): Iterable<string | number | StoreKey>;
	getKeysCount(range: Range): number;
	getStats(): object;
	resetReadTxn(): void;
}

/** A key as LMDB takes it. LMDB does not change it, so it is passed without a copy. */
export type StoreKey = (string | number)[];

/** A table whose rows have checksums. */
export interface StoreTable<Range extends RawRange = RawRange> {
	get(key: Key): unknown;
	putSync(key: Key, value: unknown): void;
	/** A value that is MessagePack already. */
	putPackedSync(key: Key, packed: Packed): void;
	removeSync(key: Key): void;
	rows(range: Range): { key: Key; value: unknown }[];
	keys(range: Range): Key[];
	countOf(range: Range): number;
	stats(): object;
	/** Makes later reads see the last commit. */
	refresh(): void;
}

/** Gives the rows of a table checksums. */
export function createStoreTable<Range extends RawRange>(parts: {
	readonly name: Table;
	readonly raw: RawTable<Range>;
	readonly codec: RowCodec;
	readonly seeDamage: SeeDamage;
}): StoreTable<Range> {
	const { name, raw, codec, seeDamage } = parts;
	const { isKeptIfDamaged }: TableFacts = tables[name];
	const checksum = rowChecksum(name);

	const read = (key: Key, bytes: Buffer): unknown => {
		const value = checksum.soundValue(key, bytes);
		if (value) return codec.unpack(value);
		seeDamage(name, key, bytes);
		const isKept = isKeptIfDamaged && isPlainKey(key) && key.length > 1;
		return isKept ? new DamagedRow(guessOf(codec, bytes)) : undefined;
	};
	const write = (key: Key, row: Buffer): void => {
		checksum.write(key, row);
		raw.putSync(key as StoreKey, row);
	};
	return {
		get(key) {
			const bytes = raw.get(key as StoreKey);
			return bytes && read(key, bytes);
		},
		putSync: (key, value) => write(key, codec.pack(value, checksumBytes)),
		putPackedSync(key, packed) {
			const bytes = packed.reduce((sum, piece) => sum + piece.byteLength, checksumBytes);
			const row = Buffer.allocUnsafe(bytes);
			let at = checksumBytes;
			for (const piece of packed) {
				row.set(piece, at);
				at += piece.byteLength;
			}
			write(key, row);
		},
		removeSync: (key) => void raw.removeSync(key as StoreKey),
		rows(range) {
			const found: { key: Key; value: unknown }[] = [];
			const { limit = Infinity, ...all } = range;
			// The rows that are left out do not count: a short page would look like the last one.
			for (const { key: bare, value: bytes } of raw.getRange(all as Range)) {
				const key = listOf(bare);
				const value = read(key, bytes);
				if (value !== undefined) found.push({ key, value });
				if (found.length >= limit) break;
			}
			return found;
		},
		keys: (range) => Array.from(raw.getKeys(range), listOf).filter(isPlainKey),
		countOf: (range) => raw.getKeysCount(range),
		stats: () => raw.getStats(),
		refresh: () => raw.resetReadTxn(),
	};
}

/** LMDB returns a key of one part without its list. */
export function listOf(key: string | number | Key): Key {
	return typeof key === 'object' ? key : [key];
}

function guessOf(codec: RowCodec, bytes: Buffer): unknown {
	try {
		return codec.unpack(bytes.subarray(checksumBytes));
	} catch {
		return undefined;
	}
}
