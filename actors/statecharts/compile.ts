/**
 * Charts compiled to tables: the form that runs in production, where each message has an actor of
 * its own, which must cost next to nothing.
 *
 * @module
 */
import type { ActorLogic, ActorSystem, ActorSystemInfo } from 'xstate';
import { ReeveError } from '../../runtime/platform/errors.ts';
import {
	listStates,
	type Chart,
	type ChartSnapshot,
	type ChartTypes,
	type FinalState,
	type Transition,
} from './chart.ts';

/** A compiled chart: actor logic for `createActor`, and the same as two pure functions. */
export interface CompiledChart<T extends ChartTypes> extends ActorLogic<
	ChartSnapshot<T>,
	T['event'],
	T['input'],
	ActorSystem<ActorSystemInfo>,
	T['emitted']
> {
	/** The first snapshot of an actor made from `input`. Throws what the chart's functions throw. */
	begin(input: T['input']): ChartSnapshot<T>;
	/**
	 * The snapshot after `event`, or the same one if it changes nothing, which is so for every event
	 * after the end. Emitted events are dropped, as there are no listeners. Throws what the chart's
	 * functions throw, where an actor would end in `error`.
	 */
	step(snapshot: ChartSnapshot<T>, event: T['event']): ChartSnapshot<T>;
}

/** A row of the table: a candidate, with its target looked up. */
interface Row<T extends ChartTypes> extends Transition<T> {
	readonly to: State<T>;
}

interface State<T extends ChartTypes> {
	readonly value: T['state'];
	readonly final: FinalState<T> | undefined;
	readonly rows: Map<string, readonly Row<T>[]>;
}

/** Finds a state. An unknown one comes from a journal that another version has written. */
function find<T extends ChartTypes>(table: ReadonlyMap<string, State<T>>, value: T['state']) {
	const state = table.get(value);
	if (state) return state;
	throw new ReeveError('internal', `the chart has no state ${JSON.stringify(value)}`);
}

/** Builds the states first and then their rows, so that each row can point at its target. */
function tableOf<T extends ChartTypes>(chart: Chart<T>): ReadonlyMap<string, State<T>> {
	const listed = listStates(chart);
	const table = new Map<string, State<T>>(
		listed.map(({ value, final }) => [value, { value, final, rows: new Map() }]),
	);
	for (const { value, on } of listed) {
		const state = find(table, value);
		for (const [type, candidates] of on) {
			const rows = candidates.map(({ target = value, guard, assign, emit }) => ({
				guard,
				assign,
				emit,
				to: find(table, target),
			}));
			state.rows.set(type, rows);
		}
	}
	return table;
}

/** The snapshot on arrival in `state`. All snapshots have the same shape, for speed. */
function arrive<T extends ChartTypes>(state: State<T>, context: T['context']): ChartSnapshot<T> {
	const { value, final } = state;
	if (!final) return { status: 'active', value, context, output: undefined, error: undefined };
	return { status: 'done', value, context, output: final.output?.(context), error: undefined };
}

/** The snapshot after `actor.stop()`, which XState sends to its logic as an event. */
function stopped<T extends ChartTypes>({ value, context }: ChartSnapshot<T>): ChartSnapshot<T> {
	return { status: 'stopped', value, context, output: undefined, error: undefined };
}

/** The context after the assignment of a row. */
function assigned<T extends ChartTypes>(
	{ assign }: Row<T>,
	{ context }: ChartSnapshot<T>,
	event: T['event'],
): T['context'] {
	// On Node 20 this is several times faster than spreading both into a literal.
	return assign ? Object.assign({}, context, assign(context, event)) : context;
}

/**
 * Compiles a chart to a table. The logic keeps no state of its own, so one serves all actors, and
 * its snapshots hold nothing but data: they may be stored as they are.
 *
 * @throws ReeveError `internal` if a name is not made of letters, digits, dash and underscore, or a
 * target is no state
 */
export function compileChart<T extends ChartTypes>(chart: Chart<T>): CompiledChart<T> {
	const table = tableOf(chart);
	const { initial } = chart;
	const none: readonly Row<T>[] = [];

	const choose = (snapshot: ChartSnapshot<T>, event: T['event']): Row<T> | undefined => {
		if (snapshot.status !== 'active') return undefined;
		const rows = table.get(snapshot.value)?.rows.get(event.type) ?? none;
		for (const row of rows) if (!row.guard || row.guard(snapshot.context, event)) return row;
		return undefined;
	};

	const begin = (input: T['input']): ChartSnapshot<T> => {
		const context = chart.context(input);
		const first = typeof initial === 'function' ? initial(input) : initial;
		return arrive(find(table, first), context);
	};

	return {
		begin,
		step(snapshot, event) {
			const row = choose(snapshot, event);
			return row ? arrive(row.to, assigned(row, snapshot, event)) : snapshot;
		},
		transition(snapshot, event, scope) {
			const row = choose(snapshot, event);
			if (!row) return event.type === 'xstate.stop' ? stopped(snapshot) : snapshot;
			const context = assigned(row, snapshot, event);
			const heard = row.emit?.(context, event);
			const next = arrive(row.to, context);
			if (heard) for (const emitted of heard) scope.defer(() => scope.emit(emitted));
			return next;
		},
		getInitialSnapshot: (_scope, input) => begin(input),
		getPersistedSnapshot: (snapshot) => snapshot,
		restoreSnapshot(persisted) {
			const { status, value, context, output, error } = persisted as ChartSnapshot<T>;
			find(table, value);
			return { status, value, context, output, error } as ChartSnapshot<T>;
		},
	};
}
