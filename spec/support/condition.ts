/**
 * Conditions that a spec waits for: of files, which tell nobody that they have changed.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { pause, realClock } from '../../runtime/platform/clock.ts';

/** How often it is looked. */
const lookMs = 20;
const patienceMs = 60_000;

/** Resolves when `holds` does; rejects when it has not for a minute, with what it was about. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
	const end = realClock.monotonic() + patienceMs;
	// The clock keeps no process alive; whoever waits must.
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
