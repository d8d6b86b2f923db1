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

/**
 * Makes the check whether an instance defers an event. For a definition that defers nothing, as
 * most do, it costs nothing.
 */
export function createDeferral(
	machine: AnyStateMachine,
): (
	instance: { readonly snapshot: AnyMachineSnapshot | undefined },
	event: EventObject,
) => boolean {
	const isUsed = [...nodesOf(machine.root)].some((node) => defersOf(node).length > 0);
	if (!isUsed) return () => false;
	return ({ snapshot }, { type }) => {
		const active = (snapshot?._nodes ?? []) as readonly AnyStateNode[];
		return active.some((node) => defersOf(node).includes(type));
	};
}
