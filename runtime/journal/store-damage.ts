/**
 * Whether a store is damaged: asked of a process that may die of the answer.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

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
	const probe = fileURLToPath(import.meta.url).replace(/store-damage(\.[jt]s)$/, 'store-probe$1');
	const { status, signal } = spawnSync(process.execPath, [...process.execArgv, probe, folder], {
		stdio: 'ignore',
		timeout: walkMsMax,
	});
	return status === damagedExitCode || (signal !== null && fatalSignals.includes(signal));
}
