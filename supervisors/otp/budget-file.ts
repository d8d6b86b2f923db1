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
 * The file is not flushed to the disk: a power cut lasts longer than most periods, and one restart
 * too many does no harm. For the same reason a file that cannot be read counts as empty. One that
 * cannot be written is an error of the supervisor that restarts.
 *
 * @param now a clock that goes on over restarts of the process and is never set; without it, the
 * wall clock
 */
export function fileBudgets(path: string, now?: () => number): Budgets {
	const kept = read(path);
	return {
		...(now ? { now } : {}),
		load: (supervisor) => kept[supervisor],
		save(supervisor, budget) {
			if (JSON.stringify(kept[supervisor]) === JSON.stringify(budget)) return;
			kept[supervisor] = budget;
			mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
			writeFileSync(`${path}.new`, JSON.stringify(kept), { mode: 0o600 });
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
		// The file does not exist yet, or is not JSON: start with empty budgets.
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
