/**
 * The opening of a store that may be damaged. LMDB maps its file into memory, and a damaged one can
 * take the whole process down with a signal that no code of ours sees. So a file `opening` stands
 * beside the store while it is being opened. Whoever finds one has the store walked through by a
 * process that may die of it, and if it does, moves the store aside and begins a new one.
 *
 * A process that is merely killed while it opens leaves the same file, and the walk then finds
 * nothing wrong: a healthy store is never moved aside, however often its node is killed.
 *
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isoNow, type Clock } from '../platform/clock.ts';
import { ReeveError } from '../platform/errors.ts';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import process from 'node:process';

/** The files of a store, and their name while it is being opened. */
const storeFiles = ['data.mdb', 'lock.mdb'] as const;
const markName = 'opening';

/** What an opening works with. */
export interface OpeningParts<Store> {
	readonly folder: string;
	readonly clock: Clock;
	/** Opens the store, and makes it if there is none. */
	readonly open: () => Store;
	/** Whether reading the whole store in another process fails. */
	readonly isDamaged: (folder: string) => boolean;
}

/** What came of it. */
export interface Opened<Store> {
	readonly store: Store;
	/** Where a damaged store was moved to. */
	readonly quarantined?: string;
}

/**
 * Opens the store in `folder`. A damaged one is moved into a folder beside it, named with the time,
 * and a new one takes its place. (Only its files move: the folder may be the mount point of a
 * volume, which cannot be renamed.)
 */
export function openGuarded<Store>(parts: OpeningParts<Store>): Opened<Store> {
	const { folder, open, isDamaged } = parts;
	const mark = join(folder, markName);
	let quarantined: string | undefined;
	if (existsSync(mark) && isDamaged(folder)) quarantined = setAside(parts);
	setMark(folder, mark);
	let store: Store;
	try {
		store = open();
	} catch (thrown) {
		if (!isDamage(thrown) || quarantined !== undefined || !isDamaged(folder)) {
			rmSync(mark, { force: true });
			throw thrown;
		}
		quarantined = setAside(parts);
		store = open();
	}
	rmSync(mark, { force: true });
	return quarantined === undefined ? { store } : { store, quarantined };
}

/** Whether LMDB says that the file is damaged, as opposed to missing, locked or full. */
export function isDamage(thrown: unknown): boolean {
	if (!(thrown instanceof Error)) return false;
	const isIt = /MDB_(?:INVALID|CORRUPTED|PAGE_NOTFOUND|PANIC)|is no LMDB file/;
	return isIt.test(thrown.message) || isDamage(thrown.cause);
}

/** Moves the files of the store into a new folder, and returns its path. */
function setAside<Store>({ folder, clock }: OpeningParts<Store>): string {
	const aside = join(folder, `quarantine-${isoNow(clock).replaceAll(':', '-')}`);
	mkdirSync(aside, { recursive: true });
	for (const name of storeFiles) {
		const path = join(folder, name);
		if (existsSync(path)) renameSync(path, join(aside, name));
	}
	return aside;
}

/** The first start of a node finds no folder yet. */
function setMark(folder: string, mark: string): void {
	try {
		mkdirSync(folder, { recursive: true });
		writeFileSync(mark, '');
	} catch (cause) {
		throw new ReeveError('storage_failed', `cannot open the journal in ${folder}`, { cause });
	}
}

/** What the walk exits with when LMDB itself says that the file is damaged. */
export const damagedExitCode = 3;

/** How a process ends that reads what is not there. Others, such as SIGKILL, come from outside. */
const fatalSignals: readonly string[] = ['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGILL', 'SIGFPE'];

/** A store that is not walked through by then is at least not one that kills its reader at once. */
const walkMsMax = 120_000;

/**
 * Has the whole store in `folder` read by another process; true if that fails. Blocks until then.
 */
export function isStoreDamaged(folder: string): boolean {
	// This file is TypeScript in the repository and JavaScript in the package; so is its neighbour.
	const probe = fileURLToPath(import.meta.url).replace(/store-opening(\.[jt]s)$/, 'store-probe$1');
	const { status, signal } = spawnSync(process.execPath, [...process.execArgv, probe, folder], {
		stdio: 'ignore',
		timeout: walkMsMax,
	});
	return status === damagedExitCode || (signal !== null && fatalSignals.includes(signal));
}
