/**
 * Random scenarios: each follows from the seed and its number alone.
 *
 * @module
 */
import { seededChance } from '../../runtime/platform/clock.ts';
import { fingerprint } from '../../runtime/platform/hash.ts';
import { diceOf, type Dice } from '../support/random-tree.ts';
import { isSimple, randomSupervisor, randomWorker } from './random-plan.ts';
import type { Act, Scenario, StartResult, Step, SupervisorPlan } from './scenario.ts';

/** The first number of a random scenario: those below are written by hand. */
export const firstRandomId = 1001;

interface Position {
	readonly path: string;
	readonly plan: SupervisorPlan;
}

/** A scenario while it is made. */
interface Draft {
	readonly dice: Dice;
	readonly isTimed: boolean;
	readonly sups: Position[];
	/** The positions of workers, also of those that are started later. */
	readonly workers: string[];
	readonly dynamic: string[];
}

/** So many scenarios of a seed. */
export function randomScenarios(seed: number, count: number): readonly Scenario[] {
	return Array.from({ length: count }, (_, number) => randomScenario(seed, number));
}

function randomScenario(seed: number, number: number): Scenario {
	const dice = diceOf(seededChance(fingerprint(`scenario ${seed} ${number}`)));
	let top = randomSupervisor(dice, { id: 'top', depth: 0 });
	while (!isSimple(top) && top.children.length === 0) {
		top = randomSupervisor(dice, { id: 'top', depth: 0 });
	}
	const isTimed = dice.happens(0.2);
	const draft: Draft = { dice, isTimed, sups: [], workers: [], dynamic: [] };
	survey(draft, { path: 'top', plan: top });
	const first = dice.happens(0.12) ? anyWorker(draft) : undefined;
	const init: readonly Act[] = first === undefined ? [] : [faultsOf(draft, first)];
	const steps: Step[] = [];
	const length = 3 + dice.below(9);
	while (steps.length < length) steps.push(...randomStep(draft));
	const name = `random scenario ${number} of seed ${seed}`;
	return { id: firstRandomId + number, name, timed: isTimed, top, init, steps };
}

/** Notes all positions of a tree; of dynamic children there are none yet. */
function survey(draft: Draft, position: Position): void {
	draft.sups.push(position);
	if (isSimple(position.plan)) return;
	for (const child of position.plan.children) {
		const path = `${position.path}/${child.id}`;
		if (child.kind === 'sup') survey(draft, { path, plan: child });
		else draft.workers.push(path);
	}
}

function anyWorker({ dice, workers, dynamic }: Draft, under = ''): string | undefined {
	const all = [...workers, ...dynamic].filter((path) => path.startsWith(under));
	return all.length > 0 ? dice.pick(all) : undefined;
}

const bad: readonly StartResult[] = ['error', 'exception', 'badreturn', 'ok', 'info'];

/** The results of the next starts; a dynamic child does not ignore, which OTP 25 gets wrong. */
function faultsOf({ dice, dynamic }: Draft, path: string): Act {
	const results: readonly StartResult[] = dynamic.includes(path)
		? bad
		: ['error', 'ignore', ...bad];
	const list = Array.from({ length: 1 + dice.below(3) }, () => dice.pick(results));
	return { do: 'faults', path, list };
}

/** Why a worker ends: by itself, or by a signal. */
const mild = ['normal', 'shutdown', 'shutdown_x', 'crash'];
const reasons = [...mild, 'crash', 'crash', 'crash', 'killed', 'kill', 'kill'];

/** A worker ends in some way, and its restart may fail. */
function harm(draft: Draft, under = ''): readonly Act[] {
	const { dice } = draft;
	const path = anyWorker(draft, under);
	if (path === undefined) return [];
	const other = dice.happens(0.6) ? path : (anyWorker(draft, under) ?? path);
	const fails = dice.happens(0.35) ? [faultsOf(draft, other)] : [];
	if (dice.happens(0.8)) return [...fails, { do: 'exit', path, reason: dice.pick(reasons) }];
	const reason = dice.pick(mild);
	return [...fails, { do: dice.pick(['signal', 'link']), path, reason }];
}

const callNames = [
	...(['start', 'start', 'start', 'terminate', 'terminate', 'restart', 'restart'] as const),
	...(['delete', 'which', 'count', 'getspec'] as const),
];

/** A call to a supervisor; a busy one is not changed, nor one whose seconds are counted. */
function administer(draft: Draft, position: Position, isBusy = false): readonly Act[] {
	const { dice, isTimed } = draft;
	const what = dice.pick([...callNames, ...(isTimed || isBusy ? [] : (['change'] as const))]);
	if (what === 'which' || what === 'count') return [{ do: what, sup: position.path }];
	if (isSimple(position.plan)) return administerPool(draft, position, what);
	if (what === 'start') return startChild(draft, position);
	if (what === 'change') return [randomChange(draft, position)];
	return [{ do: what, sup: position.path, id: anyId(draft, position) }];
}

function anyId({ dice }: Draft, { plan }: Position): string {
	return dice.pick([...plan.children.map(({ id }) => id), 'n1', 'n2']);
}

function administerPool(
	draft: Draft,
	position: Position,
	what: 'start' | 'terminate' | 'restart' | 'delete' | 'getspec' | 'change',
): readonly Act[] {
	const { dice, dynamic } = draft;
	const { path, plan } = position;
	if (what === 'start') {
		const label = `d${dynamic.length + 1}`;
		dynamic.push(`${path}/${label}`);
		const fails = dice.happens(0.2) ? [faultsOf(draft, `${path}/${label}`)] : [];
		return [...fails, { do: 'start', sup: path, child: label }];
	}
	if (what === 'change') {
		const more = dice.happens(0.5) ? { intensity: dice.pick([0, 1, 2, 3]) } : {};
		return [{ do: 'change', sup: path, plan: { ...plan, ...more } }];
	}
	const mine = dynamic.filter((each) => each.startsWith(`${path}/`));
	const isByActor = what === 'terminate' || what === 'getspec';
	if (isByActor && mine.length > 0 && dice.happens(0.8)) {
		return [{ do: what, sup: path, id: { pid: dice.pick(mine) } }];
	}
	return [{ do: what, sup: path, id: anyId(draft, position) }];
}

function startChild(draft: Draft, position: Position): readonly Act[] {
	const { dice, workers } = draft;
	const { path, plan } = position;
	const id = dice.happens(0.7) ? dice.pick(['n1', 'n2', 'n3']) : anyId(draft, position);
	const isNested = dice.happens(0.15) && path.split('/').length < 3;
	const child = isNested
		? randomSupervisor(dice, { id, depth: 1 }, plan.auto)
		: randomWorker(dice, id, plan.auto);
	const below = `${path}/${id}`;
	if (child.kind === 'worker' && !workers.includes(below)) workers.push(below);
	const fails = dice.happens(0.2) ? [faultsOf(draft, below)] : [];
	return [...fails, { do: 'start', sup: path, child }];
}

/** A change of a static supervisor: of its children, their restarts, or its own settings. */
function randomChange(draft: Draft, { path, plan }: Position): Act {
	const { dice, workers } = draft;
	if (dice.happens(0.08)) return { do: 'change', sup: path, plan: { ...plan, ignore: true } };
	let children = plan.children;
	if (children.length > 0 && dice.happens(0.4)) {
		children = children.toSpliced(dice.below(children.length), 1);
	}
	if (dice.happens(0.4)) {
		const added = randomWorker(dice, `m${dice.below(3)}`);
		children = children.toSpliced(dice.below(children.length + 1), 0, added);
		workers.push(`${path}/${added.id}`);
	}
	if (dice.happens(0.4)) {
		children = children.map((child) => {
			if (child.significant || !dice.happens(0.4)) return child;
			return { ...child, restart: dice.pick(['permanent', 'transient', 'temporary']) };
		});
	}
	const [twice] = children;
	if (twice && dice.happens(0.05)) children = [...children, twice];
	return { do: 'change', sup: path, plan: { ...plan, ...randomSettings(dice), children } };
}

function randomSettings(dice: Dice): object {
	return {
		...(dice.happens(0.4) ? { intensity: dice.pick([0, 1, 2, 3, 5, -1]) } : {}),
		...(dice.happens(0.2)
			? { strategy: dice.pick(['one_for_one', 'one_for_all', 'rest_for_one']) }
			: {}),
	};
}

function randomStep(draft: Draft): readonly Step[] {
	const { dice, isTimed, sups } = draft;
	const position = dice.pick(sups);
	const roll = dice.below(100);
	if (isTimed && roll < 22) return [{ do: 'tick', n: 1 + dice.below(3) }];
	if (roll < 50) return harm(draft);
	if (roll < 60) return busyStep(draft, position);
	if (roll < 69) return rareStep(draft, position.path, roll);
	return administer(draft, position);
}

function busyStep(draft: Draft, position: Position): readonly Step[] {
	const { dice } = draft;
	const { path } = position;
	const steps = Array.from({ length: 2 + dice.below(3) }, () =>
		dice.happens(0.5) ? harm(draft, `${path}/`) : administer(draft, position, true),
	).flat();
	if (path === 'top' && dice.happens(0.08)) steps.push({ do: 'stop' });
	return steps.length > 0 ? [{ do: 'busy', sup: path, steps }] : [];
}

function rareStep(draft: Draft, sup: string, roll: number): readonly Step[] {
	const { dice } = draft;
	if (roll === 68) return [{ do: 'stop' }];
	if (roll < 64) {
		const path = dice.happens(0.5) ? anyWorker(draft) : sup;
		return path === undefined ? [] : [{ do: 'monitor', path }];
	}
	const reason = dice.pick(['normal', 'shutdown', 'crash']);
	return [{ do: roll < 66 ? 'signal' : 'link', path: sup, reason }];
}
