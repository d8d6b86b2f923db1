/**
 * Mistakes planted in the journal: commits, flushes, the store and what it keeps.
 *
 * @module
 */
import type { Mutant } from './mutant.ts';

const groupCommit = 'runtime/journal/group-commit.ts';
const groupCommitSpec = 'spec/runtime/journal/group-commit.test.ts';

/** Planted mistakes in the journal. */
export const journal: readonly Mutant[] = [
	{
		id: 'batches-behind-a-given-up-one-are-written',
		file: groupCommit,
		from: "state === 'fenced' || state === 'given_up' ? state",
		to: "state === 'fenced' ? state",
		specs: [groupCommitSpec],
	},
	{
		id: 'batches-behind-a-fenced-one-are-written',
		file: groupCommit,
		from: "state === 'fenced' || state === 'given_up' ? state",
		to: "state === 'given_up' ? state",
		specs: [groupCommitSpec],
	},
	{
		id: 'committed-waits-for-no-transaction',
		file: groupCommit,
		from: 'for (const done of batch.committed) done();',
		to: 'void batch.committed;',
		specs: [groupCommitSpec],
		hangs: true,
	},
];
