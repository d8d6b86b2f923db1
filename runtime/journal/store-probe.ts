/**
 * A program: walks through the store in the folder that is its argument, and exits with
 * `damagedExitCode` if LMDB finds it damaged. A worse one ends it with a signal; that is what it is
 * for.
 *
 * @module
 */
import process from 'node:process';
import { isDamage, damagedExitCode } from './store-opening.ts';
import { walkStore } from './lmdb-store.ts';
import { tables } from './schema.ts';

try {
	walkStore(process.argv[2] ?? '', tables);
} catch (thrown) {
	process.exitCode = isDamage(thrown) ? damagedExitCode : 1;
}
