/**
 * The working directory of this process, which may have been removed while it runs.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { ReeveError, reasonOf } from './errors.ts';

/**
 * Checks that the working directory is there. A program that is started in one that was removed
 * finds no files, and some say so neither by their output nor by their exit code.
 *
 * @throws ReeveError `folder_gone`
 */
export function checkWorkingFolder(): void {
	let why: string;
	try {
		// A removed directory lives on, without a name, while processes are in it.
		if (statSync('.').nlink > 0) return;
		why = 'it was removed';
	} catch (thrown) {
		why = reasonOf(thrown);
	}
	throw new ReeveError('folder_gone', why);
}
