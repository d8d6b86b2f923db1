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
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withoutOwnFiles } from '../platform/child-files.ts';
import { isoNow, type Clock } from '../platform/clock.ts';
import { ReeveError } from '../platform/errors.ts';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { salvageParts } from './store-salvage.ts';
import { makePrivate, privateModes, storeFiles } from './file-permissions.ts';

/** The file that stands beside a store while it is being opened. */
const markName = 'opening';
/** The file that stands beside a store that was opened before, and says which it was. */
const signName = 'store-id';

/** What an opening needs. */
export interface OpeningParts<Store> {
	readonly folder: string;
	readonly clock: Clock;
	/** Opens the store, and creates it if there is none. */
	readonly open: () => Store;
	/** Whether reading the whole store in another process fails. */
	readonly isDamaged: (folder: string) => boolean;
	/** Copies what can be read of the store in `from` into a new one in `to`. */
	readonly save: (from: string, to: string) => void;
	readonly idOf: (store: Store) => string;
}

/** What an opening returns. */
export interface Opened<Store> {
	readonly store: Store;
	/** Says that the start is over; until then, a process that dies has found damage. */
	readonly begun: () => void;
	/** Where a damaged store was moved to. */
	readonly quarantined?: string;
}

/**
 * Opens the store in `folder`. A damaged one is moved into a subfolder named with the time, and a
 * new one replaces it, with what could be saved. (Only its files move: the folder may be the mount
 * point of a volume, which cannot be renamed.) A store that was here, and whose file is empty or
 * gone, is damaged.
 */
export function openGuarded<Store>(parts: OpeningParts<Store>): Opened<Store> {
	const { folder, open, isDamaged } = parts;
	const mark = join(folder, markName);
	let quarantined: string | undefined;
	const isEmpty = isGone(folder);
	if (isEmpty || (existsSync(mark) && isDamaged(folder))) quarantined = setAside(parts);
	setMark(folder, mark);
	if (quarantined !== undefined && !isEmpty) parts.save(quarantined, folder);
	let store: Store;
	try {
		store = open();
	} catch (thrown) {
		if (!isDamage(thrown) || quarantined !== undefined || !isDamaged(folder)) {
			rmSync(mark, { force: true });
			throw thrown;
		}
		quarantined = setAside(parts);
		parts.save(quarantined, folder);
		store = open();
	}
	writeFileSync(join(folder, signName), `${parts.idOf(store)}\n`, { mode: privateModes.file });
	const begun = (): void => rmSync(mark, { force: true });
	return quarantined === undefined ? { store, begun } : { store, begun, quarantined };
}

/** Whether a store was here before, and its file is empty or missing. */
function isGone(folder: string): boolean {
	if (!existsSync(join(folder, signName))) return false;
	const [data] = storeFiles;
	return (statSync(join(folder, data), { throwIfNoEntry: false })?.size ?? 0) === 0;
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
	for (const name of [...storeFiles, signName]) {
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

/** Time limit of one process that saves rows; the next one goes on behind what it was reading. */
const saveMsMax = 300_000;

/** Copies what can be read of a damaged store into a new one, in other processes. */
export function saveStore(from: string, to: string): void {
	for (let part = 0; part <= salvageParts; part += 1) {
		const { status, error } = runBeside('store-salvage', [from, to], saveMsMax);
		if (status === 0 || status === 1 || error) return;
	}
}

/**
 * Has another process read the whole store in `folder`; true if that fails. Blocks until it ends.
 */
export function isStoreDamaged(folder: string): boolean {
	const { status, signal } = runBeside('store-probe', [folder], walkMsMax);
	return status === damagedExitCode || (signal !== null && fatalSignals.includes(signal));
}

/** Runs a program of this room in a process of its own, and waits for its end. */
function runBeside(program: string, args: readonly string[], timeout: number) {
	// This file is TypeScript in the repository and JavaScript in the package; so is its neighbour.
	const own = fileURLToPath(import.meta.url);
	const path = own.replace(/store-opening(\.[jt]s)$/, `${program}$1`);
	return withoutOwnFiles((files) =>
		spawnSync(process.execPath, [...process.execArgv, path, ...args], {
			stdio: ['ignore', 'ignore', 'ignore', ...files],
			timeout,
		}),
	);
}
