/**
 * Locks of small files that several processes change: who reads a file, changes what it read and
 * writes it again holds the lock for this while, so that no change of another process is lost.
 *
 * @module
 */
import { constants, copyFileSync, linkSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { ReeveError, reasonOf, type ErrorCode } from '../platform/errors.ts';
import { isOld, makeFolder, targetOf, writeBeside } from './atomic-file.ts';

/** How a lock is waited for. */
export interface LockOptions {
	/** The code of the error if the lock cannot be had. */
	readonly code?: ErrorCode;
	/** Lets time pass; for specs. */
	readonly sleep?: (ms: number) => void;
}

const pauseMs = 10;
/** Two seconds in all: a change takes some milliseconds, and a node does nothing else meanwhile. */
const triesMax = 200;

/**
 * Runs `work` while no other process holds the lock of this file, which is `<path>.lock`. It is
 * broken if its owner has died, or after a minute; a lock of another host or container only then.
 *
 * The work must be short, and must not take the same lock again.
 *
 * @throws ReeveError of this code if the lock is held too long, or the folder cannot be written
 */
export function withFileLock<Value>(
	path: string,
	work: () => Value,
	options: LockOptions = {},
): Value {
	const lock = `${namedBy(path, options)}.lock`;
	const claim = claimOf(lock, options);
	try {
		acquire(lock, claim, options);
		try {
			return work();
		} finally {
			if (ownerOf(lock) === claim.owner) rmSync(lock, { force: true });
		}
	} finally {
		rmSync(claim.path, { force: true });
	}
}

/** The file itself: it has one lock, whatever links lead to it. */
function namedBy(path: string, { code = 'file_failed' }: LockOptions): string {
	try {
		return targetOf(path);
	} catch (thrown) {
		throw new ReeveError(code, `${path}: ${reasonOf(thrown)}`, { cause: thrown });
	}
}

/** A file that becomes the lock when it is linked to its name, and the owner that it names. */
interface Claim {
	readonly path: string;
	readonly owner: string;
}

let claims = 0;

function claimOf(lock: string, { code = 'file_failed' }: LockOptions): Claim {
	claims += 1;
	const owner = `${process.pid} ${place()} ${claims}`;
	try {
		makeFolder(dirname(lock));
		return { path: writeBeside(lock, owner, 0o600), owner };
	} catch (thrown) {
		throw new ReeveError(code, `${lock}: ${reasonOf(thrown)}`, { cause: thrown });
	}
}

function acquire(lock: string, claim: Claim, options: LockOptions): void {
	const { code = 'file_failed', sleep = sleepFor } = options;
	for (let left = triesMax; left > 0; left -= 1) {
		try {
			if (linked(claim.path, lock)) return;
			breakStale(lock, claim.path);
		} catch (thrown) {
			throw new ReeveError(code, `${lock}: ${reasonOf(thrown)}`, { cause: thrown });
		}
		sleep(pauseMs);
	}
	const [pid = ''] = (ownerOf(lock) ?? '').split(' ');
	const who = pid === '' ? 'another process' : `the process ${pid}`;
	throw new ReeveError(code, `${who} holds ${lock}; nothing was changed, try again`);
}

/** Links a file to a name that must be free; false if it is not. */
function linked(file: string, name: string): boolean {
	try {
		linkOrCopy(file, name);
		return true;
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'EEXIST') return false;
		throw thrown;
	}
}

function linkOrCopy(file: string, name: string): void {
	try {
		linkSync(file, name);
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'EEXIST') throw thrown;
		// Some file systems know no links, such as those of memory cards. The copy is empty for a
		// moment, and its owner is then not known to be dead.
		copyFileSync(file, name, constants.COPYFILE_EXCL);
	}
}

/**
 * Removes a lock whose owner has ended, or that is old. Of several processes that find it, one may
 * do so at a time, and looks again first: else the last would remove the new lock of the first.
 */
function breakStale(lock: string, claim: string): void {
	if (!isStale(lock, claim)) return;
	const guard = `${lock}.breaking`;
	if (!linked(claim, guard)) {
		if (isOld(guard, claim)) rmSync(guard, { force: true });
		return;
	}
	try {
		if (isStale(lock, claim)) rmSync(lock, { force: true });
	} finally {
		rmSync(guard, { force: true });
	}
}

function isStale(lock: string, claim: string): boolean {
	const owner = ownerOf(lock);
	if (owner === undefined) return false;
	const [pid = '', at] = owner.split(' ');
	return (at === place() && !isAlive(Number(pid))) || isOld(lock, claim);
}

function ownerOf(lock: string): string | undefined {
	try {
		return readFileSync(lock, 'utf8');
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return undefined;
		throw thrown;
	}
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (thrown) {
		// It belongs to another user.
		return Reflect.get(Object(thrown), 'code') === 'EPERM';
	}
}

let ownPlace: string | undefined;

/** Where the number of a process means something: this host, and on it this container. */
function place(): string {
	ownPlace ??= `${hostname()}/${container()}`;
	return ownPlace;
}

function container(): string {
	try {
		return readlinkSync('/proc/self/ns/pid');
	} catch {
		// Not Linux.
		return '';
	}
}

function sleepFor(ms: number): void {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
