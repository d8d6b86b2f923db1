import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { openJournal } from '../../../runtime/journal/journal.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { readStore } from '../../../runtime/journal/lmdb-store.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

/** The folder of a journal with these snapshots, of a node that has stopped. */
async function stoppedJournal(t: TestScope, format?: number): Promise<string> {
	const folder = temporaryFolder(t);
	const clock = steppedClock(1);
	const journal = openJournal({ folder, clock, signals: createSignals(clock) });
	await journal.commit([
		{ table: 'snapshots', key: ['door', 'a'], value: 'one' },
		{ table: 'snapshots', key: ['door', 'b'], value: 'two' },
		{ table: 'meta', key: ['format'], value: format ?? journal.get('meta', ['format']) },
	]);
	await journal.close();
	return folder;
}

test('a store that is only read shows its rows, and not a byte of it is written', async (t) => {
	const folder = await stoppedJournal(t);
	const before = readFileSync(join(folder, 'data.mdb'));
	const store = readStore(folder);
	assert.equal(store.get('snapshots', ['door', 'a']), 'one');
	assert.equal(store.get('snapshots', ['door', 'c']), undefined);
	const rows = store.scan('snapshots', { ...rowsUnder('door'), limit: 9 });
	assert.deepEqual(
		rows.map(({ key, value }) => [...key, value]),
		[
			['door', 'a', 'one'],
			['door', 'b', 'two'],
		],
	);
	assert.equal(store.get('meta', ['epoch']), 1);
	await store.close();
	assert.ok(readFileSync(join(folder, 'data.mdb')).equals(before));
});

test('what is no store, or of another version, is refused', async (t) => {
	const folder = temporaryFolder(t);
	assert.throws(() => readStore(folder), { code: 'not_found' });
	const other = join(folder, 'other');
	mkdirSync(other);
	writeFileSync(join(other, 'data.mdb'), 'something else, and longer than the header of a store');
	assert.throws(() => readStore(other), { code: 'storage_failed' });
	const later = await stoppedJournal(t, 99);
	assert.throws(() => readStore(later), { code: 'journal_version' });
});
