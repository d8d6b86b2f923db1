/**
 * The last message ids of a lane, as fingerprints: enough to see that a number comes back with
 * another
 * message, which means that its sender works with an older copy of its store.
 *
 * @module
 */

/** How many numbers back a lane can be checked. */
const recentIdsMax = 256;
const bytesEach = 4;

/** No ids are known. */
export const noIds = new Uint8Array(0);

/** The ring with consecutive ids put in, from number `first` on; the old one is left as it was. */
export function withIds(ring: Uint8Array, first: number, ids: readonly string[]): Uint8Array {
	if (ids.length === 0) return ring;
	const last = first + ids.length - 1;
	// Once the ring has been full it stays full; before that it is only as long as its numbers.
	const places = last >= recentIdsMax ? recentIdsMax : last + 1;
	const next = new Uint8Array(Math.max(ring.byteLength, places * bytesEach));
	next.set(ring);
	const view = viewOf(next);
	for (const [index, id] of ids.entries()) view.setUint32(place(first + index), fingerprint(id));
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
	if (row.seq <= upTo - recentIdsMax || ring.byteLength < at + bytesEach) return false;
	const known = viewOf(ring).getUint32(at);
	return known !== 0 && known !== fingerprint(row.id);
}

const place = (seq: number): number => (seq % recentIdsMax) * bytesEach;

function viewOf(ring: Uint8Array): DataView {
	return new DataView(ring.buffer, ring.byteOffset, ring.byteLength);
}

/** FNV-1a, in 32 bits (draft-eastlake-fnv); never 0, which stands for an id that is not known. */
function fingerprint(id: string): number {
	let hash = 0x811c9dc5;
	for (let at = 0; at < id.length; at += 1) {
		hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193) >>> 0;
	}
	return hash || 1;
}
