/**
 * The memory of a process that belongs to no file.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

/**
 * Resident bytes of this process without the pages of files that are mapped into it: those of the
 * program, and those of the journal, which the kernel takes back whenever it wants to.
 */
export function ownBytes(): number {
	const line = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
	return Number(line?.[1] ?? 0) * 1024;
}
