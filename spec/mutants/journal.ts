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
		id: 'committed-waits-for-no-transaction',
		file: groupCommit,
		from: 'for (const done of batch.committed) done();',
		to: 'void batch.committed;',
		specs: [groupCommitSpec],
		hangs: true,
	},
	{
		id: 'fenced-writer-says-so-for-each-batch',
		file: 'runtime/journal/group-commit.ts',
		from: "if (verdict === 'fenced' && state !== 'fenced') onFenced?.();",
		to: "if (verdict === 'fenced') onFenced?.();",
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'os-durability-waits-for-the-flush',
		file: 'runtime/journal/group-commit.ts',
		from: "if (durability === 'os') release();",
		to: 'if (durability === undefined) release();',
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'batch-is-closed-one-commit-too-late',
		file: 'runtime/journal/group-commit.ts',
		from: 'const count = (batch?.changes.length ?? 0) + changes.length;',
		to: 'const count = batch?.changes.length ?? 0;',
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'stop-does-not-wait-for-the-last-flush',
		file: 'runtime/journal/group-commit.ts',
		from: 'await lastFlush;',
		to: 'void lastFlush;',
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'stop-takes-later-commits',
		file: 'runtime/journal/group-commit.ts',
		from: "if (state === 'open') state = 'stopping';",
		to: 'void state;',
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'full-disk-is-called-a-failed-one',
		file: 'runtime/journal/group-commit.ts',
		from: '/ENOSPC|No space|MAP_FULL|error 5|Input\\/output/i',
		to: '/ENOSPC|No space|MAP_FULL|error 5/i',
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'failing-disk-is-told-with-each-attempt',
		file: 'runtime/journal/group-commit.ts',
		from: 'if (failedSince !== undefined) return;',
		to: 'void failedSince;',
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'committed-are-told-only-after-the-flush',
		file: 'runtime/journal/group-commit.ts',
		from: `for (const done of batch.committed) done();
		const release = () => {`,
		to: `const release = () => {
			for (const done of batch.committed) done();`,
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'failed-transaction-is-given-up-at-once',
		file: 'runtime/journal/group-commit.ts',
		from: "if (!isPatient) return 'given_up';",
		to: "return 'given_up';",
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'recovered-disk-stays-failed',
		file: 'runtime/journal/group-commit.ts',
		from: `failedSince = undefined;
		}`,
		to: '}',
		specs: ['spec/runtime/journal/group-commit.test.ts'],
	},
	{
		id: 'clock-that-was-set-back-takes-store-time-along',
		file: 'runtime/journal/store-time.ts',
		from: 'return isAlike ? Math.max(storeMs, byWall) : byMachine;',
		to: 'return byWall;',
		specs: ['spec/runtime/journal/store-time.test.ts'],
	},
	{
		id: 'small-step-of-the-clock-is-a-jump',
		file: 'runtime/journal/store-time.ts',
		from: 'const jumpMsMin = 2000;',
		to: 'const jumpMsMin = 20;',
		specs: ['spec/runtime/journal/store-time.test.ts'],
	},
	{
		id: 'jump-of-the-clock-is-added-to-store-time',
		file: 'runtime/journal/store-time.ts',
		from: 'from + clock.monotonic() - startedAt + sleptMs;',
		to: 'from + clock.now() - wallMs + sleptMs;',
		specs: ['spec/runtime/journal/store-time.test.ts'],
	},
	{
		id: 'time-is-noted-with-every-transaction',
		file: 'runtime/journal/store-time.ts',
		from: 'if (byMs === 0 && clock.monotonic() - notedAt < noteMsMax) return undefined;',
		to: 'if (byMs === 0 && clock.monotonic() - notedAt < 0) return undefined;',
		specs: ['spec/runtime/journal/store-time.test.ts'],
	},
	{
		id: 'note-of-another-start-of-the-machine-counts',
		file: 'runtime/journal/store-time.ts',
		from: 'now.id === boot && now.ms >= bootMs',
		to: 'now.ms >= bootMs',
		specs: ['spec/runtime/journal/store-time.test.ts'],
	},
	{
		id: 'start-does-not-raise-the-epoch',
		file: 'runtime/journal/store-record.ts',
		from: "Number(facts.get(['epoch']) ?? 0) + 1;",
		to: "Number(facts.get(['epoch']) ?? 1);",
		specs: ['spec/runtime/journal/store-record.test.ts', 'spec/runtime/journal/journal.test.ts'],
	},
	{
		id: 'unclean-starts-count-for-ever',
		file: 'runtime/journal/store-record.ts',
		from: '<= at.uncleanPeriodMs);',
		to: '<= Infinity * at.uncleanPeriodMs);',
		specs: ['spec/runtime/journal/store-record.test.ts'],
	},
	{
		id: 'copy-on-the-same-machine-is-at-home',
		file: 'runtime/journal/store-record.ts',
		from: '(home.host === place.host && home.file === place.file)',
		to: 'home.host === place.host',
		specs: ['spec/runtime/journal/store-record.test.ts'],
	},
	{
		id: 'moved-store-is-at-home-before-it-is-settled',
		file: 'runtime/journal/store-record.ts',
		from: "if (!isMoved) facts.putSync(['home'], place);",
		to: "facts.putSync(['home'], place);",
		specs: ['spec/runtime/journal/store-record.test.ts'],
	},
	{
		id: 'released-reserve-stays-on-the-disk',
		file: 'runtime/journal/disk-reserve.ts',
		from: `isHeld = false;
			rmSync(path, { force: true });`,
		to: 'isHeld = false;',
		specs: ['spec/runtime/journal/disk-reserve.test.ts'],
	},
	{
		id: 'reserve-without-its-blocks-counts',
		file: 'runtime/journal/disk-reserve.ts',
		from: ' && found.blocks * blockBytes >= bytes;',
		to: ';',
		specs: ['spec/runtime/journal/disk-reserve.test.ts'],
	},
	{
		id: 'checksum-does-not-end-the-parts-of-a-key',
		file: 'runtime/journal/row-checksum.ts',
		from: 'hash = Math.imul(hash ^ 0x1f, prime);',
		to: '',
		specs: ['spec/runtime/journal/row-checksum.test.ts'],
	},
	{
		id: 'checksum-takes-only-half-of-a-number',
		file: 'runtime/journal/row-checksum.ts',
		from: 'hash = Math.imul(hash ^ Math.floor(part / 2 ** 32), prime);',
		to: '',
		specs: ['spec/runtime/journal/row-checksum.test.ts'],
	},
	{
		id: 'checksum-is-the-same-in-all-tables',
		file: 'runtime/journal/row-checksum.ts',
		from: 'const start = hashOf([table], offsetBasis);',
		to: "const start = hashOf([''], offsetBasis + (table === undefined ? 1 : 0));",
		specs: ['spec/runtime/journal/row-checksum.test.ts'],
	},
	{
		id: 'first-change-of-a-row-wins',
		file: 'runtime/journal/change-merging.ts',
		from: 'if (rewritten.has(change.table)) last.set(',
		to: 'if (rewritten.has(change.table) && !last.has(nameOf(change))) last.set(',
		specs: ['spec/runtime/journal/change-merging.test.ts'],
	},
	{
		id: 'joined-row-has-an-item-too-many',
		file: 'runtime/journal/change-merging.ts',
		from: '> itemsPerRowMax(table);',
		to: '> itemsPerRowMax(table) + 1;',
		specs: ['spec/runtime/journal/change-merging.test.ts'],
	},
	{
		id: 'joined-lists-are-not-in-order',
		file: 'runtime/journal/change-merging.ts',
		from: 'return Number(one.key[0]) - Number(other.key[0]);',
		to: 'return Number(other.key[0]) - Number(one.key[0]);',
		specs: ['spec/runtime/journal/change-merging.test.ts'],
	},
	{
		id: 'damaged-row-is-told-each-time-it-is-read',
		file: 'runtime/journal/damaged-rows.ts',
		from: 'if (facts.has(name)) return;',
		to: '',
		specs: ['spec/runtime/journal/damaged-rows.test.ts'],
	},
	{
		id: 'damage-found-while-opening-is-not-kept',
		file: 'runtime/journal/damaged-rows.ts',
		from: 'if (early.length > 0) write(early);',
		to: '',
		specs: ['spec/runtime/journal/damaged-rows.test.ts'],
	},
	{
		id: 'damaged-row-with-a-place-is-removed',
		file: 'runtime/journal/damaged-rows.ts',
		from: 'isKeptIfDamaged === true && key.length > 1;',
		to: 'isKeptIfDamaged === true && key.length > 9;',
		specs: ['spec/runtime/journal/damaged-rows.test.ts'],
	},
	{
		id: 'damaged-rows-are-told-only-from-then-on',
		file: 'runtime/journal/damaged-rows.ts',
		from: 'for (const fact of facts.values()) tell(fact);',
		to: '',
		specs: ['spec/runtime/journal/damaged-rows.test.ts'],
	},
];
