/**
 * The ids that a machine gives: of timers, steps, asks and monitors. They are parts of keys on disk
 * and of the types of events, and an expression may yield anything.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';
import { diagnosticJson } from '../../runtime/text/diagnostic-json.ts';

/** The longest id, in UTF-16 units. */
const idMax = 400;

/** What an id is of. */
export type Identified = 'timer' | 'step' | 'ask' | 'monitor';

/**
 * What is wrong with an id; undefined if nothing is. Two values may be one text: `5` and `'5'`
 * would be the same id in an event's type, and different ones elsewhere.
 */
export function idProblem(id: unknown, of: Identified): string | undefined {
	const isText = typeof id === 'string';
	if (isText && id.length <= idMax && !id.includes('\0') && id.isWellFormed()) return undefined;
	const why = `text of at most ${idMax} letters, without NUL and halves of surrogate pairs`;
	const shown = isText ? JSON.stringify(id.slice(0, 150)) : diagnosticJson(id).slice(0, 150);
	const article = of === 'ask' ? 'an' : 'a';
	return `the id of ${article} ${of} is ${shown}: it must be ${why}`;
}

/**
 * Checks an id in the turn that gives it.
 *
 * @throws ReeveError `bad_name`
 */
export function checkId(id: unknown, of: Identified): asserts id is string {
	const problem = idProblem(id, of);
	if (problem !== undefined) throw new ReeveError('bad_name', problem);
}
