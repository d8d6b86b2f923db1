/**
 * A program that reads the whole store in the folder given as its argument, and exits with
 * `damagedExitCode` if LMDB reports it as damaged. Worse damage ends it with a signal, which is why
 * it is a process of its own.
 *
 * @module
 */
import process from 'node:process';
import { isDamage, damagedExitCode } from './store-opening.ts';
import { walkStore } from './lmdb-store.ts';
import { tableNames } from './schema.ts';

try {
	walkStore(process.argv[2] ?? '', tableNames);
} catch (thrown) {
	process.exitCode = isDamage(thrown) ? damagedExitCode : 1;
}
