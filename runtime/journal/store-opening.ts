/**
 * Opens a store that may be damaged. LMDB maps its file into memory, and a damaged file can end the
 * whole process with a signal that cannot be caught. So a file `opening` stands beside the store
 * while it is being opened. A start that finds one has another process read the whole store; if
 * that process dies of it, the store is moved aside and a new one created.
 *
 * A process that is killed while it opens leaves the same file, and the reading then finds nothing
 * wrong: a healthy store is never moved aside, however often its node is killed.
 *
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withoutOwnFiles } from '../platform/child-files.ts';
import { isoNow, type Clock } from '../platform/clock.ts';
import { ReeveError } from '../platform/errors.ts';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { makePrivate, privateModes, storeFiles } from './file-permissions.ts';

/** The file that stands beside a store while it is being opened. */
const markName = 'opening';

/** What an opening needs. */
export interface OpeningParts<Store> {
	readonly folder: string;
	readonly clock: Clock;
	/** Opens the store, and creates it if there is none. */
	readonly open: () => Store;
	/** Whether reading the whole store in another process fails. */
	readonly isDamaged: (folder: string) => boolean;
}

/** What an opening returns. */
export interface Opened<Store> {
	readonly store: Store;
	/** Where a damaged store was moved to. */
	readonly quarantined?: string;
}

/**
 * Opens the store in `folder`. A damaged one is moved into a subfolder named with the time, and a
 * new one replaces it. (Only its files move: the folder may be the mount point of a volume, which
 * cannot be renamed.)
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
	const name = join(folder, `quarantine-${isoNow(clock).replaceAll(':', '-')}`);
	let aside = name;
	// A clock that begins anew with each start of the machine may show the same instant again.
	for (let count = 2; existsSync(aside); count += 1) aside = `${name}-${count}`;
	mkdirSync(aside, { recursive: true, mode: privateModes.folder });
	for (const name of storeFiles) {
		const path = join(folder, name);
		if (existsSync(path)) renameSync(path, join(aside, name));
	}
	return aside;
}

/** Writes the mark, and creates the folder at the first start of a node. */
function setMark(folder: string, mark: string): void {
	try {
		mkdirSync(folder, { recursive: true, mode: privateModes.folder });
		makePrivate(folder);
		writeFileSync(mark, '', { mode: privateModes.file });
	} catch (cause) {
		throw new ReeveError('storage_failed', `cannot open the journal in ${folder}`, { cause });
	}
}

/** Exit code of the reading process when LMDB itself reports the file as damaged. */
export const damagedExitCode = 3;

/** Signals that reading a damaged file raises. Others, such as SIGKILL, come from outside. */
const fatalSignals: readonly string[] = ['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGILL', 'SIGFPE'];

/** Time limit of the reading; a store that is not read by then counts as sound. */
const walkMsMax = 120_000;

/**
 * Has another process read the whole store in `folder`; true if that fails. Blocks until it ends.
 */
export function isStoreDamaged(folder: string): boolean {
	// This file is TypeScript in the repository and JavaScript in the package; so is its neighbour.
	const probe = fileURLToPath(import.meta.url).replace(/store-opening(\.[jt]s)$/, 'store-probe$1');
	const words = [...process.execArgv, probe, folder];
	const { status, signal } = withoutOwnFiles((files) =>
		spawnSync(process.execPath, words, {
			stdio: ['ignore', 'ignore', 'ignore', ...files],
			timeout: walkMsMax,
		}),
	);
	return status === damagedExitCode || (signal !== null && fatalSignals.includes(signal));
}
