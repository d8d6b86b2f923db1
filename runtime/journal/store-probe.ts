/**
 * A program that reads the file of the store in the folder given as its argument, and exits with
 * `damagedExitCode` if it is damaged. If a second folder is given, the store is copied into it, and
 * LMDB opens the copy, reads it and writes into it: it finds what reading pages does not, and may
 * end the process with a signal, which is why this is a process of its own. `untriedExitCode` says
 * that there was no space for the copy, or that another process uses the store.
 *
 * @module
 */
import { constants, copyFileSync, mkdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { isDamage, damagedExitCode, untriedExitCode } from './store-opening.ts';
import { privateModes, storeFiles } from './file-permissions.ts';
import { tryStore } from './lmdb-store.ts';
import { newestIn, pageDamage } from './store-pages.ts';

const [data] = storeFiles;
const [, , folder = '', trial] = process.argv;

/**
 * Copies the store, if the disk has space for it and for as much again for what else goes on, and
 * no process writes into it meanwhile: what is copied then is no store.
 */
function copyTo(copy: string): boolean {
	const path = join(folder, data);
	const { size } = statSync(path);
	const { bavail, bsize } = statfsSync(folder);
	if (bavail * bsize < size * 2) return false;
	mkdirSync(copy, { recursive: true, mode: privateModes.folder });
	const before = newestIn(path);
	copyFileSync(path, join(copy, data), constants.COPYFILE_FICLONE);
	return before === newestIn(path);
}

try {
	if (pageDamage(join(folder, data)) !== undefined) process.exitCode = damagedExitCode;
	else if (trial !== undefined) {
		if (copyTo(trial)) await tryStore(trial);
		else process.exitCode = untriedExitCode;
	}
} catch (thrown) {
	process.exitCode = isDamage(thrown) ? damagedExitCode : 1;
} finally {
	if (trial !== undefined) rmSync(trial, { recursive: true, force: true });
}
