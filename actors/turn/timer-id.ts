/**
 * The ids of timers, which are part of their keys on disk.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import { diagnosticJson } from '../../runtime/text/diagnostic-json.ts';

/** The longest id of a timer. */
const timerIdMax = 400;

/**
 * Checks the id of a timer, for which an expression may yield anything.
 *
 * @throws ReeveError `bad_name`
 */
export function checkTimerId(id: unknown): asserts id is string {
	const isText = typeof id === 'string';
	if (isText && id.length <= timerIdMax && !id.includes('\0') && id.isWellFormed()) return;
	const why = `text of at most ${timerIdMax} letters, without NUL and halves of surrogate pairs`;
	const shown = isText ? JSON.stringify(id.slice(0, 150)) : diagnosticJson(id).slice(0, 150);
	throw new ReeveError('bad_name', `the id of a timer is ${shown}: it must be ${why}`);
}
