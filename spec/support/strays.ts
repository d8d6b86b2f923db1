/**
 * Catches stray errors. The runner takes every unhandled rejection for a failure of the test, so
 * its listeners are removed while a test throws some on purpose.
 *
 * @module
 */
import process from 'node:process';
import { catchStrays } from '../../supervisors/otp/stray-errors.ts';
import type { TestScope } from './temporary.ts';

const names = ['unhandledRejection', 'uncaughtException'] as const;
/** How many catch now: the first removes the runner's listeners, the last restores them. */
let catching = 0;
let away: readonly (readonly NodeJS.UncaughtExceptionListener[])[] = [];

/** Catches stray errors until the test is over, and returns those that belong to no actor. */
export function strayErrors(t: TestScope): readonly unknown[] {
	const strays: unknown[] = [];
	if (catching === 0) {
		away = names.map((name) => process.listeners(name as 'uncaughtException'));
		for (const name of names) process.removeAllListeners(name);
	}
	catching += 1;
	const stop = catchStrays((thrown) => strays.push(thrown));
	t.after(() => {
		stop();
		catching -= 1;
		if (catching > 0) return;
		for (const [index, name] of names.entries()) {
			for (const listener of away[index] ?? []) process.on(name, listener);
		}
	});
	return strays;
}
