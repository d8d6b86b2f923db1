import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { packMailboxRow } from '../../../runtime/mailbox/mailbox-row.ts';
import { rowOf, stored } from '../../../runtime/delivery/outbox-row.ts';
import { mailOf, messageOf } from '../../support/messages.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { asideRows } from '../../../runtime/queries/queries.ts';

test('what a fork has inherited is shown by names, and without what it carries', async (t) => {
	const { journal } = openedJournal(t);
	const row = rowOf(messageOf({ id: 'out' }), { seq: 7, now: 0, config: configOf() });
	await journal.commit([
		{ table: 'quarantine', key: ['ledger', 'b'], value: { id: 'b', body: row.body } },
		{
			table: 'quarantine',
			key: ['mailbox', 'REQPing', 4],
			packed: packMailboxRow(mailOf({ id: 'in' }), 9),
		},
		{ table: 'quarantine', key: ['outbox', 'lane', 7], value: stored(row) },
	]);
	const { body: _, ...bare } = row;
	const [, { bytes, ...mail } = { bytes: 0 }, ...others] = asideRows(journal, {
		reeve: 'quarantine',
		limit: 10,
	}) as { bytes: number }[];
	assert.ok(bytes > 0, 'its size is told');
	const about = { id: 'in', from: 'central', deadline: 1e15, sum: 9 };
	assert.deepEqual(mail, { table: 'mailbox', key: ['REQPing', 4], arrival: 4, ...about });
	assert.deepEqual(others, [{ table: 'outbox', key: ['lane', 7], ...bare }]);
});
