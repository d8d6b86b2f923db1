/**
 * Which keys LMDB can hold, and which ones rows are written with.
 *
 * @module
 */
import type { Bound, Key } from './schema.ts';

/** LMDB keys have 1978 bytes at most; the rest is for the separators of parts. */
const keyBytesMax = 1900;

/** Whether LMDB can hold the key. Most keys are short: count bytes only for long ones. */
export function isStorable(key: Bound): boolean {
	let most = 0;
	for (const part of key) if (isAmbiguous(part)) return false;
	for (const part of key) most += typeof part === 'number' ? 9 : part.length * 3;
	if (most <= keyBytesMax) return true;
	let exact = 0;
	for (const part of key) exact += typeof part === 'number' ? 9 : Buffer.byteLength(part);
	return exact <= keyBytesMax;
}

/** The key format escapes no NUL in a long text, and would read it as the end of the part. */
function isAmbiguous(part: Bound[number]): boolean {
	return typeof part === 'string' && part.length >= longText && part.includes('\0');
}

/** From this length on, the key format writes texts in another way. */
const longText = 64;

/** Whether a key has the parts that rows are written with; flipped bits may make others. */
export function isPlainKey(key: readonly unknown[]): key is Key {
	return key.every(isPlainPart);
}

/** Whether rows are written with such a part of a key; an infinite number is one. */
export function isPlainPart(part: unknown): part is Key[number] {
	return typeof part === 'string' || (typeof part === 'number' && !Number.isNaN(part));
}
