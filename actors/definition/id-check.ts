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

/** What no such id may begin with: the runtime gives such ids itself. */
const reserved: Readonly<Record<Identified, readonly string[]>> = {
	timer: ['timeout.', 'xstate.', '~'],
	step: ['~'],
	ask: ['monitor:'],
	monitor: [],
};

/**
 * What is wrong with an id; undefined if nothing is. Two values may be one text: `5` and `'5'`
 * would be the same id in an event's type, and different ones elsewhere.
 */
export function idProblem(id: unknown, of: Identified): string | undefined {
	const isText = typeof id === 'string';
	const taken = isText ? reserved[of].find((start) => id.startsWith(start)) : undefined;
	const isFine = isText && id.length <= idMax && !id.includes('\0') && id.isWellFormed();
	if (isFine && taken === undefined) return undefined;
	if (isFine) return `the id of ${articleOf(of)} ${of} begins with ${taken}, which is reserved`;
	const why = `text of at most ${idMax} letters, without NUL and halves of surrogate pairs`;
	const shown = isText ? JSON.stringify(id.slice(0, 150)) : diagnosticJson(id).slice(0, 150);
	return `the id of ${articleOf(of)} ${of} is ${shown}: it must be ${why}`;
}

function articleOf(of: Identified): string {
	return of === 'ask' ? 'an' : 'a';
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
