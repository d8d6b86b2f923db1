/**
 * Room for stray errors: the runner takes every unhandled rejection as a failure of the test, and so
 * must look away from those that a test throws on purpose.
 *
 * @module
 */
import process from 'node:process';
import { catchStrays } from '../../supervisors/stray-errors.ts';
import type { TestLife } from './temporary.ts';

/** Catches stray errors until the test is over, and returns those that belong to nobody. */
export function strayErrors(life: TestLife): readonly unknown[] {
	const foreign: unknown[] = [];
	const names = ['unhandledRejection', 'uncaughtException'] as const;
	const others = names.map((name) => process.listeners(name as 'uncaughtException'));
	for (const name of names) process.removeAllListeners(name);
	const stop = catchStrays((thrown) => foreign.push(thrown));
	life.after(() => {
		stop();
		for (const [index, name] of names.entries()) {
			for (const listener of others[index] ?? []) process.on(name, listener);
		}
	});
	return foreign;
}
