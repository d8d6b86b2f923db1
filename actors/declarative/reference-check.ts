/**
 * Checks the names in a YAML definition that refer to another part of it.
 *
 * @module
 */
import type { Build } from './build-context.ts';
import type { StateYaml } from './definition-schema.ts';
import { unknownName } from './strict-object.ts';
import type { YamlPath } from './source-text.ts';

/** All states with their paths. */
function* statesOf(state: StateYaml, path: YamlPath): Generator<[StateYaml, YamlPath]> {
	yield [state, path];
	for (const [name, child] of Object.entries(state.states ?? {})) {
		yield* statesOf(child, [...path, 'states', name]);
	}
}

/** Checks the events that are deferred or answered later. */
export function checkEvents({ definition, report }: Build): void {
	const { events } = definition;
	if (!events) return;
	const known = Object.keys(events);
	const check = (type: string, path: YamlPath): void => {
		if (!known.includes(type)) report({ path, text: unknownName('event', type, known) });
	};
	for (const [index, type] of (definition.answersLater ?? []).entries()) {
		check(type, ['answersLater', index]);
	}
	for (const [state, path] of statesOf(definition, [])) {
		for (const [index, type] of (state.defer ?? []).entries()) {
			check(type, [...path, 'defer', index]);
		}
	}
}

/** Checks the references to asks, monitors and delays. */
export function checkAsks(build: Build): void {
	for (const [{ on = {} }, path] of statesOf(build.definition, [])) {
		for (const type of Object.keys(on)) checkAsk(build, type, [...path, 'on', type]);
	}
	checkTimers(build);
}

function checkAsk({ asks, monitors, report }: Build, type: string, path: YamlPath): void {
	const [, kind, id] = /^(reply|timeout|down)\.(.+)$/.exec(type) ?? [];
	const [what, known] = kind === 'down' ? ['monitor', monitors] : ['ask', asks];
	if (id === undefined || id === '*' || known.has(id)) return;
	report({ path, text: unknownName(what, id, known), part: 'key' });
}

function checkTimers({ definition, report }: Build): void {
	const delays = new Set(Object.keys(definition.delays ?? {}));
	for (const [{ after = {} }] of statesOf(definition, [])) {
		for (const delay of Object.keys(after)) delays.add(delay);
	}
	for (const name of Object.keys(definition.timers ?? {})) {
		if (delays.has(name)) continue;
		report({ path: ['timers', name], text: unknownName('delay', name, delays), part: 'key' });
	}
}
