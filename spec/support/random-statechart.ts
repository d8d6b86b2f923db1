/**
 * Random statecharts: nested and parallel states, guards, entry and exit actions, eventless
 * transitions, timers, raised events and final states, drawn from a seed.
 *
 * @module
 */
import { assign, cancel, createMachine, emit, enqueueActions, raise, stateIn } from 'xstate';
import type { AnyStateMachine } from 'xstate';

/** The types of the events that such a machine is given. */
export const chartEvents = ['A', 'B', 'C', 'xstate.after.500.m.never', 'NOBODY'] as const;

interface Trail {
	readonly n: number;
	readonly path: string;
}
type About = { readonly context: Trail };

/** What is left to chance. */
interface Dice {
	chance(share: number): boolean;
	below(count: number): number;
	pick<Value>(values: readonly Value[]): Value | undefined;
}

/** Draws a machine. */
export function randomStatechart(random: () => number): AnyStateMachine {
	const below = (count: number) => Math.floor(random() * count);
	const dice: Dice = {
		below,
		chance: (share) => random() < share,
		pick: (values) => values[below(values.length)],
	};
	const ids = ['m'];
	const shape = shapeOf(dice, { id: 'm', depth: 3 }, ids);
	const create = createMachine as (config: object, implementations: object) => AnyStateMachine;
	const config = { ...stateOf(dice, shape, ids), context: { n: 1, path: '' } };
	const note = assign({ path: ({ context }: About) => `${context.path}!`.slice(-40) });
	const odd = ({ context }: About) => context.n % 2 === 1;
	return create(config, { actions: { note }, guards: { odd } });
}

interface Shape {
	readonly id: string;
	readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
	readonly inside: readonly (readonly [string, Shape])[];
}

function shapeOf(dice: Dice, { id, depth }: { id: string; depth: number }, ids: string[]): Shape {
	const isRoot = id === 'm';
	if (depth === 0 || (!isRoot && dice.chance(0.45))) return { id, kind: 'atomic', inside: [] };
	const kind = dice.chance(0.35) ? 'parallel' : 'compound';
	// Keys that look like numbers come first in every object, whatever their place was.
	const names = ['b', 'a', '2', '1'].slice(0, 2 + dice.below(kind === 'parallel' ? 2 : 3));
	const inside = names.map((name): [string, Shape] => {
		const inner = `${id}_${name}`;
		ids.push(inner);
		return [name, shapeOf(dice, { id: inner, depth: depth - 1 }, ids)];
	});
	if (kind === 'compound' && dice.chance(0.12)) {
		inside.push(['over', { id: `${id}_over`, kind: 'final', inside: [] }]);
		ids.push(`${id}_over`);
	}
	if (dice.chance(0.03)) inside.push(['was', { id: `${id}_was`, kind: 'history', inside: [] }]);
	return { id, kind, inside };
}

function stateOf(dice: Dice, { id, kind, inside }: Shape, ids: readonly string[]): object {
	if (kind === 'history' || kind === 'final') return { id, type: kind };
	const handled = ['A', 'B', 'C', 'E'].filter(() => dice.chance(0.4));
	const on = handled.map((type): [string, unknown] => [
		type,
		manyOf(dice, () => transition(dice, ids, type)),
	]);
	if (dice.chance(0.02)) on.push(['*', { actions: step(dice) }]);
	const always = dice.chance(0.25) ? { always: manyOf(dice, () => falling(dice, ids)) } : {};
	const after = { after: { 500: { target: `#${dice.pick(ids)}`, actions: step(dice) } } };
	const [first] = inside;
	const initial = { initial: { target: first?.[0], actions: step(dice) } };
	return {
		id,
		...(kind === 'atomic' ? {} : { type: kind }),
		on: Object.fromEntries(on),
		...always,
		...(dice.chance(0.2) ? after : {}),
		...(dice.chance(0.5) ? { entry: steps(dice) } : {}),
		...(dice.chance(0.5) ? { exit: steps(dice) } : {}),
		...(dice.chance(0.2) ? { tags: [id] } : {}),
		...(kind === 'compound' ? initial : {}),
		states: Object.fromEntries(inside.map(([name, shape]) => [name, stateOf(dice, shape, ids)])),
	};
}

function manyOf<Value>(dice: Dice, make: () => Value): Value[] {
	return Array.from({ length: 1 + dice.below(3) }, make);
}

function transition(dice: Dice, ids: readonly string[], type: string): object {
	const targets = { target: `#${dice.pick(ids)}`, reenter: dice.chance(0.3) };
	const raised = type !== 'E' && dice.chance(0.2) ? [raise({ type: 'E' })] : [];
	return {
		...(dice.chance(0.7) ? targets : {}),
		...(dice.chance(0.4) ? { guard: guardOf(dice, ids) } : {}),
		actions: [...steps(dice), ...raised],
	};
}

/** An eventless transition: each makes the number smaller, so that there is an end. */
function falling(dice: Dice, ids: readonly string[]): object {
	const least = 500 + dice.below(500);
	return {
		guard: ({ context }: About) => context.n > least,
		actions: assign({ n: ({ context }: About) => Math.floor(context.n / 2) }),
		...(dice.chance(0.8) ? { target: `#${dice.pick(ids)}` } : {}),
	};
}

function guardOf(dice: Dice, ids: readonly string[]): unknown {
	const limit = dice.below(1009);
	const low = ({ context }: About) => context.n < limit;
	return dice.pick([low, 'odd', { type: 'odd' }, stateIn(`#${dice.pick(ids)}`)]);
}

const steps = (dice: Dice) => Array.from({ length: dice.below(3) }, () => step(dice));

function step(dice: Dice): unknown {
	const by = 1 + dice.below(9);
	return dice.pick([
		assign({ n: ({ context }: About) => (context.n * 3 + by) % 1009 }),
		assign(({ context }: About) => ({ path: `${context.path}${by}`.slice(-40) })),
		emit(({ context }: About) => ({ type: 'told', n: context.n, by })),
		'note',
		{ type: 'note' },
		cancel(`t${by}`),
		raise({ type: 'LATER' }, { delay: 100 * by, id: `t${by}` }),
		enqueueActions(({ enqueue, check }) => {
			if (check('odd')) enqueue.assign({ n: ({ context }: About) => (context.n + by) % 1009 });
			enqueue.emit({ type: 'queued' });
		}),
	]);
}
