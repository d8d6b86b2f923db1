/**
 * Charts as ordinary XState machines: for drawing and inspecting them, and as the reference for
 * tests of the compiled form.
 *
 * @module
 */
import { setup } from 'xstate';
import { listStates, type Chart, type ChartTypes, type Transition } from './chart.ts';

/**
 * The state in which a machine with a computed first state begins. It is left at once, so no
 * snapshot shows it; no chart has a state of this name, because of the parentheses.
 */
const inputState = '(input)';

/** The arguments of XState's guards, assignments and outputs, as far as charts use them. */
interface Seen<T extends ChartTypes> {
	readonly context: T['context'];
	readonly event: T['event'];
}

/** XState's setup for machines of these types. The object is empty: XState reads only its type. */
function kitFor<T extends ChartTypes>() {
	const types = {} as {
		context: T['context'];
		events: T['event'];
		input: T['input'];
		output: T['output'];
		emitted: T['emitted'];
	};
	return setup({ types });
}

/** One candidate as XState's configuration; its assignment comes before its emitted events. */
function transitionConfig<T extends ChartTypes>({ target, guard, assign, emit }: Transition<T>) {
	const kit = kitFor<T>();
	const assignment = assign && kit.assign(({ context, event }) => assign(context, event));
	const emission =
		emit &&
		kit.enqueueActions(({ context, event, enqueue }) => {
			for (const emitted of emit(context, event)) enqueue.emit(emitted);
		});
	return {
		target,
		guard: guard && (({ context, event }: Seen<T>) => guard(context, event)),
		actions: [assignment, emission].filter((action) => action !== undefined),
	};
}

/**
 * Makes an XState machine of a chart. For many actors use `compileChart`, which works with
 * `createActor` as well and is many times faster.
 *
 * Differences that remain: the error of a guard comes wrapped in XState's own; the snapshot has the
 * further fields of a machine's; and a machine restored as `stopped` still takes events, which the
 * compiled form does not.
 *
 * @throws ReeveError `internal` if a name is not made of letters, digits, dash and underscore
 */
export function interpretChart<T extends ChartTypes>(chart: Chart<T>) {
	const kit = kitFor<T>();
	type StateConfig = Parameters<typeof kit.createStateConfig>[0];
	const { initial } = chart;
	const listed = listStates(chart);
	const states: Record<string, StateConfig> = {};
	for (const { value, on, final } of listed) {
		const table = on.map(([type, candidates]) => [type, candidates.map(transitionConfig<T>)]);
		states[value] = final
			? { type: 'final', output: ({ context }) => final.output?.(context) }
			: { on: Object.fromEntries(table) as StateConfig['on'] };
	}
	if (typeof initial === 'function') {
		const isFirst = (value: string, event: object) =>
			'input' in event && initial(event.input) === value;
		states[inputState] = {
			always: listed.map(({ value }) => ({
				target: value,
				guard: ({ event }) => isFirst(value, event),
			})),
		};
	}
	return kit.createMachine({
		id: chart.id,
		initial: typeof initial === 'function' ? inputState : initial,
		context: ({ input }) => chart.context(input),
		output: ({ event }) => event.output as T['output'],
		states,
	});
}
