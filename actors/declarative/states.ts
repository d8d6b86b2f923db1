/**
 * Compiles the states of YAML definitions to the configuration of an XState machine.
 *
 * @module
 */
import { durationMs } from '../../runtime/text/duration.ts';
import type { Shapes } from './expression.ts';
import { defer } from '../definition/effects.ts';
import { compileActions } from './actions.ts';
import { doneShapes, eventShapes, failedShapes, type Build, type Given } from './build-context.ts';
import type { Where } from './build-context.ts';
import type {
	FollowedStep,
	StateYaml,
	TransitionYaml,
	TransitionsYaml,
	YamlDefinition,
} from './definition-schema.ts';
import { unknownName } from './strict-object.ts';
import { stepLibrary, type StepYaml } from './step-schema.ts';
import type { YamlPath } from './source-text.ts';
import { compileCondition, compileValue, inside } from './values.ts';

/** A state and its place. */
export interface PlacedState {
	readonly state: StateYaml;
	/** In the YAML definition. */
	readonly path: YamlPath;
	/** The names of the states around it and its own, outermost first. */
	readonly names: readonly string[];
}

/** The steps that were found, by their names in the machine. */
export type FoundSteps = Map<string, StepYaml>;

/** What states are compiled with. */
export interface StateBuild extends Build {
	readonly steps: FoundSteps;
	readonly shapesOf: (type: string) => Shapes | undefined;
}

/** Adds what states are compiled with to a build. */
export function stateBuild(build: Build): StateBuild {
	return { ...build, steps: new Map(), shapesOf: eventShapes(build.definition) };
}

/** Compiles a state and all inner states to the configuration of a machine. */
export function compileState(build: StateBuild, placed: PlacedState): object {
	const { state, path, names } = placed;
	const anywhere: Where = { path, event: undefined };
	const { type, initial, history, states = {} } = state;
	checkChildren(build, placed);
	const inner = Object.entries(states).map(([name, child]): [string, object] => [
		name,
		compileState(build, { state: child, path: [...path, 'states', name], names: [...names, name] }),
	]);
	const output = state.output;
	const made =
		output === undefined ? undefined : compileValue(build, output, inside(anywhere, 'output'));
	const transitions = (key: 'always' | 'onDone') =>
		state[key] === undefined
			? {}
			: {
					[key]: compileTransitions(build, state[key], { ...placed, at: [key], event: undefined }),
				};
	return {
		...(type === undefined ? {} : { type }),
		...(initial === undefined ? {} : { initial }),
		...(history === undefined ? {} : { history }),
		...(inner.length === 0 ? {} : { states: Object.fromEntries(inner) }),
		...(state.target === undefined ? {} : { target: state.target }),
		...(state.defer ? { meta: defer(...state.defer) } : {}),
		...(made ? { output: (given: Given) => made.of(build.values(given)) } : {}),
		entry: compileActions(build, state.entry, inside(anywhere, 'entry')),
		exit: compileActions(build, state.exit, inside(anywhere, 'exit')),
		...transitions('always'),
		...transitions('onDone'),
		on: table(state.on, (event, given) => {
			checkEvent(build, event, [...path, 'on', event]);
			const about = { ...placed, at: ['on', event], event: build.shapesOf(event) };
			return compileTransitions(build, given, about);
		}),
		after: table(state.after, (delay, given) => {
			checkDelay(build, delay, [...path, 'after', delay]);
			return compileTransitions(build, given, {
				...placed,
				at: ['after', delay],
				event: undefined,
			});
		}),
		invoke: compileSteps(build, placed),
	};
}

function table(
	given: Readonly<Record<string, TransitionsYaml>> | undefined,
	compile: (name: string, given: TransitionsYaml) => object[],
): object {
	const entries = Object.entries(given ?? {});
	return Object.fromEntries(entries.map(([name, held]) => [name, compile(name, held)]));
}

/** Checks what XState would refuse without naming the place. */
function checkChildren({ report }: Build, { state, path }: PlacedState): void {
	const { type, initial, states, history } = state;
	const names = Object.keys(states ?? {});
	if (initial !== undefined && !names.includes(initial)) {
		report({ path: [...path, 'initial'], text: unknownName('state', initial, names) });
	}
	if (names.length > 0 && initial === undefined && type !== 'parallel') {
		report({
			path: [...path, 'states'],
			text: 'initial is missing: the state that is entered first',
			part: 'key',
		});
	}
	if (history !== undefined && type !== 'history') {
		report({
			path: [...path, 'history'],
			text: 'only a state of the type history has a history',
			part: 'key',
		});
	}
	if (state.target !== undefined && type !== 'history') {
		report({
			path: [...path, 'target'],
			text: 'only transitions and states of the type history have a target',
			part: 'key',
		});
	}
}

/** Checks that an event is declared; those of asks and monitors are checked by `checkAsks`. */
function checkEvent({ definition: { events }, report }: Build, type: string, path: YamlPath): void {
	if (!events || type.includes('*') || /^(?:reply|timeout|down)\./.test(type)) return;
	if (Object.hasOwn(events, type)) return;
	report({ path, text: unknownName('event', type, Object.keys(events)), part: 'key' });
}

function checkDelay(
	{ definition: { delays = {} }, report }: Build,
	name: string,
	path: YamlPath,
): void {
	if (durationMs(name) !== undefined || Object.hasOwn(delays, name)) return;
	const text = `${unknownName('delay', name, Object.keys(delays))}; or a duration such as 10s, 5m`;
	report({ path, text, part: 'key' });
}

interface TransitionPlace extends PlacedState {
	/** The path inside the state. */
	readonly at: YamlPath;
	readonly event: Shapes | undefined;
}

function compileTransitions(
	build: StateBuild,
	given: TransitionsYaml,
	{ path, names, at, event }: TransitionPlace,
): object[] {
	const where: Where = { path: [...path, ...at], event, names };
	if (typeof given === 'string') return [{ target: targetOf(build, given, where) }];
	if (!Array.isArray(given)) return [compileTransition(build, given, where)];
	return given.map((each, index) => compileTransition(build, each, inside(where, index)));
}

function compileTransition(
	build: StateBuild,
	{ if: condition, target, do: actions, reenter }: TransitionYaml,
	where: Where,
): object {
	const guard =
		condition === undefined ? undefined : compileCondition(build, condition, inside(where, 'if'));
	return {
		...(target === undefined ? {} : { target: targetOf(build, target, inside(where, 'target')) }),
		...(guard ? { guard: (given: Given) => guard(build.values(given)) } : {}),
		...(reenter === undefined ? {} : { reenter }),
		actions: compileActions(build, actions, inside(where, 'do')),
	};
}

/** The target in XState's form; reported and undefined if there is no such state. */
function targetOf(build: Build, target: string, { path, names = [] }: Where): string | undefined {
	const found = resolveTarget(build.definition, target, names);
	// XState takes a dot as the end of a name, unless a backslash is before it.
	const actor = build.definition.actor.replaceAll('.', '\\.');
	if ('names' in found) return `#${[actor, ...found.names].join('.')}`;
	build.report({ path, text: found.problem });
	return undefined;
}

function compileSteps(build: StateBuild, { state, path, names }: PlacedState): object[] {
	const { step } = state;
	if (step === undefined) return [];
	const isList = Array.isArray(step);
	const all = (isList ? step : [step]) as readonly FollowedStep[];
	return all.map((each, index) => {
		const at = isList ? ['step', index] : ['step'];
		return compileStep(build, each, { state, path, names, at, event: undefined });
	});
}

const stepKinds = Object.keys(stepLibrary) as readonly (keyof typeof stepLibrary)[];

function compileStep(build: StateBuild, step: FollowedStep, place: TransitionPlace): object {
	const where: Where = { path: [...place.path, ...place.at], event: undefined };
	const does = stepKinds.filter((kind) => step[kind] !== undefined);
	if (does.length !== 1) {
		const text = `a step has one of ${stepKinds.join(', ')}`;
		build.report({ path: where.path, text });
	}
	const kind = does[0] ?? 'command';
	const name = step.id ?? [...place.names, kind].join('-');
	const isFirst = !build.steps.has(name);
	const id = isFirst ? name : `${name}-${build.steps.size}`;
	if (!isFirst && step.id !== undefined) {
		build.report({ path: [...where.path, 'id'], text: `another step is called ${name}` });
	}
	build.steps.set(id, step);
	const env = step.env === undefined ? {} : { env: step.env };
	const input = compileValue(build, { [kind]: step[kind], ...env }, where);
	const follow = (key: 'done' | 'failed', event: Shapes) =>
		step[key] === undefined
			? []
			: compileTransitions(build, step[key], { ...place, at: [...place.at, key], event });
	return {
		id,
		src: id,
		input: (given: Given) => input.of(build.values(given)),
		onDone: follow('done', doneShapes),
		onError: follow('failed', failedShapes),
	};
}

/** The names of the target state and those around it, or the problem. */
export type Target = { readonly names: readonly string[] } | { readonly problem: string };

/**
 * Resolves a target: `a` for a sibling of the state `from`, `.a` for an inner state, `#actor.a.b`
 * from the top. The root has no siblings, so at the root a name means an inner state.
 */
function resolveTarget(
	definition: YamlDefinition,
	target: string,
	from: readonly string[],
): Target {
	if (target.startsWith('#')) {
		const { actor: own } = definition;
		if (target === `#${own}`) return walk(definition, [], []);
		if (target.startsWith(`#${own}.`)) {
			return walk(definition, [], target.slice(own.length + 2).split('.'));
		}
		const [actor = ''] = target.slice(1).split('.');
		return {
			problem: `${unknownName('actor here', actor, [definition.actor])}; targets are in this one`,
		};
	}
	if (target.startsWith('.')) return walk(definition, from, target.slice(1).split('.'));
	return walk(definition, from.slice(0, -1), target.split('.'));
}

/** Resolves a path of names down from a state. */
function walk(
	definition: YamlDefinition,
	from: readonly string[],
	names: readonly string[],
): Target {
	let state: StateYaml | undefined = definition;
	for (const name of from) state = childOf(state, name);
	for (const name of names) {
		const known = Object.keys(state?.states ?? {});
		if (!known.includes(name)) return { problem: unknownName('state', name, known) };
		state = childOf(state, name);
	}
	return { names: [...from, ...names] };
}

function childOf(state: StateYaml | undefined, name: string): StateYaml | undefined {
	const states = state?.states ?? {};
	return Object.hasOwn(states, name) ? states[name] : undefined;
}
