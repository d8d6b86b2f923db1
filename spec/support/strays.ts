/**
 * Room for stray errors: the runner takes every unhandled rejection as a failure of the test, and
 * so must look away from those that a test throws on purpose.
 *
 * @module
 */
import process from 'node:process';
import { catchStrays } from '../../supervisors/otp/stray-errors.ts';
import type { TestScope } from './temporary.ts';

const names = ['unhandledRejection', 'uncaughtException'] as const;
/** How many catch now; only the first must send the runner away, and only the last call it back. */
let catching = 0;
let away: readonly (readonly NodeJS.UncaughtExceptionListener[])[] = [];

/** Catches stray errors until the test is over, and returns those that belong to nobody. */
export function strayErrors(t: TestScope): readonly unknown[] {
	const publicMessage: unknown[] = [];
	if (catching === 0) {
		away = names.map((name) => process.listeners(name as 'uncaughtException'));
		for (const name of names) process.removeAllListeners(name);
	}
	catching += 1;
	const stop = catchStrays((thrown) => publicMessage.push(thrown));
	t.after(() => {
		stop();
		catching -= 1;
		if (catching > 0) return;
		for (const [index, name] of names.entries()) {
			for (const listener of away[index] ?? []) process.on(name, listener);
		}
	});
	return publicMessage;
}
