import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { isStoreDamaged } from '../../../runtime/journal/store-opening.ts';

test('a journal is opened in a folder that is not there yet, as at the first start of a node', (t) => {
	const { journal } = openedJournal(t, join(temporaryFolder(t), 'ship1', 'db'));
	assert.equal(journal.isHealthy(), true);
});

test('a folder that cannot be made is reported as a failure of the storage', (t) => {
	const file = join(temporaryFolder(t), 'file');
	writeFileSync(file, '');
	assert.throws(
		() => openedJournal(t, join(file, 'db')),
		(thrown) => thrown instanceof ReeveError && thrown.code === 'storage_failed',
	);
});

const asides = (folder: string) =>
	readdirSync(folder).filter((name) => name.startsWith('quarantine-'));

test('a file that is no journal is set aside, and a new journal begins', async (t) => {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	await journal.close();
	const garbage = Buffer.alloc(65_536, 'no journal ');
	writeFileSync(join(folder, 'data.mdb'), garbage);
	const next = openedJournal(t, folder).journal;
	assert.equal(next.epoch, 1);
	const [aside = ''] = asides(folder);
	assert.equal(next.quarantined, join(folder, aside));
	assert.deepEqual(readFileSync(join(folder, aside, 'data.mdb')), garbage);
	await next.close();
	const third = openedJournal(t, folder).journal;
	assert.equal(third.epoch, 2);
	assert.equal(third.quarantined, undefined);
});

test('a healthy journal whose opening was cut short by a kill is kept, however often', async (t) => {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	const { storeId } = journal;
	await journal.close();
	for (let kill = 0; kill < 2; kill += 1) {
		writeFileSync(join(folder, 'opening'), '');
		const again = openedJournal(t, folder).journal;
		assert.equal(again.storeId, storeId);
		assert.equal(again.quarantined, undefined);
		await again.close();
	}
	assert.deepEqual(asides(folder), []);
	assert.equal(existsSync(join(folder, 'opening')), false);
});

test('a journal that kills its reader is set aside by the start after the one that died', async (t) => {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	const rows = Array.from({ length: 900 }, (_, order) => {
		return { table: 'dead', key: [order], value: 'x'.repeat(1000) } as const;
	});
	await journal.commit(rows);
	await journal.close();
	truncateSync(join(folder, 'data.mdb'), 12_288);
	assert.equal(isStoreDamaged(folder), true);
	// The process that opened it is gone; this is what it has left.
	writeFileSync(join(folder, 'opening'), '');
	const next = openedJournal(t, folder).journal;
	assert.equal(next.epoch, 1, 'it is a new one');
	assert.equal(next.count('dead'), 0);
	assert.equal(asides(folder).length, 1);
});

test('clock jumps: a clock that shows the same instant twice costs no store that was set aside', async (t) => {
	const folder = temporaryFolder(t);
	for (const text of ['one journal ', 'two journal ']) {
		const { journal } = openedJournal(t, folder);
		await journal.close();
		writeFileSync(join(folder, 'data.mdb'), Buffer.alloc(65_536, text));
	}
	const last = openedJournal(t, folder).journal;
	await last.close();
	const kept = asides(folder).map((name) =>
		readFileSync(join(folder, name, 'data.mdb'))
			.subarray(0, 3)
			.toString(),
	);
	assert.deepEqual(kept.toSorted(), ['one', 'two']);
});
