/**
 * Hashes: a text in 32 bits, the same on every machine and in every version. They distinguish and
 * spread texts cheaply; they are no protection against forgery.
 *
 * @module
 */

/** FNV-1a, in 32 bits (draft-eastlake-fnv), over UTF-16 code units. */
export function fingerprint(text: string): number {
	let hash = 0x811c9dc5;
	for (let at = 0; at < text.length; at += 1) {
		hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
	}
	return hash;
}
