/**
 * An offset clock, for tests only: the machine's clock, with a wall clock that a file moves. The
 * variable `REEVE_CLOCK_OFFSET_FILE` names that file, which holds a number of milliseconds and may
 * change while the node runs. So one node of a machine can live in 1970, and another in 2037.
 *
 * Without the variable, a node has the machine's own clock. `reeve doctor` warns of an offset.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { realClock, type Clock } from './clock.ts';
import { ReeveError } from './errors.ts';

/** The variable that names the file. */
export const clockOffsetVariable = 'REEVE_CLOCK_OFFSET_FILE';

/** How soon a change of the file is noticed. */
const lookMs = 100;
/** The largest offset: a hundred years. */
const offsetMsMax = 100 * 366 * 86_400_000;

/**
 * The clock of a node: that of the machine, or one with an offset if the environment names a file.
 *
 * @throws ReeveError `bad_config` if that file cannot be read, or does not hold a number
 */
export function clockFor(
	environment: Readonly<Record<string, string | undefined>>,
	machine: Clock = realClock,
): Clock {
	const path = environment[clockOffsetVariable];
	if (!path) return machine;
	let offsetMs = readOffset(path);
	if (offsetMs === undefined) {
		const what = `no file with a number of milliseconds, at most a hundred years: ${path}`;
		throw new ReeveError('bad_config', `${clockOffsetVariable}: ${what}`);
	}
	let readAt = machine.monotonic();
	const offset = (): number => {
		if (machine.monotonic() - readAt >= lookMs) {
			readAt = machine.monotonic();
			// A file that is just being written: the last offset holds.
			offsetMs = readOffset(path) ?? offsetMs;
		}
		return offsetMs ?? 0;
	};
	return { ...machine, now: () => machine.now() + offset(), offsetMs: offset };
}

function readOffset(path: string): number | undefined {
	try {
		const text = readFileSync(path, 'utf8').trim();
		const ms = Number(text);
		return text !== '' && Number.isInteger(ms) && Math.abs(ms) <= offsetMsMax ? ms : undefined;
	} catch {
		return undefined;
	}
}
