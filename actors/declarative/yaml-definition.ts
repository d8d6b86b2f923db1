/**
 * YAML definitions: actors written in YAML or JSON, compiled to the same definitions that programs
 * make, so that they have the same guarantees.
 *
 * @module
 */
import { createMachine, type AnyStateMachine, type EventObject } from 'xstate';
import { durationMs } from '../../runtime/text/duration.ts';
import { defineActor, type ActorDefinition } from '../definition/definition.ts';
import { endlessCycle } from '../definition/definition-check.ts';
import { compileActions } from './actions.ts';
import { startBuild, type Build, type Given, shapeOf } from './build-context.ts';
import type { YamlDefinition, StateYaml } from './definition-schema.ts';
import { compileMigrations } from './migrations.ts';
import { checkAsks, checkEvents } from './reference-check.ts';
import { compileState, stateBuild, type StateBuild } from './states.ts';
import { builtStep, type StepSurroundings } from './steps.ts';
import { readSourceText, type YamlPath } from './source-text.ts';
import { tryMachine } from './endless-trial.ts';
import { compileDuration, compileValue } from './values.ts';

/** A YAML definition, and what its steps need. */
export interface YamlDefinitionParts extends StepSurroundings {
	/** The path of its file, by which errors name it. */
	readonly source: string;
	readonly text: string;
}

/**
 * Compiles a YAML definition.
 *
 * @throws ReeveError `bad_declaration`; each line of its detail is `source:line:column: what is
 * wrong`
 */
export function compileYamlDefinition({
	source,
	text,
	...surroundings
}: YamlDefinitionParts): ActorDefinition {
	const { definition, refusal } = readSourceText(source, text);
	const build = startBuild(definition);
	const states = stateBuild(build);
	const config = rootConfig(states);
	checkEvents(build);
	checkAsks(build);
	const migrate = compileMigrations(build);
	if (build.problems.length > 0) throw refusal(build.problems);
	const machine = machineOf(states, config, surroundings);
	const cycle = endlessCycle(machine);
	if (cycle) {
		const { names, key, text: what } = cycle;
		throw refusal([{ path: pathOf(definition, names, key), text: what, part: 'key' }]);
	}
	const endless = tryMachine(machine, definition, build.budget.begin);
	if (endless) {
		const { event } = endless;
		const what = `the machine does not come to rest after ${event}: a cycle of always or raise`;
		throw refusal([
			{ path: pathOf(definition, endless.names, 'on', endless.event), text: what, part: 'key' },
		]);
	}
	return defineActor({ ...settingsOf(definition), machine, migrate, ...hooks(build) });
}

/** The path to a state, and on to one of its keys as far as they exist. */
function pathOf(
	definition: YamlDefinition,
	names: readonly string[],
	...keys: readonly string[]
): YamlPath {
	const path = names.flatMap((name) => ['states', name]);
	let part: unknown = definition;
	for (const step of path) part = Reflect.get(Object(part), step);
	for (const key of keys) {
		part = Reflect.get(Object(part), key);
		if (part === undefined) break;
		path.push(key);
	}
	return path;
}

/** The settings that are taken over unchanged. */
function settingsOf(definition: YamlDefinition) {
	const { actor: name, version, summary = `The actor ${name}` } = definition;
	const { answersLater, timers, autostart, recovery, intensity, period, whenDone } = definition;
	const given = { answersLater, timers, autostart, recovery, intensity, period, whenDone };
	const said = Object.fromEntries(
		Object.entries(given).filter(([, value]) => value !== undefined),
	) as { [Key in keyof typeof given]?: NonNullable<(typeof given)[Key]> };
	return { name, version, summary, ...said };
}

function hooks(build: Build) {
	return {
		input: (about: { readonly key: string; readonly node: string }) => about,
		enterTurn: build.enter,
		problemOf: (event: EventObject) => eventProblem(build.definition, event),
	};
}

/** The configuration of the machine: all states, and the first context. */
function rootConfig(build: StateBuild): object {
	const { definition } = build;
	const context = compileValue(build, definition.context ?? {}, { path: ['context'], event: {} });
	for (const [name, actions] of Object.entries(definition.actions ?? {})) {
		// Compiled here so that unused actions are checked, too.
		compileActions(build, actions, { path: ['actions', name], event: undefined });
	}
	return {
		...compileState(build, { state: definition, path: [], names: [] }),
		id: definition.actor,
		context: () => context.of(build.values({ context: {}, event: {} })),
	};
}

function machineOf(
	build: StateBuild,
	config: object,
	surroundings: StepSurroundings,
): AnyStateMachine {
	const steps = [...build.steps].map(([name, step]) => [name, builtStep(step, surroundings)]);
	const delays = Object.entries(build.definition.delays ?? {}).map(([name, text]) => {
		const delay = compileDuration(build, text, { path: ['delays', name], event: undefined });
		return [name, typeof delay === 'number' ? delay : (given: Given) => delay(build.values(given))];
	});
	const make = createMachine as (config: object, implementations: object) => AnyStateMachine;
	return make(config, {
		actors: Object.fromEntries(steps),
		delays: { ...Object.fromEntries(durationsOf(build.definition)), ...Object.fromEntries(delays) },
	});
}

/** The durations under `after`, as delays of that name. */
function durationsOf(state: StateYaml): [string, number][] {
	const own = Object.keys(state.after ?? {}).flatMap((name): [string, number][] => {
		const ms = durationMs(name);
		return ms === undefined ? [] : [[name, ms]];
	});
	return [...own, ...Object.values(state.states ?? {}).flatMap(durationsOf)];
}

/** The problem of an event; undefined if it has none, or its fields are not declared. */
function eventProblem({ events }: YamlDefinition, event: EventObject): string | undefined {
	const fields = events && Object.hasOwn(events, event.type) ? events[event.type] : undefined;
	for (const [written, type] of Object.entries(fields ?? {})) {
		const name = written.replace(/\?$/, '');
		const value: unknown = Reflect.get(event, name);
		if (value === undefined && written.endsWith('?')) continue;
		if (value === undefined) return `${event.type} has no ${name}, which is a ${type}`;
		const shape = shapeOf(value);
		if (type !== 'any' && shape !== type) {
			return `the ${name} of ${event.type} is a ${value === null ? 'null' : shape}, not a ${type}`;
		}
	}
	return undefined;
}
