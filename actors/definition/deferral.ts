/**
 * Deferral: events of the types that a state defers wait until the machine is in another state.
 *
 * @module
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from 'xstate';
import { nodesOf } from './definition-check.ts';

/** The types of events that a state defers, as `defer` has written them into its `meta`. */
export function defersOf(node: AnyStateNode): readonly string[] {
	const found: unknown = Reflect.get(Object(node.meta), 'reeveDefers');
	return Array.isArray(found) ? (found as readonly string[]) : [];
}

/** What a machine defers. For one that defers nothing, as most do, the checks cost nothing. */
export interface Deferral {
	/** Whether the state of an instance defers this event; one without a state defers nothing. */
	defers(
		instance: { readonly snapshot: AnyMachineSnapshot | undefined },
		event: EventObject,
	): boolean;
	/** Whether the initial state must be entered first, to find out whether it defers this event. */
	needsState(
		instance: { readonly snapshot: AnyMachineSnapshot | undefined },
		event: EventObject,
	): boolean;
}

/** Creates the checks of what a machine defers. */
export function createDeferral(machine: AnyStateMachine): Deferral {
	const deferred = new Set([...nodesOf(machine.root)].flatMap(defersOf));
	if (deferred.size === 0) return { defers: () => false, needsState: () => false };
	return {
		defers({ snapshot }, { type }) {
			// A machine that has ended enters no other state: what waits for one would never end.
			if (snapshot && snapshot.status !== 'active') return false;
			const active = (snapshot?._nodes ?? []) as readonly AnyStateNode[];
			return active.some((node) => defersOf(node).includes(type));
		},
		needsState: ({ snapshot }, { type }) => snapshot === undefined && deferred.has(type),
	};
}
