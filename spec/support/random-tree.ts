/**
 * Random trees of supervisors, made twice from one plan: as the model sees them, and as they really
 * run.
 *
 * @module
 */
import type { ChildSpec, Start, SupervisorSpec } from '../../supervisors/otp/child-spec.ts';
import { createChild, type Child, type OwnedChild } from '../../supervisors/otp/child.ts';
import { exitText, type ExitReason } from '../../supervisors/otp/exit-reason.ts';
import {
	isSupervisor,
	supervisorChild,
	type SupervisorRef,
} from '../../supervisors/otp/supervisor.ts';
import type { Fault, Plan, Reason, SupervisorPlan, WorkerPlan } from './otp-model.ts';

/** Chances, from one seed. */
export interface Dice {
	/** A whole number below `count`. */
	below(count: number): number;
	/** One of these. */
	pick<Value>(values: readonly Value[]): Value;
	/** Whether something of this probability happens. */
	happens(probability: number): boolean;
}

/** Makes dice of a source of numbers in [0, 1). */
export function diceOf(chance: () => number): Dice {
	const below = (count: number) => Math.floor(chance() * count);
	return {
		below,
		pick: (values) => values[below(values.length)]!,
		happens: (probability) => chance() < probability,
	};
}

const strategies = ['one_for_one', 'one_for_all', 'rest_for_one', 'simple_one_for_one'] as const;
const restarts = ['permanent', 'permanent', 'transient', 'temporary'] as const;

const autoShutdowns = ['any_significant', 'all_significant'] as const;

/** What every plan says of its place; only those that are not permanent can be significant. */
function place(dice: Dice, id: string, parent: SupervisorPlan['autoShutdown']) {
	const restart = dice.pick(restarts);
	const mayBe = restart !== 'permanent' && parent !== 'never';
	return { id, restart, isSignificant: mayBe && dice.happens(0.5) } as const;
}

/** A worker. */
export function randomWorker(
	dice: Dice,
	id: string,
	parent: SupervisorPlan['autoShutdown'] = 'never',
): WorkerPlan {
	return { kind: 'worker', ...place(dice, id, parent) };
}

/** A supervisor with `levels` levels of supervisors, itself included. */
export function randomSupervisor(
	dice: Dice,
	{ id, levels }: { readonly id: string; readonly levels: number },
	parent: SupervisorPlan['autoShutdown'] = 'never',
): SupervisorPlan {
	const strategy = levels === 3 ? dice.pick(strategies.slice(0, 3)) : dice.pick(strategies);
	const isSimple = strategy === 'simple_one_for_one';
	const autoShutdown = isSimple || dice.happens(0.5) ? 'never' : dice.pick(autoShutdowns);
	const children = Array.from({ length: isSimple ? 1 : 1 + dice.below(4) }, (_, index): Plan => {
		const inner = 'abcd'.charAt(index);
		const isWorker = isSimple || levels === 1 || dice.happens(levels === 3 ? 0.2 : 0.6);
		if (isWorker) return randomWorker(dice, inner, autoShutdown);
		return randomSupervisor(dice, { id: inner, levels: levels - 1 }, autoShutdown);
	});
	return {
		kind: 'supervisor',
		...place(dice, id, parent),
		strategy,
		intensity: dice.below(5),
		periodS: 1 + dice.below(4),
		autoShutdown,
		// Odd numbers, so that hardly ever two of them are over at once.
		pauseMs: dice.happens(0.4) ? 301 + 2 * dice.below(200) : 0,
		children,
	};
}

/** What the real tree is made with. */
export interface Stagehands {
	/** Every start and every end, in order. */
	readonly story: string[];
	readonly faults: ReadonlyMap<string, Fault[]>;
	/** The paths of the processes that were started. */
	readonly paths: WeakMap<Child, string>;
	readonly workers: WeakMap<Child, OwnedChild>;
}

function note(child: Child, path: string, { story, paths }: Stagehands): void {
	story.push(`start ${path}`);
	paths.set(child, path);
	child.onExit((reason) => story.push(`end ${path} ${wordOf(reason)}`));
}

const wordOf = (reason: ExitReason) => (reason instanceof Error ? 'crash' : exitText(reason));

function workerStart(parent: string, hands: Stagehands): Start {
	return ({ id, args: [label = id] }) => {
		const path = `${parent}/${String(label)}`;
		const fault = hands.faults.get(path)?.shift();
		if (fault) hands.story.push(`${fault} ${path}`);
		if (fault === 'ignore') return fault;
		if (fault) throw new Error(path);
		const child = createChild(id, { shutdown: (reason) => child.exit(reason), kill() {} });
		hands.workers.set(child, child);
		note(child, path, hands);
		return child;
	};
}

/** The specification of a child below `parent`. */
export function childOfPlan(plan: Plan, parent: string, hands: Stagehands): ChildSpec {
	const { id, restart, isSignificant: significant } = plan;
	if (plan.kind === 'worker')
		return { id, restart, significant, start: workerStart(parent, hands) };
	const path = `${parent}/${id}`;
	const spec = supervisorChild(specOfPlan(plan, path, hands), { restart, significant });
	return {
		...spec,
		async start(context) {
			try {
				const child = await spec.start(context);
				if (typeof child === 'object' && 'pid' in child) note(child, path, hands);
				return child;
			} catch (thrown) {
				hands.story.push(`error ${path}`);
				throw thrown;
			}
		},
	};
}

/** The specification of a supervisor. */
export function specOfPlan(plan: SupervisorPlan, path: string, hands: Stagehands): SupervisorSpec {
	const { id: name, strategy, intensity, periodS: period, autoShutdown, pauseMs } = plan;
	const children = plan.children.map((child) => childOfPlan(child, path, hands));
	const spec = { name, strategy, intensity, period, autoShutdown, children };
	if (pauseMs === 0) return spec;
	return { ...spec, backoff: { minMs: pauseMs, maxMs: pauseMs, jitter: 0 } };
}

/** The running child at a path, below `top`. */
export function childAt(top: SupervisorRef, path: string, { paths }: Stagehands): Child {
	const find = (ref: SupervisorRef): Child | undefined => {
		for (const { child, state } of ref.view().children) {
			if (!child || state !== 'running') continue;
			if (paths.get(child) === path) return child;
			const below = isSupervisor(child) ? find(child) : undefined;
			if (below) return below;
		}
		return undefined;
	};
	const found = path === top.id ? top : find(top);
	if (!found) throw new Error(`nothing runs at ${path}`);
	return found;
}

/** The real tree in one line, as the model draws its own. */
export function pictureOfRef(ref: SupervisorRef, { paths }: Stagehands): string {
	if (ref.exitReason !== undefined) return `${ref.id}:stopped`;
	const { strategy, children } = ref.view();
	const isSimple = strategy === 'simple_one_for_one';
	const inside = children.map(({ id, child, state }) => {
		const label = isSimple && child ? (paths.get(child)?.split('/').at(-1) ?? id) : id;
		if (state !== 'running' || !child) return `${label}:${state}`;
		return isSupervisor(child) ? pictureOfRef(child, { paths } as Stagehands) : label;
	});
	if (isSimple) inside.sort();
	return `${ref.id}(${inside.join(' ')})`;
}

/** The reason for a real process. */
export function reasonOf(reason: Reason): ExitReason {
	return reason === 'crash' ? new Error('crash') : reason;
}
