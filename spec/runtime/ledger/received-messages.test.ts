import assert from 'node:assert/strict';
import test from 'node:test';
import { createCancellations } from '../../../runtime/mailbox/cancellations.ts';
import { configOf } from '../../../runtime/config/config.ts';
import type { MailboxRow } from '../../../runtime/mailbox/mailbox-row.ts';
import { createMailbox } from '../../../runtime/mailbox/mailbox.ts';
import { createReceipts } from '../../../runtime/ledger/receipts.ts';
import { createReceived } from '../../../runtime/ledger/received-messages.ts';
import { mailOf } from '../../support/messages.ts';
import { type OpenedJournal, openedJournal } from '../../support/open-journal.ts';

function receivedOn({ journal }: OpenedJournal, receiptsKeptMax = 10) {
	const receipts = createReceipts({ journal, config: configOf({ receiptsKeptMax }) });
	const mailbox = createMailbox({ method: 'REQSpec', journal, concurrency: 1 });
	const cancellations = createCancellations();
	const settled: string[] = [];
	const received = createReceived({
		journal,
		receipts,
		cancellations,
		mailboxes: () => [mailbox],
		isOurs: () => true,
		async settle(box, row) {
			settled.push(row.id);
			await journal.commit(box.removal(row));
		},
	});
	const file = async (
		id: string,
		from = 'central',
		askedBy?: readonly string[],
	): Promise<MailboxRow> => {
		const asked = askedBy ? { askedBy } : {};
		const { row, changes } = mailbox.place(mailOf({ id, ...asked }, { from, deadline: 1 }));
		await journal.commit(changes);
		mailbox.push(row);
		return row;
	};
	const receipt = (id: string, from = 'central', askedBy?: readonly string[]) => {
		const about = { id, from, method: 'REQSpec', askedBy };
		return journal.commit(receipts.add([{ ...about, outcome: 'done', attempts: 1, at: 1 }]));
	};
	return { received, mailbox, receipts, cancellations, settled, file, receipt };
}

test('it is told of each message whether it waits, how it ended and how often, to its own sender', async (t) => {
	const { received, file, receipt } = receivedOn(openedJournal(t));
	for (let number = 0; number < 1100; number += 1) await file(`w${number}`);
	await receipt('e1');
	await receipt('e2');
	await receipt('e2');
	await receipt('x1', 'ship2');
	const found = await received.find(new Set(['w1099', 'e1', 'e2', 'x1', 'n']), { from: 'central' });
	const states = Object.fromEntries(
		[...found].map(([id, { state, copies }]) => [id, [state, copies]]),
	);
	assert.deepEqual(states, { w1099: ['waiting', 1], e1: ['done', 1], e2: ['done', 2] });
});

test('it says when receipts have been forgotten', async (t) => {
	const { received, receipt } = receivedOn(openedJournal(t), 2);
	for (const id of ['a', 'b']) await receipt(id);
	assert.equal(received.isCut(), false);
	await receipt('c');
	assert.equal(received.isCut(), true);
	assert.deepEqual(
		received.receipts('').map(({ id }) => id),
		['b', 'c'],
	);
});

test('what waits is settled once, for its sender only, and is never handed out', async (t) => {
	const { received, mailbox, file, settled } = receivedOn(openedJournal(t));
	for (const id of ['a', 'b', 'c']) await file(id);
	assert.equal(await received.cancel('b', { from: 'ship2' }), undefined);
	const both = await Promise.all([
		received.cancel('b', { from: 'central' }),
		received.cancel('b', { from: 'central' }),
	]);
	assert.deepEqual(both.filter(Boolean), ['cancelled']);
	const ran: string[] = [];
	await new Promise<void>((resolve) => {
		mailbox.open((row) => {
			ran.push(row.id);
			if (row.id === 'c') resolve();
			return Promise.resolve();
		});
	});
	assert.deepEqual([ran, settled], [['a', 'c'], ['b']]);
});

test('what was handed out is told to end, if it listens', async (t) => {
	const { received, mailbox, file, cancellations, settled } = receivedOn(openedJournal(t));
	await file('a');
	await new Promise<void>((resolve) => {
		mailbox.open(() => {
			resolve();
			return new Promise(() => {});
		});
	});
	assert.equal(
		await received.cancel('a'),
		undefined,
		'it has come to its end, and is being settled',
	);
	const run = cancellations.watch('a');
	assert.equal(await received.cancel('a', { from: 'ship2' }), undefined);
	assert.equal(await received.cancel('a'), 'cancelling');
	assert.deepEqual([run.isCancelled, settled], [true, []]);
});

test('a caller is told of and takes back his own messages, and the people of the sender all of them', async (t) => {
	const { received, file, receipt } = receivedOn(openedJournal(t));
	await file('w-alice', 'central', ['client:alice']);
	await file('w-central');
	await receipt('e-alice', 'central', ['client:alice']);
	await receipt('e-central');
	const ids = new Set(['w-alice', 'w-central', 'e-alice', 'e-central']);
	const alice = { from: 'central', askedBy: ['client:alice'] };
	const found = async (sender: typeof alice | { from: string }) =>
		[...(await received.find(ids, sender)).keys()].toSorted();
	assert.deepEqual(await found(alice), ['e-alice', 'w-alice']);
	assert.deepEqual(await found({ from: 'central', askedBy: ['client:bob'] }), []);
	assert.deepEqual(await found({ ...alice, askedBy: ['client:alice', 'client:bob'] }), []);
	assert.deepEqual(await found({ from: 'central' }), [...ids].toSorted());
	assert.equal(await received.cancel('w-central', alice), undefined);
	assert.equal(await received.cancel('w-alice', alice), 'cancelled');
	assert.equal(await received.cancel('w-central', { from: 'central' }), 'cancelled');
});
