/**
 * The targets of transitions in a sheet: which state a name means where it stands.
 *
 * @module
 */
import type { Sheet, StateSheet } from './definition-schema.ts';
import { unknownName } from './strict-object.ts';

/** The state that is meant, with those around it, or what is wrong with its name. */
export type Target = { readonly names: readonly string[] } | { readonly problem: string };

/**
 * Resolves a target: a neighbour of the state `from`, `.a` for one inside it, `#actor.a.b` from the
 * top. At the top there are no neighbours, so a name means a state inside.
 */
export function resolveTarget(sheet: Sheet, target: string, from: readonly string[]): Target {
	if (target.startsWith('#')) {
		const [actor = '', ...names] = target.slice(1).split('.');
		if (actor === sheet.actor) return walk(sheet, [], names);
		return {
			problem: `${unknownName('actor here', actor, [sheet.actor])}; targets are in this one`,
		};
	}
	if (target.startsWith('.')) return walk(sheet, from, target.slice(1).split('.'));
	return walk(sheet, from.slice(0, -1), target.split('.'));
}

/** Goes down from a state. */
function walk(sheet: Sheet, from: readonly string[], names: readonly string[]): Target {
	let state: StateSheet | undefined = sheet;
	for (const name of from) state = childOf(state, name);
	for (const name of names) {
		const known = Object.keys(state?.states ?? {});
		if (!known.includes(name)) return { problem: unknownName('state', name, known) };
		state = childOf(state, name);
	}
	return { names: [...from, ...names] };
}

function childOf(state: StateSheet | undefined, name: string): StateSheet | undefined {
	const states = state?.states ?? {};
	return Object.hasOwn(states, name) ? states[name] : undefined;
}
