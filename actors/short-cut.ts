/**
 * The short cut: the transition of a machine without what XState works out anew for each event. It
 * takes the same steps in the same order, with the sets of states looked up; whatever is not simple
 * enough is left to XState, which the caller asks then. A property test holds the two against each
 * other.
 *
 * @module
 */
import type {
	AnyMachineSnapshot,
	AnyStateMachine,
	AnyTransitionDefinition,
	EventObject,
} from 'xstate';
import {
	createConfigurations,
	isEasy,
	isPlannable,
	type Branch,
	type FindConfiguration,
} from './configuration.ts';
import { execute, executeEntry, paramsOf, snapshotOf, tooHard, type Pace } from './pace.ts';
import type { StepPlan } from './step-plan.ts';

/** What a short cut is made with. */
export interface ShortCutParts {
	readonly machine: AnyStateMachine;
	readonly scope: Pace['scope'];
	/** How many steps one event may cause. */
	readonly stepsMax: number;
}

/**
 * The snapshot after an event; undefined if XState must be asked. Then what the machine has wanted
 * to be executed so far counts for nothing. Throws what actions and guards
 * throw.
 */
export type ShortCut = (
	snapshot: AnyMachineSnapshot,
	event: EventObject,
) => AnyMachineSnapshot | undefined;

/** Makes the short cut of a machine. */
export function createShortCut(parts: ShortCutParts): ShortCut {
	const { machine } = parts;
	if (!isPlannable(machine)) return () => undefined;
	const find = createConfigurations(machine);
	return (snapshot, event) => {
		if (snapshot.status !== 'active' || isOwn(event.type)) return undefined;
		const configuration = find(snapshot._nodes);
		if (!isEasy(configuration, event.type, find)) return undefined;
		try {
			return walk({ ...parts, find }, snapshot, event);
		} catch (thrown) {
			if (thrown !== tooHard) throw thrown;
			configuration.easy.set(event.type, false);
			return undefined;
		}
	};
}

/** What comes from children has rules of its own; what comes from timers has none. */
function isOwn(type: string): boolean {
	return type.startsWith('xstate.') && !type.startsWith('xstate.after.');
}

interface Walking extends ShortCutParts {
	readonly find: FindConfiguration;
}

/** A walk from rest to rest. */
type Walk = Walking & Pace;

function walk(parts: Walking, snapshot: AnyMachineSnapshot, event: EventObject) {
	const { machine, scope, stepsMax, find } = parts;
	const configuration = find(snapshot._nodes);
	const context: unknown = snapshot.context;
	const raised: EventObject[] = [];
	const now: Walk = {
		machine,
		scope,
		stepsMax,
		find,
		snapshot,
		configuration,
		context,
		event,
		raised,
	};
	take(now, enabledBy(now, configuration.tree));
	let looksForAlways = true;
	for (let steps = 1; ; steps += 1) {
		if (steps > stepsMax) throw tooHard;
		let enabled: Enabled = looksForAlways ? alwaysEnabled(now) : none;
		const before: AnyMachineSnapshot | undefined = enabled.length > 0 ? now.snapshot : undefined;
		if (enabled.length === 0) {
			const next = raised.shift();
			if (!next) return now.snapshot;
			if (isOwn(next.type) || !isEasy(now.configuration, next.type, find)) {
				// From here on XState can go the rest of the way, unless more was raised before.
				if (raised.length > 0) throw tooHard;
				return machine.transition(now.snapshot, next, scope) as AnyMachineSnapshot;
			}
			now.event = next;
			enabled = enabledBy(now, now.configuration.tree);
		}
		take(now, enabled);
		// A transition that has changed nothing would be enabled for ever.
		looksForAlways = now.snapshot !== before;
	}
}

type Enabled = readonly AnyTransitionDefinition[];
const none: Enabled = [];

/** The transitions that the event enables: of each active leaf its own, or of those around it. */
function enabledBy(now: Walk, { node, inside }: Branch): Enabled {
	let found = none;
	for (const each of inside) {
		const within = enabledBy(now, each);
		if (within.length > 0) found = found.length > 0 ? [...found, ...within] : within;
	}
	if (found.length > 0) return found;
	const candidates = node.transitions.get(now.event.type);
	const taken = candidates && firstOf(now, candidates, node.id);
	return taken ? [taken] : none;
}

function alwaysEnabled(now: Walk): Enabled {
	let found = none;
	for (const candidates of now.configuration.always) {
		const taken = firstOf(now, candidates);
		if (taken && !found.includes(taken)) found = [...found, taken];
	}
	return found;
}

/** The first whose guard holds. Of an event it is said in which state one throws. */
function firstOf(now: Walk, candidates: Enabled, stateId?: string) {
	for (const candidate of candidates) {
		const { guard } = candidate;
		if (guard === undefined) return candidate;
		try {
			if (holds(now, guard as Guard)) return candidate;
		} catch (thrown) {
			if (stateId === undefined || thrown === tooHard) throw thrown;
			throw placed(thrown, guard as Guard, { stateId, type: now.event.type });
		}
	}
	return undefined;
}

/** What XState makes of an error of a guard. */
function placed(
	thrown: unknown,
	guard: Guard,
	{ stateId, type }: { readonly stateId: string; readonly type: string },
): Error {
	const name =
		typeof guard === 'object' ? guard.type : typeof guard === 'string' ? guard : undefined;
	const named = typeof name === 'string' ? `'${name}' ` : '';
	const place = `in transition for event '${type}' in state node '${stateId}'`;
	const message = thrown instanceof Error ? thrown.message : String(thrown);
	return new Error(`Unable to evaluate guard ${named}${place}:\n${message}`, { cause: thrown });
}

interface Conditional {
	(args: object, params: unknown): boolean;
	readonly check?: (snapshot: AnyMachineSnapshot, args: object, guard: unknown) => boolean;
}
type Guard = string | Conditional | { readonly type: string; readonly params?: unknown };

/** Whether a guard holds. Throws what it throws. */
function holds(now: Walk, guard: Guard): boolean {
	const { context, event } = now;
	const known =
		typeof guard === 'function'
			? guard
			: (now.machine.implementations.guards[typeof guard === 'string' ? guard : guard.type] as
					| Guard
					| undefined);
	if (!known) throw tooHard;
	if (typeof known !== 'function') return holds(now, known);
	const args = { context, event };
	if (known.check) return known.check(now.snapshot, args, known);
	return known(args, paramsOf(guard, args));
}

/** One step. */
function take(now: Walk, enabled: Enabled): void {
	if (enabled.length === 0) return;
	const plan = now.configuration.plan(enabled);
	if (!plan) throw tooHard;
	const before = now.snapshot;
	execute(now, plan.actions, undefined);
	for (const actions of plan.entries) executeEntry(now, actions);
	arrive(now, before, plan);
}

function arrive(now: Walk, before: AnyMachineSnapshot, { nodes }: StepPlan): void {
	const isThere = nodes === now.configuration.nodes;
	if (!isThere) now.configuration = now.find(nodes);
	const isSame = isThere && now.snapshot === before && now.context === before.context;
	if (!isSame) now.snapshot = snapshotOf(now);
}
