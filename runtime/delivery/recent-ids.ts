/**
 * The last message ids of a lane, as fingerprints: enough to see that a number comes back with
 * another message, which means that its sender works with an older copy of its store.
 *
 * @module
 */
import { fingerprint } from '../platform/hash.ts';

/**
 * How many numbers back a lane can be checked. A sender that works with an older copy begins with a
 * single message and does not go on before it has compared the id of the last one that is accepted
 * here with its own, so this is not what alone keeps its messages; and every acknowledged frame
 * writes the ring anew.
 */
const recentIdsMax = 16;
const bytesEach = 4;
const ringBytes = recentIdsMax * bytesEach;

/** No ids are known. */
export const noIds = new Uint8Array(0);

/** The ring with consecutive ids put in, from number `first` on; the old one is left as it was. */
export function withIds(ring: Uint8Array, first: number, ids: readonly string[]): Uint8Array {
	if (ids.length === 0) return ring;
	const known = knownOf(ring);
	const last = first + ids.length - 1;
	// Once the ring has been full it stays full; before that it is only as long as its numbers.
	const places = last >= recentIdsMax ? recentIdsMax : last + 1;
	const next = new Uint8Array(Math.max(known.byteLength, places * bytesEach));
	next.set(known);
	// More than the ring has places would only be written over.
	for (let index = Math.max(0, ids.length - recentIdsMax); index < ids.length; index += 1) {
		write(next, place(first + index), printOf(ids[index] ?? ''));
	}
	return next;
}

/**
 * Whether `seq`, which is not above `upTo`, is known to have been another message. What is too long
 * ago
 * is not known. Two ids share a fingerprint once in four thousand million times.
 */
export function isOtherId(
	ring: Uint8Array,
	upTo: number,
	row: { seq: number; id: string },
): boolean {
	const at = place(row.seq);
	const ids = knownOf(ring);
	if (row.seq <= upTo - recentIdsMax || ids.byteLength < at + bytesEach) return false;
	const known = read(ids, at);
	return known !== 0 && known !== printOf(row.id);
}

/** Never 0, which stands for an id that is not known. */
const printOf = (id: string): number => fingerprint(id) || 1;

const place = (seq: number): number => (seq % recentIdsMax) * bytesEach;

/** A longer ring was written by an earlier version, with other places. */
const knownOf = (ring: Uint8Array): Uint8Array => (ring.byteLength > ringBytes ? noIds : ring);

// Byte by byte: a view of a ring costs more than what is read through it.
function write(ring: Uint8Array, at: number, print: number): void {
	for (let byte = 0; byte < bytesEach; byte += 1) ring[at + byte] = print >>> (24 - 8 * byte);
}

function read(ring: Uint8Array, at: number): number {
	let print = 0;
	for (let byte = 0; byte < bytesEach; byte += 1) print = print * 256 + (ring[at + byte] ?? 0);
	return print;
}
