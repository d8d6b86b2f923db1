/**
 * Random trees of supervisors, in the form of scenarios.
 *
 * @module
 */
import type { Dice } from '../support/random-tree.ts';
import {
	staticStrategies,
	type Plan,
	type SupervisorPlan,
	type Trap,
	type WorkerPlan,
} from './scenario.ts';

const traps: readonly Trap[] = [
	...(['no', 'no', 'no', 'no', 'yes', 'yes'] as const),
	...(['slow', 'refuse', 'normal', 'crash'] as const),
];

/** What is set only sometimes: undefined is left out. */
function given<Fields extends object>(fields: Fields): { [Key in keyof Fields]?: never } & object {
	const set = Object.entries(fields).filter(([, value]) => value !== undefined);
	return Object.fromEntries(set) as never;
}

/** A supervisor must not wait without limit for a child that refuses to end. */
function shutdownOf(dice: Dice, trap: Trap): WorkerPlan['shutdown'] | undefined {
	if (trap === 'refuse') return dice.pick([40, 40, 'brutal_kill']);
	if (trap === 'slow') return dice.pick([undefined, 400, 'infinity', 'brutal_kill']);
	return dice.pick([undefined, undefined, 400, 'infinity', 'brutal_kill']);
}

/** Only who is not permanent can be significant, and only where that means something. */
function mayBeSignificant(restart: string | undefined, above: string): boolean {
	return above !== 'never' && restart !== undefined && restart !== 'permanent';
}

/** A worker below a supervisor whose `auto` is `above`. */
export function randomWorker(dice: Dice, id: string, above = 'never'): WorkerPlan {
	const trap = dice.pick(traps);
	const restart = dice.pick([undefined, 'permanent', 'transient', 'transient', 'temporary']);
	return {
		kind: 'worker',
		id,
		trap,
		shape: dice.pick(['service', 'service', 'async', 'actor'] as const),
		...given({
			restart,
			shutdown: shutdownOf(dice, trap),
			type: dice.happens(0.05) ? dice.pick(['worker', 'supervisor']) : undefined,
			significant: (mayBeSignificant(restart, above) && dice.happens(0.6)) || undefined,
			name: dice.happens(0.06) ? dice.pick(['n1', 'n2']) : undefined,
		}),
	};
}

const simple = 'simple_one_for_one';
/** Two of them more often. */
const strategies = [...staticStrategies, 'one_for_one', 'rest_for_one', simple];

/** Whether its children are made from a template. */
export const isSimple = ({ strategy }: SupervisorPlan): boolean => strategy === simple;

/** A supervisor that has `depth` others above it. */
export function randomSupervisor(
	dice: Dice,
	{ id, depth }: { readonly id: string; readonly depth: number },
	above = 'never',
): SupervisorPlan {
	const strategy = dice.pick(strategies);
	const isDynamic = strategy === simple;
	const hasAuto = !isDynamic && dice.happens(0.3);
	const auto = hasAuto ? dice.pick(['never', 'any_significant', 'all_significant']) : undefined;
	const flags = given({
		intensity: dice.pick([undefined, 0, 1, 2, 3, 3, 4]),
		period: dice.pick([undefined, undefined, 1, 2]),
		auto,
	});
	const place = depth > 0 ? randomPlace(dice, above) : {};
	const children = Array.from({ length: isDynamic ? 1 : dice.below(5) }, (_, at): Plan => {
		const childId = 'abcdefg'.charAt(at);
		const isNested = depth < 2 && dice.happens(isDynamic ? 0.12 : 0.3);
		const child = isNested
			? randomSupervisor(dice, { id: childId, depth: depth + 1 }, auto)
			: randomWorker(dice, childId, auto);
		return isDynamic ? templateOf(child) : child;
	});
	return { kind: 'sup', id, strategy, ...flags, ...place, children };
}

/** What a supervisor says of itself as a child. */
function randomPlace(dice: Dice, above: string): object {
	const restart = dice.pick([
		undefined,
		undefined,
		undefined,
		'permanent',
		'transient',
		'temporary',
	]);
	return given({
		restart,
		shutdown: dice.happens(0.2) ? 'infinity' : undefined,
		significant: (mayBeSignificant(restart, above) && dice.happens(0.6)) || undefined,
	});
}

/** Children of a template cannot have one name. */
function templateOf(plan: Plan): Plan {
	if (plan.kind === 'sup') return plan;
	const { name: _name, ...template } = plan;
	return template;
}
