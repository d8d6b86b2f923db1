/**
 * Restart budgets that survive the process. In OTP a new supervisor process starts with an empty
 * budget; a node that crashes as a whole, again and again, would then never reach its limit. Off
 * unless a store is given.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import type { CheckedSupervisor, Budgets } from './child-spec.ts';
import { restartingIds, type Children } from './children.ts';

interface Keeping {
	readonly spec: CheckedSupervisor;
	readonly ancestors: readonly string[];
	readonly clock: Clock;
	readonly budgets: Budgets | undefined;
}

const pathOf = ({ spec, ancestors }: Keeping): string =>
	[spec.name, ...ancestors].toReversed().join('/');

/** Saves the restarts that count, for a later process. */
export function keepBudget(state: Children, keeping: Keeping): void {
	const { clock, budgets } = keeping;
	if (!budgets) return;
	const offsetMs = (budgets.now?.() ?? clock.now()) - clock.monotonic();
	const restarts = state.restarts.map((at) => Math.round(at * 1000 + offsetMs));
	budgets.save(pathOf(keeping), { restarts, restarting: restartingIds(state) });
}

/**
 * Restores what an earlier process has saved. Restarts in the future, after the wall clock was set
 * back, count as happening now.
 */
export function recallBudget(state: Children, keeping: Keeping): void {
	const { clock, budgets } = keeping;
	const kept = budgets?.load(pathOf(keeping));
	if (!kept) return;
	const nowMs = clock.monotonic();
	const now = budgets?.now?.() ?? clock.now();
	const agesMs = kept.restarts.map((at) => Math.max(0, now - at));
	state.restarts = agesMs.map((ageMs) => Math.floor((nowMs - ageMs) / 1000));
	for (const id of kept.restarting) state.unfinished.add(id);
}
