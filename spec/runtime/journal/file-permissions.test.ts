import assert from 'node:assert/strict';
import { chmodSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { readStore } from '../../../runtime/journal/lmdb-store.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** The files and folders below `folder`, itself included, that others than their owner may use. */
function exposed(folder: string): readonly string[] {
	const paths = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
	return [folder, ...paths].filter((path) => (statSync(path).mode & 0o077) !== 0);
}

test('a new journal, its backup and what reading it creates are private', async (t) => {
	const root = temporaryFolder(t);
	const folder = join(root, 'ship1', 'db');
	const { journal } = openedJournal(t, folder);
	assert.deepEqual(exposed(folder), []);
	const to = join(root, 'backup');
	await journal.backup(to);
	await readStore(to).close();
	assert.deepEqual(exposed(to), []);
});

test('the journal of an earlier version, and a damaged one, become private', async (t) => {
	const folder = temporaryFolder(t);
	chmodSync(folder, 0o700);
	await openedJournal(t, folder).journal.close();
	const files = ['data.mdb', 'lock.mdb'].map((name) => join(folder, name));
	for (const file of files) chmodSync(file, 0o664);
	await openedJournal(t, folder).journal.close();
	assert.deepEqual(exposed(folder), []);
	writeFileSync(join(folder, 'data.mdb'), Buffer.alloc(65_536, 'no journal '));
	for (const file of files) chmodSync(file, 0o664);
	openedJournal(t, folder);
	assert.deepEqual(exposed(folder), []);
});
