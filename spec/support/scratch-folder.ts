/**
 * Puts the temporary folders of a run of all specs into memory, where the system has such a folder
 * with enough space: what a killed process has written stays in either, and a disk that is slow
 * makes specs slow, and no stricter. Specs that need a disk of their own make one.
 *
 * @module
 */
import { accessSync, constants, statfsSync } from 'node:fs';
import process from 'node:process';

const memory = '/dev/shm';
const freeBytesMin = 4 * 2 ** 30;

function hasRoom(): boolean {
	try {
		accessSync(memory, constants.W_OK);
		const { bavail, bsize } = statfsSync(memory);
		return bavail * bsize >= freeBytesMin;
	} catch {
		return false;
	}
}

if (process.env['TMPDIR'] === undefined && hasRoom()) process.env['TMPDIR'] = memory;
