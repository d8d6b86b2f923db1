/**
 * The watchdog: a thread that notices when the event loop of this process stands still, because
 * some code does not end. It tells what runs, and ends the process with SIGKILL: the next start
 * finds out which message it was, as after every crash.
 *
 * It counts seconds in which the loop did nothing, each by itself. So a process that was stopped,
 * or a machine that slept, did not stand still.
 *
 * @module
 */
import { readFileSync, rmSync } from 'node:fs';
import inspector from 'node:inspector';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from './clock.ts';
import { loaderOf } from './thread-loader.ts';
import type { Watching } from './watchdog-thread.ts';

/** What a watchdog is told. */
export interface WatchdogOptions {
	/** Seconds for which the loop may stand still. */
	readonly after: number;
	/** The file in which it leaves what ran, for the next start. */
	readonly recordPath: string;
	readonly clock: Clock;
}

/** How the loop of an earlier process stood still. */
export interface Stall {
	readonly seconds: number;
	/** The functions that ran, the innermost first. */
	readonly stack: string;
}

/** How often the loop shows that it moves. */
const beatMs = 250;

const threadFile = new URL(`./watchdog-thread${extname(import.meta.url)}`, import.meta.url);

/**
 * Starts the watchdog of this process; the result ends it. It does not start beside a debugger, in
 * which a process may stand still.
 */
export function startWatchdog({ after, recordPath, clock }: WatchdogOptions): () => void {
	if (after === 0 || inspector.url() !== undefined) return () => {};
	const shared = new SharedArrayBuffer(8);
	const beats = new Int32Array(shared);
	const workerData: Watching = { shared, after, recordPath };
	const thread = new Worker(threadFile, {
		name: 'watchdog',
		workerData,
		// It holds one stack of functions and nothing else.
		resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
		...loaderOf(threadFile.pathname),
	});
	thread.unref();
	let next: Timer;
	const beat = (): void => {
		Atomics.add(beats, 0, 1);
		next = clock.after(beatMs, beat);
	};
	beat();
	const end = (): void => {
		next.cancel();
		void thread.terminate();
	};
	// Without the thread the node works as well.
	thread.on('error', end);
	return end;
}

/** What the watchdog of an earlier process has left, once; undefined if it was not needed. */
export function takeStall(recordPath: string): Stall | undefined {
	try {
		const found = JSON.parse(readFileSync(recordPath, 'utf8')) as Partial<Stall>;
		rmSync(recordPath);
		return { seconds: Number(found.seconds), stack: String(found.stack) };
	} catch {
		// There is none, or it was not written to its end.
		return undefined;
	}
}
