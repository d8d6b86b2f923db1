/**
 * Opens a store that may be damaged. LMDB maps its file into memory and trusts what is in it: a
 * damaged file can end the whole process with a signal that cannot be caught. So:
 *
 * - Each start reads the first pages of the file, and all of them if it is small. Nothing of that
 *   can end the process; see `store-pages.ts`.
 * - A file `opening` stands beside the store while a process uses it, and counts the processes that
 *   ended without closing it. A start that finds one of a process that died while it opened the
 *   store, or of two that died later, has another process read the whole file. If that finds
 *   nothing, and two have died in a row, it has LMDB use a copy of it.
 * - A damaged store is moved aside, and a new one gets what can be read of it.
 *
 * A healthy store is never moved aside, however often its node is killed: what was read of it was
 * in order, and so was what LMDB did with its copy.
 *
 * @module
 */
import {
	closeSync,
	existsSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { withoutOwnFiles } from '../platform/child-files.ts';
import { isoNow, type Clock } from '../platform/clock.ts';
import { ReeveError } from '../platform/errors.ts';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { headDamage, pageDamage } from './store-pages.ts';
import { reserveName } from './disk-reserve.ts';
import { makePrivate, privateModes, storeFiles } from './file-permissions.ts';

/** The file that stands beside a store while a process uses it. */
const markName = 'opening';
/** The file that stands beside a store that was opened before, and says which it was. */
const signName = 'store-id';
/** The folder in which a new store gets what is saved of a damaged one. */
const savingName = 'saving';
/** The folder of a copy that is tried. */
const trialName = 'trial';
/** In the folder above: the new store is complete, and where the damaged one has been moved to. */
const savedName = 'saved';

/** What an opening needs. */
export interface OpeningParts<Store> {
	readonly folder: string;
	readonly clock: Clock;
	/** Opens the store, and creates it if there is none. */
	readonly open: () => Store;
	/**
	 * Whether the store is damaged; `deaths` processes in a row did not close it, and with
	 * `isOpening` the last one died while it opened it.
	 */
	readonly isDamaged: (folder: string, mark?: Mark) => boolean;
	/** Copies what can be read of the damaged file into a new store in `to`. */
	readonly save: (file: string, to: string) => void;
	readonly idOf: (store: Store) => string;
}

/** What the processes before this one have left: see {@link OpeningParts.isDamaged}. */
export interface Mark {
	readonly deaths: number;
	readonly isOpening: boolean;
}

/** What an opening returns. */
export interface Opened<Store> {
	readonly store: Store;
	/** Says that the start is over; until then, a process that dies has found damage. */
	readonly begun: () => void;
	/** Says that the store has been closed. */
	readonly ended: () => void;
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
	const path = join(folder, markName);
	let quarantined = finishReplacing(folder);
	const mark = readMark(path);
	if (quarantined === undefined && (isGone(folder) || isDamaged(folder, mark)))
		quarantined = replace(parts);
	// What has passed the trial begins anew: two more have to die before the next one.
	const deaths = quarantined === undefined && mark.deaths < triedAfter ? mark.deaths : 0;
	setMark(folder, { deaths: deaths + 1, isOpening: true });
	let store: Store;
	try {
		store = open();
	} catch (thrown) {
		if (!isDamage(thrown)) rmSync(path, { force: true });
		const isWorse = isDamage(thrown) && quarantined === undefined;
		if (!isWorse || !isDamaged(folder, { deaths: deaths + triedAfter, isOpening: true }))
			throw thrown;
		quarantined = replace(parts);
		store = open();
	}
	writeFileSync(join(folder, signName), `${parts.idOf(store)}\n`, { mode: privateModes.file });
	const begun = (): void => setMark(folder, { deaths: deaths + 1, isOpening: false });
	const ended = (): void => rmSync(path, { force: true });
	return { store, begun, ended, ...(quarantined === undefined ? {} : { quarantined }) };
}

/** How many processes must have died in a row for LMDB to be tried on a copy. */
const triedAfter = 2;

/** What the file says; one of an earlier version is empty, and stood until the start was over. */
function readMark(path: string): Mark {
	const text = textIn(path);
	if (text === undefined) return { deaths: 0, isOpening: false };
	const [, state, deaths] = /^(opening|running) (\d{1,6})/.exec(text) ?? [];
	return { deaths: Number(deaths ?? 1), isOpening: state !== 'running' };
}

/**
 * What is in a file; undefined if it is not there, as another process may have removed it, or
 * cannot be read: writing it says why.
 */
function textIn(path: string): string | undefined {
	try {
		return readFileSync(path, 'latin1');
	} catch {
		return undefined;
	}
}

/**
 * Moves the damaged store aside, and puts a new one in its place. What is saved is complete before
 * anything is moved: a process that is killed meanwhile leaves all for the next one.
 */
function replace<Store>(parts: OpeningParts<Store>): string {
	const { folder, save } = parts;
	const [data] = storeFiles;
	const saving = join(folder, savingName);
	rmSync(saving, { recursive: true, force: true });
	// What is kept for a full disk is needed now. It is taken again when the store is open.
	rmSync(join(folder, reserveName), { force: true });
	if (!isGone(folder)) save(join(folder, data), saving);
	flush(join(saving, data));
	const aside = asideOf(parts);
	mkdirSync(aside, { recursive: true, mode: privateModes.folder });
	writeFileSync(join(folder, savedName), aside, { mode: privateModes.file });
	finishReplacing(folder);
	return aside;
}

/** Makes a file safe from a power cut, if it is there. */
function flush(path: string): void {
	if (!existsSync(path)) return;
	const file = openSync(path, 'r+');
	try {
		fsyncSync(file);
	} finally {
		closeSync(file);
	}
}

/** Does the rest of {@link replace}, from the file on that says that all is saved. */
function finishReplacing(folder: string): string | undefined {
	const note = join(folder, savedName);
	if (!existsSync(note)) return undefined;
	const aside = join(folder, basename(readFileSync(note, 'utf8')));
	const [data] = storeFiles;
	// What is there already was moved by the process that began this.
	for (const name of [signName, ...storeFiles.toReversed()]) {
		const path = join(folder, name);
		if (existsSync(path) && !existsSync(join(aside, name))) renameSync(path, join(aside, name));
	}
	makePrivate(aside);
	const saved = join(folder, savingName, data);
	if (existsSync(saved)) renameSync(saved, join(folder, data));
	rmSync(join(folder, savingName), { recursive: true, force: true });
	rmSync(note, { force: true });
	return aside;
}

/** Whether a store was here before, and its file is empty or missing. */
function isGone(folder: string): boolean {
	if (!existsSync(join(folder, signName))) return false;
	return sizeOf(join(folder, storeFiles[0])) === 0;
}

/** The size of a file; 0 if there is none, or it cannot be looked at. */
function sizeOf(path: string): number {
	try {
		return statSync(path).size;
	} catch {
		return 0;
	}
}

/** Whether LMDB says that the file is damaged, as opposed to missing, locked or full. */
export function isDamage(thrown: unknown): boolean {
	if (!(thrown instanceof Error)) return false;
	const isIt =
		/MDB_(?:INVALID|CORRUPTED|PAGE_NOTFOUND|PANIC|BAD_TXN|BAD_VALSIZE|PROBLEM)|is no LMDB file/;
	return isIt.test(thrown.message) || isDamage(thrown.cause);
}

/** The path of a new folder for the damaged store. */
function asideOf<Store>({ folder, clock }: OpeningParts<Store>): string {
	const name = join(folder, `quarantine-${isoNow(clock).replaceAll(':', '-')}`);
	let aside = name;
	// A clock that begins anew with each start of the machine may show the same instant again.
	for (let count = 2; existsSync(aside); count += 1) aside = `${name}-${count}`;
	return aside;
}

/** Writes the mark, and creates the folder at the first start of a node. */
function setMark(folder: string, { deaths, isOpening }: Mark): void {
	try {
		mkdirSync(folder, { recursive: true, mode: privateModes.folder });
		makePrivate(folder);
		const text = `${isOpening ? 'opening' : 'running'} ${deaths}\n`;
		writeFileSync(join(folder, markName), text, { mode: privateModes.file });
	} catch (cause) {
		throw new ReeveError('storage_failed', `cannot open the journal in ${folder}`, { cause });
	}
}

/** Exit code of the reading process when it found the file damaged. */
export const damagedExitCode = 3;
/** Exit code of the reading process when there was no space for a copy. */
export const untriedExitCode = 4;

/** Signals that using a damaged file raises. Others, such as SIGKILL, come from outside. */
const fatalSignals: readonly string[] = ['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGILL', 'SIGFPE'];

/** Time limit of the reading; a store that is not read by then counts as sound. */
const probeMsMax = 600_000;

/** Time limit of the saving; what is not saved by then stays in the damaged file. */
const saveMsMax = 3_600_000;

/** A file of this size is read as a whole by each start: it takes some 100 ms. */
const smallBytes = 64 * 1024 * 1024;

/** Writes what can be read of a damaged file into a new store, in another process. */
export function saveStore(file: string, to: string, now: number): void {
	runBeside('store-salvage', [file, to, String(now)], saveMsMax);
}

/**
 * Whether the store in `folder` is damaged. Small ones are read here; for the others, and to try
 * LMDB on a copy, it starts another process. Blocks until that ends.
 */
export function isStoreDamaged(
	folder: string,
	{ deaths, isOpening }: Mark = { deaths: 1, isOpening: true },
): boolean {
	const path = join(folder, storeFiles[0]);
	const size = sizeOf(path);
	const isSmall = size <= smallBytes;
	if (size === 0) return false;
	if (isBad(path, isSmall ? pageDamage : headDamage)) return true;
	const isTried = deaths >= triedAfter;
	if (!isTried && (isSmall || !isOpening)) return false;
	const trial = isTried ? [join(folder, trialName)] : [];
	const { status, signal } = runBeside('store-probe', [folder, ...trial], probeMsMax);
	return status === damagedExitCode || (signal !== null && fatalSignals.includes(signal));
}

function isBad(path: string, faultOf: (path: string) => string | undefined): boolean {
	try {
		return faultOf(path) !== undefined;
	} catch {
		// It cannot be read at all: opening it says why.
		return false;
	}
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
