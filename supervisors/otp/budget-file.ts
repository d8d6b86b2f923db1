/**
 * A file of restart budgets, for trees whose limits must hold over a restart of the whole process.
 *
 * @module
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Budgets, KeptBudget } from './child-spec.ts';

/** What is in the file: budgets by the path of their supervisor. */
type Kept = Record<string, KeptBudget>;

/**
 * Keeps restart budgets in a file of JSON; its folder is created. Each change replaces the file as
 * a whole, so a process that is killed leaves the old state or the new one.
 *
 * It is not flushed to the disk: after a power cut the machine has been away for longer than most
 * periods, and one restart too many is no harm. A file that cannot be read counts as empty, for the
 * same reason; one that cannot be written is an error of the supervisor that restarts.
 */
export function fileBudgets(path: string): Budgets {
	const kept = read(path);
	return {
		load: (supervisor) => kept[supervisor],
		save(supervisor, budget) {
			if (JSON.stringify(kept[supervisor]) === JSON.stringify(budget)) return;
			kept[supervisor] = budget;
			mkdirSync(dirname(path), { recursive: true });
			writeFileSync(`${path}.new`, JSON.stringify(kept));
			renameSync(`${path}.new`, path);
		},
	};
}

function read(path: string): Kept {
	try {
		const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
		if (typeof found !== 'object' || found === null) return {};
		return Object.fromEntries(Object.entries(found).filter(([, value]) => isBudget(value)));
	} catch {
		// There is none yet, or it is no JSON: either way nothing is known.
		return {};
	}
}

function isBudget(value: unknown): value is KeptBudget {
	const { restarts, restarting } = Object(value) as Partial<Record<keyof KeptBudget, unknown>>;
	const isNumber = (at: unknown) => typeof at === 'number' && Number.isFinite(at);
	const isText = (id: unknown) => typeof id === 'string';
	return (
		Array.isArray(restarts) &&
		restarts.every(isNumber) &&
		Array.isArray(restarting) &&
		restarting.every(isText)
	);
}
