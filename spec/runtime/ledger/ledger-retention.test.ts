import assert from 'node:assert/strict';
import test from 'node:test';
import { createLedgerRetention } from '../../../runtime/ledger/ledger-retention.ts';
import { type OpenedJournal, openedJournal } from '../../support/open-journal.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

/** A line on a journal, and what its ledger holds. */
function lineOn({ journal }: OpenedJournal, keptMax: number) {
	const line = createLedgerRetention(journal, keptMax);
	const push = async (id: string): Promise<void> => {
		const entry = { table: 'ledger', key: [id], value: { id } } as const;
		await journal.commit([entry, ...line.push({ id, sentAt: 1 })]);
		line.flushed(id);
	};
	return {
		line,
		push,
		forget: (id: string) => journal.commit(line.forget({ id, sentAt: 1 })),
		kept: () => journal.scan('ledger', rowsUnder()).map(({ key }) => String(key[0])),
	};
}

test('what was forgotten by hand makes room for others, also after a restart', async (t) => {
	const opened = openedJournal(t);
	const { line, push, kept } = lineOn(opened, 3);
	for (const id of ['a', 'b', 'c']) await push(id);
	const forgotten = line.forget({ id: 'b', sentAt: 1 });
	assert.deepEqual(line.forget({ id: 'b', sentAt: 1 }), [], 'though the first is not on disk');
	assert.equal(line.length(), 2);
	await opened.journal.commit(forgotten);
	assert.deepEqual(line.forget({ id: 'b', sentAt: 1 }), []);
	await push('d');
	assert.deepEqual(kept(), ['a', 'c', 'd']);
	const again = lineOn(await opened.reopen(), 3);
	assert.equal(again.line.length(), 3);
	for (const id of ['e', 'f']) await again.push(id);
	assert.deepEqual(again.kept(), ['d', 'e', 'f']);
	await again.forget('d');
	await again.push('g');
	assert.deepEqual(again.kept(), ['e', 'f', 'g']);
});
