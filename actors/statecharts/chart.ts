/**
 * Charts: small statecharts as plain data, for actors of which there is one for each message in
 * flight. A chart is the source of two forms that behave alike: `interpretChart` makes an XState
 * machine of it, and `compileChart` a table that does the same in a fraction of the time. Property
 * tests compare the two.
 *
 * A chart has only what both forms do well: flat states, guarded transitions, assignments and
 * emitted events. There are no entry actions, timers, children or nested states. XState restores a
 * state but not its work, so timers and work belong to the runtime, which keeps them in the
 * journal.
 *
 * @module
 */
import type { MachineContext, Snapshot } from 'xstate';
import { ReeveError } from '../../runtime/platform/errors.ts';

/** An event that cannot be made. XState's own types break on `never` in its place. */
export interface Silence {
	readonly type: never;
}

/** The types of a chart, as one type, so that `Chart` needs one parameter. */
export interface ChartTypes {
	/** The union of the names of the states. */
	readonly state: string;
	/** Plain data that the journal can store; never changed in place. */
	readonly context: MachineContext;
	/** What an actor is created from. */
	readonly input: unknown;
	/** The union of the events, told apart by `type`. */
	readonly event: { readonly type: string };
	/** The output of an actor that is done. */
	readonly output: unknown;
	/** The union of the emitted events; {@link Silence} for a chart that emits nothing. */
	readonly emitted: { readonly type: string };
}

/**
 * One candidate for what an event does in a state. All functions are pure: both forms may call them
 * at any time, and more often than once for one event. One that throws ends the actor in `error`.
 */
export interface Transition<T extends ChartTypes, Event extends T['event'] = T['event']> {
	/** The next state; without one the state stays. */
	readonly target?: T['state'];
	/** The first candidate whose guard holds is taken; without a guard it always is. */
	readonly guard?: (context: T['context'], event: Event) => boolean;
	/** The part of the context that changes. */
	readonly assign?: (context: T['context'], event: Event) => Partial<T['context']>;
	/** The events for listeners of `actor.on`, in order; it gets the context after `assign`. */
	readonly emit?: (context: T['context'], event: Event) => readonly T['emitted'][];
}

/** A state that waits for events. An event that it does not name changes nothing. */
export interface OpenState<T extends ChartTypes> {
	readonly on: {
		readonly [Type in T['event']['type']]?:
			| Transition<T, Extract<T['event'], { readonly type: Type }>>
			| readonly Transition<T, Extract<T['event'], { readonly type: Type }>>[];
	};
	readonly final?: never;
}

/** A state in which the actor is done. Events that come later change nothing. */
export interface FinalState<T extends ChartTypes> {
	readonly final: true;
	readonly output?: (context: T['context']) => T['output'];
	readonly on?: never;
}

/** A statechart as data. */
export interface Chart<T extends ChartTypes> {
	readonly id: string;
	/** The first state. It may depend on the input, for actors that are made from journal rows. */
	readonly initial: T['state'] | ((input: T['input']) => T['state']);
	readonly context: (input: T['input']) => T['context'];
	readonly states: { readonly [State in T['state']]: OpenState<T> | FinalState<T> };
}

/** The state of an actor between two events; a machine's snapshot has these fields as well. */
export type ChartSnapshot<T extends ChartTypes> = Snapshot<T['output']> & {
	readonly value: T['state'];
	readonly context: T['context'];
};

/** Names that mean the same to XState as they do here: neither paths nor wildcards. */
const namePattern = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** A state with its transitions as lists, from which both forms are made. */
export interface ListedState<T extends ChartTypes> {
	readonly value: T['state'];
	/** The candidates by event type, in order of preference. */
	readonly on: readonly (readonly [type: string, candidates: readonly Transition<T>[]])[];
	/** Set if the state is a final one. */
	readonly final?: FinalState<T>;
}

/**
 * The states of a chart in the order of their declaration. A candidate gets only events of the type
 * that it is listed under, so it may be typed as one for any event.
 *
 * @throws ReeveError `internal` if a name is not made of letters, digits, dash and underscore
 */
export function listStates<T extends ChartTypes>(chart: Chart<T>): readonly ListedState<T>[] {
	const checked = <Name extends string>(name: Name): Name => {
		if (namePattern.test(name)) return name;
		throw new ReeveError('internal', `chart ${chart.id} uses the name ${JSON.stringify(name)}`);
	};
	return Object.keys(chart.states).map((name: T['state']) => {
		const value = checked(name);
		const state: OpenState<T> | FinalState<T> = chart.states[value];
		if (state.final) return { value, on: [], final: state };
		const on = Object.entries(state.on).map(([type, found]) => {
			const candidates = (Array.isArray(found) ? found : [found]) as readonly Transition<T>[];
			return [checked(type), candidates] as const;
		});
		return { value, on };
	});
}
