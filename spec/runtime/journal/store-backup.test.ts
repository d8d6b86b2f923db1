import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const row = (order: number, text: string) =>
	({ table: 'dead', key: [order], value: { text } }) as const;

test('a copy of a journal that is being written to is whole, compact, and a journal itself', async (t) => {
	const { journal, folder } = openedJournal(t);
	const long = 'x'.repeat(10_000);
	await journal.commit(Array.from({ length: 500 }, (_, order) => row(order, long)));
	await journal.commit(
		Array.from({ length: 490 }, (_, order) => ({ table: 'dead', key: [order] }) as const),
	);
	const to = join(temporaryFolder(t), 'backup');
	const writing = Array.from({ length: 50 }, (_, order) =>
		journal.commit([row(1000 + order, 'x')]),
	);
	const { bytes } = await journal.backup(to);
	await Promise.all(writing);
	assert.equal(bytes, statSync(join(to, 'data.mdb')).size);
	assert.ok(bytes < statSync(join(folder, 'data.mdb')).size / 4, `${bytes} bytes`);
	const copy = openedJournal(t, to).journal;
	assert.equal(copy.storeId, journal.storeId);
	assert.deepEqual(copy.get('dead', [495]), { text: long });
	assert.equal(copy.isMoved, true, 'nobody knows yet whether the original lives');
});

test('a folder that holds anything is not touched', async (t) => {
	const { journal } = openedJournal(t);
	const to = temporaryFolder(t);
	writeFileSync(join(to, 'mine'), 'mine');
	await assert.rejects(journal.backup(to), { code: 'backup_failed' });
	assert.equal(existsSync(join(to, 'data.mdb')), false);
});

test('a folder that cannot be made is reported', async (t) => {
	const { journal } = openedJournal(t);
	const file = join(temporaryFolder(t), 'file');
	mkdirSync(join(file, '..'), { recursive: true });
	writeFileSync(file, '');
	await assert.rejects(journal.backup(join(file, 'copy')), { code: 'backup_failed' });
});
