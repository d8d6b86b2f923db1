/**
 * A statechart as SCXML has it: what both forms of a machine are made from.
 *
 * @module
 */
import type { Expression } from './expression.ts';

/** An event that is sent, with what it carries. */
export interface Sending {
	readonly does: 'send';
	readonly event: Expression;
	readonly data: Expression | undefined;
	/** Milliseconds, or text such as `1s`; undefined if it is sent at once. */
	readonly delay: Expression | undefined;
	readonly id: string | undefined;
	/** Whether it comes before all events that wait. */
	readonly isInternal: boolean;
}

/** What a transition, an entry or an exit does. */
export type Action =
	| Sending
	| { readonly does: 'assign'; readonly location: string; readonly value: Expression }
	| { readonly does: 'cancel'; readonly id: Expression }
	| { readonly does: 'log'; readonly label: string; readonly value: Expression | undefined }
	| { readonly does: 'if'; readonly branches: readonly Branch[] }
	| {
			readonly does: 'foreach';
			readonly list: Expression;
			readonly item: string;
			readonly index: string | undefined;
			readonly actions: readonly Action[];
	  };

/** One branch of an `if`; one without a condition is always taken. */
export interface Branch {
	readonly condition: Expression | undefined;
	readonly actions: readonly Action[];
}

/** A transition. */
export interface Transition {
	/** The descriptors of events; none if it needs no event. */
	readonly events: readonly string[];
	readonly condition: Expression | undefined;
	/** The names of states. */
	readonly targets: readonly string[];
	readonly isInternal: boolean;
	readonly actions: readonly Action[];
}

/** A state; the outermost one is the document. */
export interface ChartState {
	readonly name: string;
	/** The names of the states around it and its own, without that of the document. */
	readonly path: readonly string[];
	readonly kind: 'state' | 'parallel' | 'final' | 'history';
	readonly isDeep: boolean;
	/** Of a state with inner states, and of a history state. */
	readonly initial: Transition | undefined;
	readonly states: readonly ChartState[];
	readonly transitions: readonly Transition[];
	readonly entry: readonly Action[];
	readonly exit: readonly Action[];
	readonly output: Expression | undefined;
}

/** A document. */
export interface Chart {
	readonly root: ChartState;
	/** The variables with their first values, in the order of the document. */
	readonly data: readonly (readonly [string, Expression])[];
}

/** A state and all states inside it, outermost first. */
export function* statesOf(state: ChartState): Generator<ChartState> {
	yield state;
	for (const inner of state.states) yield* statesOf(inner);
}

/** The name that a state has in machines: XState takes a dot as the end of a name. */
export function safeName(id: string): string {
	return id.replaceAll(/[^\w-]/gu, '_');
}
