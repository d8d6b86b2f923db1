import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ReeveError } from '../../runtime/errors.ts';
import { openedJournal } from '../support/open-journal.ts';
import { temporaryFolder } from '../support/temporary.ts';

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
