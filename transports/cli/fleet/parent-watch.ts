/**
 * Watches the parent process: a process that was started by `reeve dev` or `reeve demo` stops when
 * its parent is gone, however that ended. The parent holds the other end of its standard input, and
 * never writes to it.
 *
 * @module
 */
import process from 'node:process';
import type { OptionDefinition } from '../arguments/command.ts';

/** The option with which a parent starts a process that watches it. */
export const parentOption: OptionDefinition = {
	flags: '--stop-with-parent',
	help: 'Stop when standard input ends',
	hidden: true,
};

/** Resolves when the parent is gone; never if there is none to watch. */
export function parentGone(isWatched: boolean): Promise<string> {
	return new Promise((resolve) => {
		if (!isWatched) return;
		const gone = (): void => resolve('the parent process is gone');
		process.stdin.on('end', gone);
		process.stdin.on('close', gone);
		process.stdin.on('error', gone);
		process.stdin.resume();
	});
}
