import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { packMailboxRow } from '../../../runtime/mailbox/mailbox-row.ts';
import { rowOf, stored } from '../../../runtime/delivery/outbox-row.ts';
import { mailOf, messageOf } from '../../support/messages.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { asideRows } from '../../../runtime/queries/queries.ts';
import { messageTimeline } from '../../../runtime/queries/message-timeline.ts';
import { createMailbox } from '../../../runtime/mailbox/mailbox.ts';
import { packMessage } from '../../../runtime/message/codec.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';
import { composedNode } from '../../support/composed-node.ts';
import { flipIn } from '../../support/damage.ts';

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

test('a damaged row is shown by the message that it was about, and with what follows', async (t) => {
	const before = composedNode(t);
	const message = messageOf({ id: 'm-1', fromNode: 'central', data: 'needle' });
	const mail = { from: 'central', message, body: packMessage(message), at: 1, deadline: 9e12 };
	const box = createMailbox({ method: 'REQPing', journal: before.journal, concurrency: 1 });
	await before.journal.commit([
		...box.place(mail).changes,
		{ table: 'ledger', key: ['m-2'], value: 'needle' },
	]);
	const node = await before.reopen((folder) => flipIn(folder, 'needle'));
	const { journal: again } = node;
	again.get('ledger', ['m-2']);
	again.scan('mailbox', rowsUnder());
	await again.commit([]);
	const rows = asideRows(again, { reeve: 'damaged', limit: 10 }) as {
		table: string;
		id: string;
		what: string;
		next: string;
	}[];
	assert.deepEqual(
		rows.map(({ table, id }) => [table, id]),
		[
			['ledger', 'm-2'],
			['mailbox', 'm-1'],
		],
	);
	assert.match(rows[1]?.what ?? '', /^a damaged row of mailbox \(method REQPing, arrival 1\)/);
	assert.match(rows[1]?.next ?? '', /not run/);
	const timeline = await messageTimeline(node.services, 'm-2');
	assert.match(timeline.damage?.[0] ?? '', /ledger \(id m-2\)/);
});
