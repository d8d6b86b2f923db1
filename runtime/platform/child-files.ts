/**
 * The files of this process that its child processes must not get.
 *
 * LMDB opens the journal so that every program started from here would inherit it, writable, and so
 * would a daemon that the program leaves behind. Node.js cannot close a file in a child, but it can
 * put another one in its place: the child finds the null device at that number.
 *
 * @module
 */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import process from 'node:process';

/** What a child gets at a number: the file that is open here under this number, or nothing new. */
export type ChildFile = 'ignore' | number;

/** The first number after stdin, stdout and stderr. */
const firstFile = 3;
/** The bit of `/proc/self/fdinfo` for a file that is closed when another program is started. */
const closeOnExec = 0o2000000;

/**
 * Starts a child process by `start`, which must append what it is given to the three streams in
 * `stdio`, and start at once. The child then has none of the files of this process.
 *
 * Linux only: elsewhere it gives nothing. (On macOS and Windows, Node.js itself passes no file on.)
 */
export function withoutOwnFiles<Child>(start: (files: readonly ChildFile[]) => Child): Child {
	const numbers = inheritable();
	if (numbers.length === 0) return start([]);
	const nothing = openSync(devNull, 'r+');
	try {
		const files: ChildFile[] = Array.from<ChildFile>({
			length: Math.max(...numbers) + 1 - firstFile,
		}).fill('ignore');
		for (const number of numbers) files[number - firstFile] = nothing;
		return start(files);
	} finally {
		closeSync(nothing);
	}
}

/** The numbers of the open files that a child would inherit. */
function inheritable(): readonly number[] {
	if (process.platform !== 'linux') return [];
	return namesIn('/proc/self/fdinfo')
		.map(Number)
		.filter((number) => number >= firstFile && isInheritable(number));
}

function namesIn(folder: string): readonly string[] {
	try {
		return readdirSync(folder);
	} catch {
		// A container without /proc.
		return [];
	}
}

function isInheritable(number: number): boolean {
	try {
		const [, flags = ''] =
			/^flags:\s+([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${number}`, 'latin1')) ?? [];
		return flags !== '' && (Number.parseInt(flags, 8) & closeOnExec) === 0;
	} catch {
		// It was closed since: that of the list itself always is.
		return false;
	}
}
