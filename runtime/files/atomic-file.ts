/**
 * Atomic files: small files that no reader may see half-written, such as keys and access rules.
 *
 * @module
 */
import {
	chmodSync,
	chownSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readlinkSync,
	realpathSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { isMainThread } from 'node:worker_threads';
import { ReeveError, type ErrorCode, reasonOf } from '../platform/errors.ts';

/** How a file is written. */
export interface WriteOptions {
	/** That of a new file; one that is replaced keeps its own. */
	readonly mode: number;
	/** The code of the error; by default `file_failed`. */
	readonly code?: ErrorCode;
	/** For files of the node alone: a link in their place is replaced, not followed. */
	readonly replacesLinks?: boolean;
}

/**
 * Writes a new file beside the old one and renames it, so that a crash leaves one or the other.
 * The new file has a name of its own, so that several processes may write at once: the last one
 * wins. Who changes what it has read holds a lock, see `file-lock.ts`.
 *
 * The file keeps its owner and mode, so that root does not take it from the user that the node runs
 * as. A link is written where it points.
 *
 * @throws ReeveError of this code, also if the owner cannot be kept
 */
export function writeAtomically(
	path: string,
	text: string,
	{ mode, code = 'file_failed', replacesLinks = false }: WriteOptions,
): void {
	let beside: string | undefined;
	try {
		const target = replacesLinks ? path : targetOf(path);
		makeFolder(dirname(target));
		const before = lstatSync(target, { throwIfNoEntry: false });
		beside = writeBeside(target, text, mode);
		// What replaces a folder or a link keeps nothing of it.
		if (before?.isFile()) keepOwner(beside, before);
		else giveTo(beside, statSync(dirname(target)));
		chmodSync(beside, before?.isFile() ? before.mode & 0o777 : mode);
		renameSync(beside, target);
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

/**
 * Removes a file, if it is there. A link is left to who has made it: without the link the file
 * would stay, and without the file the link would lead nowhere.
 *
 * @throws ReeveError `file_failed`
 */
export function removeFile(path: string): void {
	if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
		const text = `${path} is a link to ${readlinkSync(path)}: remove the two by hand`;
		throw new ReeveError('file_failed', text);
	}
	try {
		rmSync(path, { force: true });
	} catch (thrown) {
		const text = `${path} cannot be removed: ${reasonOf(thrown)}`;
		throw new ReeveError('file_failed', text, { cause: thrown });
	}
}

/** As many as Linux follows. */
const linksMax = 40;

/** Where a path leads, links followed; there may be no file yet. */
export function targetOf(path: string): string {
	let at = path;
	for (let links = 0; links <= linksMax; links += 1) {
		if (!lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) return at;
		at = resolve(realpathSync(dirname(at)), readlinkSync(at));
	}
	throw new Error(`more than ${linksMax} links, one to another`);
}

/** Creates a folder if it is missing; if root does, it is for the owner of the one above. */
export function makeFolder(path: string): void {
	const first = mkdirSync(path, { recursive: true, mode: 0o700 });
	if (first === undefined) return;
	const owner = statSync(dirname(first));
	for (let made = path; made.length >= first.length; made = dirname(made)) giveTo(made, owner);
}

/** An owner, as the system tells it. */
interface Owner {
	readonly uid: number;
	readonly gid: number;
}

function keepOwner(path: string, { uid, gid }: Owner): void {
	const now = statSync(path);
	if (now.uid === uid && now.gid === gid) return;
	try {
		chownSync(path, uid, gid);
	} catch (cause) {
		const whose = `it belongs to the user ${uid} and the group ${gid}, which would be lost`;
		throw new Error(whose, { cause });
	}
}

/** What root makes in the folder of another user is for that user. */
function giveTo(path: string, owner: Owner): void {
	if (process.getuid?.() === 0 && owner.uid !== 0) keepOwner(path, owner);
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
