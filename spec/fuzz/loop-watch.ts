/**
 * How long the event loop stands still. A stop is told in two ways: by the wall clock, and by the
 * CPU time that the process has used meanwhile. On a busy machine the wall clock also counts the
 * time in which other processes ran, which no code here can help; the lesser of the two is what the
 * code itself has cost.
 *
 * @module
 */
import process from 'node:process';
import { realClock } from '../../runtime/platform/clock.ts';

/** The longest stops, in milliseconds. */
export interface Stop {
	readonly wallMs: number;
	/** The lesser of wall clock and CPU time. */
	readonly workMs: number;
}

/** The watch over the loop of this process. */
export interface LoopWatch {
	/** Begins a new stretch. */
	reset(): void;
	/** The longest stop of the stretch, as of now. */
	longest(): Stop;
	end(): void;
}

const tickMs = 5;
const cpuMs = (): number => {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1000;
};

/** Begins to watch. */
export function watchLoop(): LoopWatch {
	let wall = realClock.monotonic();
	let cpu = cpuMs();
	let longest: Stop = { wallMs: 0, workMs: 0 };
	const look = (): void => {
		const [wallNow, cpuNow] = [realClock.monotonic(), cpuMs()];
		const wallMs = wallNow - wall - tickMs;
		const workMs = Math.min(wallMs, cpuNow - cpu);
		longest = {
			wallMs: Math.max(wallMs, longest.wallMs),
			workMs: Math.max(workMs, longest.workMs),
		};
		[wall, cpu] = [wallNow, cpuNow];
	};
	let timer = realClock.after(tickMs, tick);
	function tick(): void {
		look();
		timer = realClock.after(tickMs, tick);
	}
	return {
		reset() {
			[wall, cpu] = [realClock.monotonic(), cpuMs()];
			longest = { wallMs: 0, workMs: 0 };
		},
		longest() {
			look();
			return longest;
		},
		end: () => timer.cancel(),
	};
}
