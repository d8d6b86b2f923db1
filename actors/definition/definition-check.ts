/**
 * Checks, at its declaration, that a machine can be kept durably: its actions are effects, its
 * invocations are steps, and no chain of `always` is endless.
 *
 * @module
 */
import {
	initialTransition,
	type AnyActorLogic,
	type AnyStateMachine,
	type AnyStateNode,
} from 'xstate';
import { nearestWord } from '../../runtime/text/spelling.ts';
import { isDelay } from '../../runtime/platform/clock.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import { durable } from './durable-value.ts';
import { idProblem } from './id-check.ts';
import { stepOf } from './step.ts';

/** What a machine may use. */
export interface Allowance {
	/** Whether raw actions are allowed. */
	readonly volatile: boolean;
}

/** How many microsteps the start of a machine may take when it is declared. */
const trialMicrostepsMax = 1000;

/** What is wrong with a machine, as the rest of a sentence; undefined if nothing is. */
export function checkMachine(machine: AnyStateMachine, allowance: Allowance): string | undefined {
	for (const [name, logic] of Object.entries(machine.implementations.actors)) {
		if (!stepOf(logic as AnyActorLogic)) return `the actor ${name} of its setup is not a step`;
	}
	for (const [name, action] of Object.entries(machine.implementations.actions)) {
		const problem = isBuiltIn(action) ? checkBuiltIn(action, machine) : undefined;
		if (problem) return `in the action ${name} of its setup, ${problem}`;
	}
	for (const node of nodesOf(machine.root)) {
		const problem = checkNode(node, machine, allowance);
		if (problem) return `in ${node.id}, ${problem}`;
	}
	const lost = lostName(machine.config, machine.id);
	if (lost) return lost;
	const twice = sharedInvocation(machine);
	if (twice) return twice;
	const cycle = endlessCycle(machine);
	if (cycle) return `in ${[machine.id, ...cycle.names].join('.')}, ${cycle.text}`;
	return checkContext(machine) ?? checkStart(machine);
}

/** A state and all states inside it, outermost first. */
export function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
	yield node;
	for (const child of Object.values(node.states)) yield* nodesOf(child);
}

/** Finds a part of a machine named `__proto__`: XState's objects cannot hold it, and it is gone. */
function lostName(config: object, place: string): string | undefined {
	for (const field of ['states', 'on']) {
		const named = Object(Reflect.get(config, field)) as object;
		if (Object.hasOwn(named, '__proto__')) return `in ${place}, ${field} has the name __proto__`;
	}
	for (const [name, state] of Object.entries(Object(Reflect.get(config, 'states')) as object)) {
		const found = lostName(Object(state) as object, `${place}.${name}`);
		if (found) return found;
	}
	return undefined;
}

/**
 * Finds two invocations of one id in states that can be active together: only one of their steps
 * would run, and both would take its result.
 */
function sharedInvocation({ root }: AnyStateMachine): string | undefined {
	const owners = new Map<string, AnyStateNode[]>();
	for (const node of nodesOf(root)) {
		for (const { id } of node.invoke) {
			const others = owners.get(id) ?? [];
			const other = others.find((each) => canMeet(each, node, root));
			if (other) {
				return `${other.id} and ${node.id} invoke the same id ${id} and can be active together`;
			}
			owners.set(id, [...others, node]);
		}
	}
	return undefined;
}

/** Whether two states can be active together: one lies in the other, or in another region. */
function canMeet(one: AnyStateNode, other: AnyStateNode, root: AnyStateNode): boolean {
	let around = root;
	for (const [depth, name] of one.path.entries()) {
		if (other.path[depth] !== name) return other === around || around.type === 'parallel';
		around = childState(around, name) ?? around;
	}
	return true;
}

function transitionsOf(node: AnyStateNode) {
	return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function actionsOf(node: AnyStateNode): readonly unknown[] {
	const starting: readonly unknown[] = node.type === 'compound' ? node.initial.actions : [];
	const moving = transitionsOf(node).flatMap((each) => each.actions as readonly unknown[]);
	return [...node.entry, ...node.exit, ...starting, ...moving];
}

function checkNode(
	node: AnyStateNode,
	machine: AnyStateMachine,
	{ volatile }: Allowance,
): string | undefined {
	const transitions = transitionsOf(node);
	for (const action of actionsOf(node)) {
		const problem = checkAction(action, machine, volatile);
		if (problem) return problem;
	}
	for (const { guard } of transitions) {
		const problem = checkGuard(guard, machine);
		if (problem) return problem;
	}
	for (const { delay } of node.after) {
		const problem = checkDelay(delay, machine);
		if (problem) return problem;
	}
	for (const invocation of node.invoke) {
		const problem = checkInvocation(invocation, machine);
		if (problem) return problem;
	}
	const hasRoute = Reflect.get(node.config, 'route') !== undefined;
	return hasRoute ? 'there is a route: only the runtime could take it; use an event' : undefined;
}

/** Checks a guard, and the guards inside it: `and`, `or` and `not` list them in a field. */
function checkGuard(guard: unknown, machine: AnyStateMachine): string | undefined {
	const inner: unknown = typeof guard === 'function' ? Reflect.get(guard, 'guards') : undefined;
	for (const each of Array.isArray(inner) ? (inner as readonly unknown[]) : []) {
		const problem = checkGuard(each, machine);
		if (problem) return problem;
	}
	const place: unknown = typeof guard === 'function' ? Reflect.get(guard, 'stateValue') : undefined;
	if (place !== undefined) return checkPlace(place, machine);
	return checkName(guard, { what: 'guard', known: machine.implementations.guards });
}

/** Checks the state that `stateIn` names: `#id`, `a.b`, or a state value. */
function checkPlace(place: unknown, machine: AnyStateMachine): string | undefined {
	if (typeof place === 'string' && place.startsWith('#')) {
		try {
			machine.getStateNodeById(place);
			return undefined;
		} catch {
			return `there is no state for stateIn ${place}`;
		}
	}
	return hasPlace(place, machine.root)
		? undefined
		: `there is no state for stateIn ${JSON.stringify(place)}`;
}

function hasPlace(place: unknown, node: AnyStateNode): boolean {
	if (typeof place === 'string') {
		let found: AnyStateNode | undefined = node;
		for (const name of statePath(place)) found = found && childState(found, name);
		return found !== undefined;
	}
	return Object.entries(Object(place) as object).every(([name, inner]) => {
		const child = childState(node, name);
		return child !== undefined && (inner === undefined || hasPlace(inner, child));
	});
}

/** A child by its name, which may be `constructor`. */
function childState({ states }: AnyStateNode, name: string): AnyStateNode | undefined {
	return Object.hasOwn(states, name) ? states[name] : undefined;
}

/** The names in a path of states: a dot divides them, unless a backslash is before it. */
function statePath(path: string): readonly string[] {
	return path.split(/(?<!\\)\./u).map((name) => name.replaceAll(/\\(.)/gsu, '$1'));
}

/** A delay is a number, a function, or a name. */
function checkDelay(delay: unknown, machine: AnyStateMachine): string | undefined {
	if (typeof delay === 'number' || (typeof delay === 'string' && !Number.isNaN(Number(delay)))) {
		return isDelay(Number(delay)) && Number(delay) >= 0 ? undefined : `the delay is ${delay}`;
	}
	return checkName(delay, { what: 'delay', known: machine.implementations.delays });
}

/** Checks the names that XState's own actions refer to: delays of raises, sources of spawns. */
function checkBuiltIn(action: object, machine: AnyStateMachine): string | undefined {
	const delay: unknown = Reflect.get(action, 'delay');
	const problem = delay === undefined ? undefined : checkDelay(delay, machine);
	if (problem) return problem;
	const type: unknown = Reflect.get(action, 'type');
	if (type === 'xstate.sendTo') return checkReceiver(Reflect.get(action, 'to'));
	return type === 'xstate.spawnChild' ? checkSpawn(action, machine) : undefined;
}

/** Refuses receivers that a machine cannot reach; a function of the turn is checked in its turn. */
function checkReceiver(to: unknown): string | undefined {
	if (typeof to !== 'string' || to === '#_internal') return undefined;
	if (to === '#_parent') return 'there is sendParent: it has no parent; use send, or reply';
	return `there is sendTo ${to}: a step takes no events; use send to reach another actor`;
}

interface Spawning {
	readonly src?: unknown;
	readonly systemId?: unknown;
	readonly syncSnapshot?: unknown;
	readonly onSnapshot?: unknown;
}

function checkSpawn(spawning: Spawning, machine: AnyStateMachine): string | undefined {
	const { src } = spawning;
	if (typeof src !== 'string') return 'a spawned step is inline: name it in setup({ actors })';
	return checkStep(spawning, machine);
}

/** An inline invocation is refused: it has no name by which a restart could find it. */
function checkInvocation(
	invocation: Spawning & { readonly id: unknown },
	machine: AnyStateMachine,
): string | undefined {
	const { src, id } = invocation;
	const problem = idProblem(id, 'step');
	if (problem !== undefined) return problem;
	if (typeof src !== 'string' || src.startsWith('xstate.invoke.'))
		return 'an invocation is inline: name it in setup({ actors })';
	return checkStep(invocation, machine);
}

function checkStep(spawning: Spawning, machine: AnyStateMachine): string | undefined {
	const { src, systemId, syncSnapshot, onSnapshot } = spawning;
	if (systemId !== undefined) return `${String(src)} has a systemId: use an id`;
	if (onSnapshot !== undefined) return `${String(src)} has onSnapshot: a step has none; use onDone`;
	if (syncSnapshot) return `${String(src)} has syncSnapshot: a step has no snapshots`;
	return checkName(src, { what: 'step', known: machine.implementations.actors });
}

/** An action is a name, an object with one, or a function; XState marks its own with `resolve`. */
function checkAction(action: unknown, machine: AnyStateMachine, volatile: boolean) {
	const { actions } = machine.implementations;
	if (typeof action !== 'function') {
		const problem = checkName(action, { what: 'action', known: actions });
		if (problem) return problem;
	}
	const name = nameOf(action);
	const found = typeof action === 'function' ? action : Reflect.get(actions, name ?? '');
	if (isBuiltIn(found)) return checkBuiltIn(found, machine);
	if (volatile) return undefined;
	const called = name ?? (typeof action === 'function' && action.name ? action.name : 'one');
	const remedy = 'use an effect or a step, or declare the actor volatile';
	return `the action ${called} is a raw function: ${remedy}`;
}

function isBuiltIn(action: unknown): action is object {
	return typeof action === 'function' && 'resolve' in action;
}

function nameOf(named: unknown): string | undefined {
	if (typeof named === 'string') return named;
	const type: unknown = typeof named === 'object' && named ? Reflect.get(named, 'type') : undefined;
	return typeof type === 'string' ? type : undefined;
}

/** The names that a definition may use beside its machine. */
export interface MachineNames {
	/** Whether a state handles this type of event. */
	handles(type: string): boolean;
	/** The types of events that states handle. */
	readonly events: readonly string[];
	/** The names by which timers can be known. */
	readonly timers: readonly string[];
	/** Whether all timers are known: enqueued actions may set others. */
	readonly isComplete: boolean;
}

/** Collects the names that a machine offers. */
export function namesOf(machine: AnyStateMachine): MachineNames {
	const events: string[] = [];
	const timers = Object.keys(machine.implementations.delays);
	let isComplete = true;
	const look = (action: unknown): void => {
		const named: unknown = Reflect.get(machine.implementations.actions, nameOf(action) ?? '');
		const found = typeof action === 'function' ? action : named;
		if (!isBuiltIn(found)) return;
		const { type, id } = found as { type?: string; id?: unknown };
		if (type === 'xstate.enqueueActions') isComplete = false;
		if (typeof id === 'string') timers.push(id);
	};
	for (const node of nodesOf(machine.root)) {
		events.push(...node.transitions.keys());
		timers.push(...node.after.map(({ delay }) => String(delay)));
		for (const action of actionsOf(node)) look(action);
	}
	return { handles: handlerOf(events), events, timers, isComplete };
}

/** Whether one of these handles an event: its type, `*`, or `a.*` for `a` and all below it. */
export function handlerOf(descriptors: readonly string[]): (type: string) => boolean {
	const known = new Set(descriptors);
	const prefixes: string[] = [];
	for (const each of descriptors) {
		if (each === '*') prefixes.push('');
		if (!each.endsWith('.*')) continue;
		known.add(each.slice(0, -2));
		prefixes.push(each.slice(0, -1));
	}
	return (type) => known.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}

interface Known {
	readonly what: string;
	readonly known: object;
}

function checkName(named: unknown, { what, known }: Known): string | undefined {
	const name = nameOf(named);
	if (name === undefined || name.startsWith('xstate.') || Object.hasOwn(known, name))
		return undefined;
	return missingName(what, name, Object.keys(known));
}

/** Says that a name is unknown, and which one may be meant. */
export function missingName(what: string, name: string, known: readonly string[]): string {
	const nearest = nearestWord(name, known);
	return `there is no ${what} ${name}${nearest ? `; is it ${nearest}?` : ''}`;
}

/** Checks an initial context that is not a function: all of it can be stored. */
function checkContext({ config }: AnyStateMachine): string | undefined {
	const context: unknown = config.context;
	if (typeof context === 'function') return undefined;
	try {
		durable(context, 'context');
		return undefined;
	} catch (thrown) {
		return asReeveError(thrown).detail;
	}
}

/**
 * Finds a start that does not come to rest. Other failures are ignored: the missing input may be
 * their reason.
 */
function checkStart(machine: AnyStateMachine): string | undefined {
	const trial = machine.provide({}) as AnyStateMachine;
	trial.options = { ...trial.options, maxIterations: trialMicrostepsMax };
	const [snapshot] = initialTransition(trial, undefined);
	const { status, error } = snapshot as { status: string; error?: unknown };
	const isEndless =
		status === 'error' && error instanceof Error && /Infinite loop/.test(error.message);
	return isEndless
		? 'its start does not come to rest: a cycle of always or raised events'
		: undefined;
}

/** A cycle in which a machine would move for ever. */
export interface EndlessCycle {
	/** The state, with those around it. */
	readonly names: readonly string[];
	/** The key of the state that leads into the cycle. */
	readonly key: 'always';
	/** What is wrong there, as a sentence without a full stop. */
	readonly text: string;
}

/**
 * Finds a cycle of transitions without event and guard. Whether a cycle with guards ends is not
 * decided here: `endless-trial.ts` tries it.
 */
export function endlessCycle(machine: AnyStateMachine): EndlessCycle | undefined {
	for (const node of nodesOf(machine.root)) {
		const cycle = cycleFrom(node);
		if (cycle) return { names: node.path, key: 'always', text: cycle };
	}
	return undefined;
}

/** Follows the transitions that must be taken, until they lead back to a state or to rest. */
function cycleFrom(start: AnyStateNode): string | undefined {
	const seen: AnyStateNode[] = [];
	let node: AnyStateNode | undefined = start;
	while (node && !seen.includes(node)) {
		seen.push(node);
		const forced = forcedTransition(node);
		if (!forced) return undefined;
		const [target, ...others] = (forced.target ?? []) as readonly AnyStateNode[];
		if (!target) return 'always without a target and an if would be taken for ever';
		// With several regions, one may lead another out of the cycle.
		if (others.length > 0) return undefined;
		node = nextForced(target);
	}
	if (node !== start) return undefined;
	const names = [...seen, start].map(({ id }) => id.slice(start.machine.id.length + 1) || id);
	return `always leads in a cycle without an if: ${names.join(', ')}`;
}

/**
 * The transition without event that is taken in every context; undefined if there is none.
 */
function forcedTransition({ always }: AnyStateNode) {
	const [first] = always ?? [];
	return first && first.guard === undefined ? first : undefined;
}

/** The state that must move on once `target` is entered; undefined if guards decide about it. */
function nextForced(target: AnyStateNode): AnyStateNode | undefined {
	const active: AnyStateNode[] = [];
	for (let above = target.parent; above; above = above.parent) active.unshift(above);
	let innermost: AnyStateNode | undefined = target;
	while (innermost) {
		active.push(innermost);
		if (innermost.type === 'parallel' || innermost.type === 'history') return undefined;
		innermost = innermost.type === 'compound' ? innermost.initial.target[0] : undefined;
	}
	const moving = active.filter(({ always }) => (always ?? []).length > 0);
	if (moving.some((node) => !forcedTransition(node))) return undefined;
	return moving.at(-1);
}
