/**
 * How many lines of one kind are logged in a second. What strangers send by the thousand is told
 * once for all of it: else it would fill the disk on which the log is kept.
 *
 * @module
 */
import type { Signal, SignalType } from './signals.ts';

/** The limit that {@link limitRate} makes. */
export interface LogRate {
	/** Whether a signal gets its line; one that does not is counted. */
	mayLog(signal: Signal): boolean;
	/** Tells of what was counted in the last second, if anything was. */
	end(): void;
}

/**
 * Lets `linesMax` signals of each type pass in a second of the clock, and tells `onDropped` of the
 * others when the next signal of a later second comes.
 */
export function limitRate(
	linesMax: number,
	onDropped: (what: SignalType, lines: number) => void,
): LogRate {
	let counts = new Map<SignalType, number>();
	let second = 0;
	const end = (): void => {
		const ended = counts;
		counts = new Map();
		for (const [what, count] of ended) if (count > linesMax) onDropped(what, count - linesMax);
	};
	return {
		mayLog({ type, at }) {
			const now = Math.floor(at / 1000);
			if (now !== second) {
				second = now;
				end();
			}
			const count = (counts.get(type) ?? 0) + 1;
			counts.set(type, count);
			return count <= linesMax;
		},
		end,
	};
}
