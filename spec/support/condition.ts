/**
 * Conditions that a spec waits for by polling, such as those of files.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { pause, realClock } from '../../runtime/platform/clock.ts';

/** How often the condition is checked. */
const lookMs = 20;
const patienceMs = 60_000;

/** Resolves when `holds` does; rejects with `what` if it has not within a minute. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
	const end = realClock.monotonic() + patienceMs;
	// Timers of the clock do not keep the process alive, so this port does.
	const { port1: vigil } = new MessageChannel();
	vigil.ref();
	try {
		while (!(await holds())) {
			if (realClock.monotonic() > end) throw new Error(`never: ${what}`);
			await pause(realClock, lookMs);
		}
	} finally {
		vigil.close();
	}
}

/** The text of a file; empty while there is none. */
export function textIn(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}

/** The bytes of a file; 0 while there is none. */
export function sizeOf(path: string): number {
	return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
