/**
 * The checksum of a row: a CRC-32 of its value, in front of it, that begins with a hash of its key.
 * So flipped bits in a value, and a row that stands under another key than it was written for, are
 * noticed when it is read. It is no protection against forgery.
 *
 * @module
 */
import { crc32 } from 'node:zlib';
import type { Key } from './schema.ts';

/** How many bytes stand in front of a value. */
export const checksumBytes = 4;

/** Writes the checksum of `row` into its first bytes; the others are the value. */
export function writeChecksum(key: Key, row: Buffer): void {
	row.writeUInt32LE(crc32(row.subarray(checksumBytes), hashOf(key)), 0);
}

/** Whether a row is as it was written. */
export function isSound(key: Key, row: Buffer): boolean {
	if (row.length <= checksumBytes) return false;
	return crc32(row.subarray(checksumBytes), hashOf(key)) === row.readUInt32LE(0);
}

const prime = 0x01000193;

/** FNV-1a over the parts of a key, with a mark between them. */
function hashOf(key: Key): number {
	let hash = 0x811c9dc5;
	for (const part of key) {
		if (typeof part === 'number') {
			hash = Math.imul(hash ^ Math.trunc(part), prime);
			hash = Math.imul(hash ^ Math.floor(part / 2 ** 32), prime);
		} else {
			for (let at = 0; at < part.length; at += 1) {
				hash = Math.imul(hash ^ part.charCodeAt(at), prime);
			}
		}
		hash = Math.imul(hash ^ 0x1f, prime);
	}
	return hash >>> 0;
}
