/**
 * Atomic files: small files that no reader may see half-written, such as keys and access rules.
 *
 * @module
 */
import {
	chmodSync,
	mkdirSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import { ReeveError, type ErrorCode, reasonOf } from '../platform/errors.ts';

/**
 * Writes a new file beside the old one and renames it, so that a crash leaves one or the other.
 * The new file has a name of its own, so that several processes may write at once: the last one
 * wins. Who changes what it has read holds a lock, see `file-lock.ts`.
 *
 * @throws ReeveError of this code
 */
export function writeAtomically(
	path: string,
	text: string,
	{ mode, code = 'file_failed' }: { readonly mode: number; readonly code?: ErrorCode },
): void {
	let beside: string | undefined;
	try {
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
		beside = writeBeside(path, text, mode);
		chmodSync(beside, mode);
		renameSync(beside, path);
	} catch (thrown) {
		if (beside !== undefined) rmSync(beside, { force: true });
		const why = reasonOf(thrown);
		throw new ReeveError(code, `${path} cannot be written: ${why}`, { cause: thrown });
	}
}

/**
 * Runs `work`, at once, so that what it creates is for its owner only: for sockets, whose mode can
 * be set only when they are there. In a worker thread the mask cannot be changed, and stays.
 */
export function withPrivateMask<Value>(work: () => Value): Value {
	if (!isMainThread) return work();
	const mask = process.umask(0o177);
	try {
		return work();
	} finally {
		process.umask(mask);
	}
}

/** How many files this process has begun: a part of their names. */
let begun = 0;
/** The folders in which this process has looked for what others left. */
const swept = new Set<string>();
/** How long a process has for a temporary file; what is older is left over from a crash. */
const temporaryMsMax = 60_000;
/** The ending of temporary files: the process, its number in there, and `.new`. */
const temporaryName = /\.\d+\.\d+\.new$/;

/**
 * Writes a temporary file beside `path`, flushed, under a name that no other process has, and
 * returns its path. The first one in a folder removes those that crashed processes left there.
 */
export function writeBeside(path: string, text: string, mode: number): string {
	for (;;) {
		begun += 1;
		const beside = `${path}.${process.pid}.${begun}.new`;
		try {
			writeFileSync(beside, text, { mode, flush: true, flag: 'wx' });
			sweep(beside);
			return beside;
		} catch (thrown) {
			// Left by an earlier process of this number, or written in another container.
			if (Reflect.get(Object(thrown), 'code') === 'EEXIST') continue;
			rmSync(beside, { force: true });
			throw thrown;
		}
	}
}

/** Once for each folder: a process leaves at most what it wrote when it crashed. */
function sweep(beside: string): void {
	const folder = dirname(beside);
	if (swept.has(folder)) return;
	swept.add(folder);
	const files = readdirSync(folder).filter((name) => temporaryName.test(name));
	for (const path of files.map((name) => join(folder, name))) {
		if (basename(path) !== basename(beside) && isOld(path, beside)) rmSync(path, { force: true });
	}
}

/**
 * Whether a file is older than the time for which one may be temporary. The file system of both
 * tells the time, so a clock that is set, or another machine's, does not matter.
 */
export function isOld(path: string, young: string): boolean {
	const at = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
	return at !== undefined && at < statSync(young).mtimeMs - temporaryMsMax;
}
