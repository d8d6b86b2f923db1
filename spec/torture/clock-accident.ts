/**
 * The clock accident: the wall clock of a node is set, by minutes or by decades, back or forth. It
 * stays so until the next one, over kills and starts of the node.
 *
 * @module
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { clockOffsetVariable } from '../../runtime/platform/offset-clock.ts';

/** The variables with which a node is started whose clock can be set. */
export function clockOf(folder: string, name: string): Readonly<Record<string, string>> {
	const file = offsetFile(folder, name);
	writeOffset(file, 0, 'wx');
	return { [clockOffsetVariable]: file };
}

const minuteMs = 60_000;
/** The power of ten that is drawn at most: about fifty years. */
const magnitudeMax = 7.4;

/** Sets the clock of a node to another time around the present, and says how many seconds off. */
export function setClock(folder: string, name: string, chance: () => number): number {
	const sign = chance() < 0.5 ? -1 : 1;
	const offsetMs = Math.round(sign * minuteMs * 10 ** (chance() * magnitudeMax));
	writeOffset(offsetFile(folder, name), offsetMs, 'w');
	return Math.round(offsetMs / 1000);
}

const offsetFile = (folder: string, name: string) => join(folder, name, 'clock-offset');

/** Writes the file as a whole; with `wx` only if there is none. */
function writeOffset(file: string, offsetMs: number, flag: 'w' | 'wx'): void {
	mkdirSync(dirname(file), { recursive: true });
	if (flag === 'w') {
		writeFileSync(`${file}.new`, String(offsetMs));
		renameSync(`${file}.new`, file);
		return;
	}
	try {
		writeFileSync(file, String(offsetMs), { flag });
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') !== 'EEXIST') throw thrown;
	}
}
