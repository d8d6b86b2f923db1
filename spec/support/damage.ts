/**
 * Damage to the file of a store, as a failing disk does it.
 *
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Flips one bit in every copy of `text` in the store of a stopped node; there must be one. */
export function flipIn(folder: string, text: string): void {
	const path = join(folder, 'data.mdb');
	const bytes = readFileSync(path);
	let found = 0;
	for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
		bytes[at] = (bytes[at] ?? 0) ^ 1;
		found += 1;
	}
	if (found === 0) throw new Error(`${text} is not in ${path}`);
	writeFileSync(path, bytes);
}
