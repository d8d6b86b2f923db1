/**
 * What a machine must be like to be kept durably, checked when it is declared and not when it
 * fails: actions that are declared effects, invocations that are steps, and an end to every chain
 * of `always`.
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
import { endlessPlace } from './endless-loop-check.ts';
import { stepOf } from './step.ts';

/** What is allowed. */
export interface Allowance {
	/** Whether raw actions are. */
	readonly volatile: boolean;
}

/** How many microsteps the start of a machine may take when it is declared. */
const trialMicrostepsMax = 1000;

/** What is wrong with a machine, as the rest of a sentence; undefined if nothing is. */
export function checkMachine(machine: AnyStateMachine, allowance: Allowance): string | undefined {
	for (const [name, logic] of Object.entries(machine.implementations.actors)) {
		if (!stepOf(logic as AnyActorLogic)) return `the actor ${name} of its setup is no step`;
	}
	for (const node of nodesOf(machine.root)) {
		const problem = checkNode(node, machine, allowance);
		if (problem) return `in ${node.id}, ${problem}`;
	}
	const circle = endlessPlace(machine);
	if (circle) return `in ${[machine.id, ...circle.names].join('.')}, ${circle.text}`;
	return checkStart(machine);
}

/** A state and all that are inside it, outermost first. */
export function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
	yield node;
	for (const child of Object.values(node.states)) yield* nodesOf(child);
}

function checkNode(
	node: AnyStateNode,
	machine: AnyStateMachine,
	{ volatile }: Allowance,
): string | undefined {
	const transitions = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
	const starting = node.type === 'compound' ? node.initial.actions : [];
	const actions = [
		...node.entry,
		...node.exit,
		...starting,
		...transitions.flatMap((t) => t.actions),
	];
	for (const action of actions) {
		const problem = checkAction(action, machine, volatile);
		if (problem) return problem;
	}
	for (const { guard } of transitions) {
		const problem = checkName(guard, { what: 'guard', known: machine.implementations.guards });
		if (problem) return problem;
	}
	for (const { src, systemId } of node.invoke) {
		if (systemId !== undefined) return 'an invocation has a systemId';
		const problem = checkInvocation(src, machine);
		if (problem) return problem;
	}
	return undefined;
}

/** What is invoked inline has no name that a restart could find it by. */
function checkInvocation(src: unknown, machine: AnyStateMachine): string | undefined {
	if (typeof src !== 'string' || src.startsWith('xstate.invoke.'))
		return 'an invocation is inline: name it in setup({ actors })';
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
	if (volatile || isBuiltIn(found)) return undefined;
	const called = name ?? (typeof action === 'function' && action.name ? action.name : 'one');
	const remedy = 'use an effect or a step, or declare the actor volatile';
	return `the action ${called} is a raw function: ${remedy}`;
}

function isBuiltIn(action: unknown): boolean {
	return typeof action === 'function' && 'resolve' in action;
}

function nameOf(named: unknown): string | undefined {
	if (typeof named === 'string') return named;
	const type: unknown = typeof named === 'object' && named ? Reflect.get(named, 'type') : undefined;
	return typeof type === 'string' ? type : undefined;
}

interface Known {
	readonly what: string;
	readonly known: object;
}

function checkName(named: unknown, { what, known }: Known): string | undefined {
	const name = nameOf(named);
	if (name === undefined || name.startsWith('xstate.') || Object.hasOwn(known, name))
		return undefined;
	const nearest = nearestWord(name, Object.keys(known));
	return `there is no ${what} ${name}${nearest ? `; is it ${nearest}?` : ''}`;
}

/**
 * A start that does not come to rest is found out here; other failures may be due to the missing
 * input.
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
