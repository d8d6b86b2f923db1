/**
 * How long the event loop stands still because of the code that runs in it. Linux tells how long a
 * thread has waited for a processor: that time, in which other processes ran, is taken off the wall
 * clock, so that a busy machine makes no stop longer. What blocks the thread otherwise, such as a
 * slow disk, counts. Elsewhere it is the lesser of the wall clock and the CPU time of the process.
 *
 * @module
 */
import { closeSync, openSync, readSync } from 'node:fs';
import process from 'node:process';
import { realClock } from '../../runtime/platform/clock.ts';

/** The watch over the loop of this process. */
export interface LoopWatch {
	/** Begins a new stretch. */
	reset(): void;
	/** The longest stop of the stretch, as of now, in milliseconds. */
	longestMs(): number;
	end(): void;
}

const tickMs = 5;

/** What a thread has used and waited for, in milliseconds since its start. */
interface Meter {
	/** How much of so long a stretch was this thread's own, since the last call. */
	own(wallMs: number): number;
	end(): void;
}

/** By the waiting time that Linux tells; undefined where it tells none. */
function schedulerMeter(): Meter | undefined {
	let file: number;
	try {
		file = openSync('/proc/thread-self/schedstat', 'r');
	} catch {
		return undefined;
	}
	const buffer = Buffer.alloc(100);
	const waitedMs = (): number => {
		const length = readSync(file, buffer, 0, buffer.length, 0);
		const [, waited = '0'] = buffer.toString('latin1', 0, length).split(' ');
		return Number(waited) / 1e6;
	};
	let last = waitedMs();
	return {
		own(wallMs) {
			const now = waitedMs();
			const waited = now - last;
			last = now;
			return wallMs - waited;
		},
		end: () => closeSync(file),
	};
}

function cpuMeter(): Meter {
	const cpuMs = (): number => {
		const { user, system } = process.cpuUsage();
		return (user + system) / 1000;
	};
	let last = cpuMs();
	return {
		own(wallMs) {
			const now = cpuMs();
			const used = now - last;
			last = now;
			return Math.min(wallMs, used);
		},
		end() {
			last = 0;
		},
	};
}

/** Begins to watch. */
export function watchLoop(): LoopWatch {
	const meter = schedulerMeter() ?? cpuMeter();
	let wall = realClock.monotonic();
	let longestMs = 0;
	const look = (): void => {
		const now = realClock.monotonic();
		longestMs = Math.max(longestMs, meter.own(now - wall) - tickMs);
		wall = now;
	};
	let timer = realClock.after(tickMs, tick);
	function tick(): void {
		look();
		timer = realClock.after(tickMs, tick);
	}
	return {
		reset() {
			look();
			longestMs = 0;
		},
		longestMs() {
			look();
			return longestMs;
		},
		end() {
			timer.cancel();
			meter.end();
		},
	};
}
