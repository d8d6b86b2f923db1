/**
 * The states of a case as its file names them: the innermost ones that are active.
 *
 * @module
 */
import type { StateValue } from 'xstate';

/** The names of the innermost active states, sorted. */
export function innermostOf(value: StateValue): readonly string[] {
	return namesIn(value).toSorted();
}

function namesIn(value: StateValue): readonly string[] {
	if (typeof value === 'string') return [value];
	return Object.entries(value).flatMap(([name, inner = {}]) => {
		const isInnermost = typeof inner === 'object' && Object.keys(inner).length === 0;
		return isInnermost ? [name] : namesIn(inner);
	});
}
