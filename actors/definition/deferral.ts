/**
 * Deferral: a state may say that events of some types are to wait until the machine is in another
 * state.
 *
 * @module
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from 'xstate';
import { nodesOf } from './definition-check.ts';

/** The types of events that a state defers: what `defer` has put into its `meta`. */
export function defersOf(node: AnyStateNode): readonly string[] {
	const found: unknown = Reflect.get(Object(node.meta), 'reeveDefers');
	return Array.isArray(found) ? (found as readonly string[]) : [];
}

/**
 * Whether an instance wants an event later. Most definitions defer nothing, and are not looked at.
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
