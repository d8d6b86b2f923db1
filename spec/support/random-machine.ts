/**
 * Random machines: states, guards, assignments, effects, timers and deferrals, drawn from a seed.
 *
 * @module
 */
import { assign, createMachine, raise, type AnyStateMachine } from 'xstate';
import { send } from '../../actors/definition/effects.ts';
import { sink } from './actor-node.ts';

/** What the machines of one seed count. */
interface Counts {
	readonly n: number;
	readonly last: string;
}

/** The types of the events that such a machine is given. */
export const eventTypes = ['A', 'B', 'C', 'D'] as const;

/** Draws a machine. It never sends itself events for ever. */
export function randomMachine(chance: () => number): AnyStateMachine {
	const below = (count: number) => Math.floor(chance() * count);
	const states = Array.from({ length: 2 + below(4) }, (_, n) => `s${n}`);
	const anyState = () => states[below(states.length)];
	const note = (label: string) =>
		send(({ context }: { context: Counts }) => ({ method: sink, data: `${label} ${context.n}` }));
	const count = (by: number) =>
		assign({ n: ({ context }: { context: Counts }) => (context.n * 3 + by) % 1009 });

	const transition = (label: string): object => {
		const limit = below(1009);
		const isGuarded = chance() < 0.4;
		const actions = [
			...(chance() < 0.7 ? [count(1 + below(9))] : []),
			...(chance() < 0.6 ? [note(label)] : []),
			...(chance() < 0.15 ? [raise({ type: 'E' })] : []),
		];
		return {
			actions,
			...(chance() < 0.7 ? { target: anyState(), reenter: chance() < 0.3 } : {}),
			...(isGuarded ? { guard: ({ context }: { context: Counts }) => context.n < limit } : {}),
		};
	};
	const state = (name: string): object => {
		const handled = eventTypes.filter(() => chance() < 0.7);
		const on = handled.map((type) => [
			type,
			Array.from({ length: 1 + below(2) }, () => transition(`${name}.${type}`)),
		]);
		// What is raised is heard, and raises nothing.
		const inner = { E: { actions: [count(7), ...(chance() < 0.5 ? [note(`${name}.E`)] : [])] } };
		const delay = 1000 * (1 + below(5));
		return {
			on: { ...Object.fromEntries(on), ...inner },
			...(chance() < 0.4
				? { entry: [count(2), ...(chance() < 0.4 ? [note(`+${name}`)] : [])] }
				: {}),
			...(chance() < 0.4 ? { exit: [count(3)] } : {}),
			...(chance() < 0.5
				? { after: { [delay]: { target: anyState(), actions: [note(`${name} late`)] } } }
				: {}),
		};
	};
	const create = createMachine as (config: object) => AnyStateMachine;
	return create({
		id: 'random',
		context: { n: 1, last: '' },
		initial: anyState(),
		states: Object.fromEntries(states.map((name) => [name, state(name)])),
	});
}
