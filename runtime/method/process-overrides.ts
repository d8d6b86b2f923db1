/**
 * Process overrides: which processes an operator has started or stopped by a message, against what
 * the configuration says. They are kept over a restart of the node, unless `keepStopped` is off.
 *
 * @module
 */
import type { Journal } from '../journal/journal.ts';
import { metaChange, scanMeta } from '../journal/meta-rows.ts';
import type { ProcessName } from './processes.ts';

/** What an operator has said of a process. */
export type ProcessOverride = 'started' | 'stopped';

/** The choices that {@link createProcessOverrides} makes. */
export interface ProcessOverrides {
	get(process: ProcessName): ProcessOverride | undefined;
	/**
	 * Says it; undefined leaves the process to the configuration again. Resolves when it is on disk.
	 */
	set(process: ProcessName, choice: ProcessOverride | undefined): Promise<void>;
}

const start = 'process';

/** Opens the choices of a node. */
export function createProcessOverrides(parts: {
	readonly journal: Pick<Journal, 'scan' | 'commit'>;
	readonly keep: boolean;
}): ProcessOverrides {
	const { journal, keep } = parts;
	const rows = keep ? scanMeta<ProcessOverride>(journal, start) : [];
	const known = new Map(rows.map(({ key, value }) => [JSON.stringify(key), value]));
	const keyOf = ({ kind, method, node }: ProcessName) => [
		start,
		kind,
		method,
		// A subscriber is always here, whatever the node is called by then.
		...(kind === 'publisher' ? [node] : []),
	];

	return {
		get: (process) => known.get(JSON.stringify(keyOf(process))),
		async set(process, choice) {
			const key = keyOf(process);
			if (choice) known.set(JSON.stringify(key), choice);
			else known.delete(JSON.stringify(key));
			if (keep) await journal.commit([metaChange(key, choice)]);
		},
	};
}
