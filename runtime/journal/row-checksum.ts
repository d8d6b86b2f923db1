/**
 * The checksum of a row: a CRC-32 of its value, in front of it, that begins with a hash of its
 * table and its key. So flipped bits in a value, and a row that stands in another table or under
 * another key than it was written for, are noticed when it is read. It is no protection against
 * forgery.
 *
 * @module
 */
import { crc32 } from 'node:zlib';
import type { Key, Table } from './schema.ts';

/** How many bytes stand in front of a value. */
export const checksumBytes = 4;

/** The checksums of one table. */
export interface RowChecksum {
	/** Writes the checksum of `row` into its first bytes; the others are the value. */
	write(key: Key, row: Buffer): void;
	/** The value of a row that is as it was written; undefined if it is not. */
	soundValue(key: Key, row: Buffer): Buffer | undefined;
}

/** Creates the checksums of a table. */
export function rowChecksum(table: Table): RowChecksum {
	const start = hashOf([table], offsetBasis);
	return {
		write(key, row) {
			row.writeUInt32LE(crc32(row.subarray(checksumBytes), hashOf(key, start)), 0);
		},
		soundValue(key, row) {
			if (row.length <= checksumBytes) return undefined;
			const value = row.subarray(checksumBytes);
			return crc32(value, hashOf(key, start)) === row.readUInt32LE(0) ? value : undefined;
		},
	};
}

const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/**
 * FNV-1a over the parts of a key, with a mark between them. A damaged key may have parts that no
 * key was written with, such as bytes.
 */
function hashOf(key: readonly unknown[], start: number): number {
	let hash = start;
	for (const part of key) {
		if (typeof part === 'number' && Number.isInteger(part)) {
			hash = Math.imul(hash ^ part, prime);
			hash = Math.imul(hash ^ Math.floor(part / 2 ** 32), prime);
		} else {
			const text = String(part);
			for (let at = 0; at < text.length; at += 1) {
				hash = Math.imul(hash ^ text.charCodeAt(at), prime);
			}
		}
		hash = Math.imul(hash ^ 0x1f, prime);
	}
	return hash >>> 0;
}
