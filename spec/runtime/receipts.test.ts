import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../runtime/config.ts';
import { createReceipts } from '../../runtime/receipts.ts';
import { openedJournal, type OpenedJournal } from '../support/open-journal.ts';

function receiptsOn({ journal }: OpenedJournal) {
	const receipts = createReceipts({ journal, config: configOf({ receiptsKeptMax: 10 }) });
	const accept = (id: string, number: number) => {
		receipts.accepted(id);
		return journal.commit([{ table: 'mailbox', key: ['REQSpec', number], value: { id } }]);
	};
	const settle = (id: string, number: number) =>
		journal.commit([
			{ table: 'mailbox', key: ['REQSpec', number] },
			...receipts.add({
				id,
				from: 'central',
				method: 'REQSpec',
				outcome: 'done',
				attempts: 1,
				at: 1,
			}),
		]);
	return { receipts, accept, settle };
}

test('ids are let go of once the journal shows them, however many messages are accepted', async (t) => {
	const { receipts, accept, settle } = receiptsOn(openedJournal(t));
	let most = 0;
	for (let number = 0; number < 10_000; number += 100) {
		const some = Array.from({ length: 100 }, (_, index) => number + index);
		await Promise.all(some.map((one) => accept(`m${one}`, one)));
		await Promise.all(some.map((one) => settle(`m${one}`, one)));
		most = Math.max(most, receipts.unseen());
	}
	assert.ok(most <= 2500, `${most} ids were kept at a time`);
});

test('a message is known from its acceptance on, while it waits, and when it is settled', async (t) => {
	const { receipts, accept, settle } = receiptsOn(openedJournal(t));
	const accepted = accept('a', 1);
	assert.equal(receipts.isKnown('a'), true, 'before it is on disk');
	await accepted;
	const all = Array.from({ length: 3000 }, (_, number) => accept(`b${number}`, number + 2));
	assert.equal(receipts.isKnown('b2999'), true, 'before it is on disk');
	await Promise.all(all);
	for (const id of ['a', 'b0', 'b2999']) assert.equal(receipts.isKnown(id), true, id);
	const settled = settle('a', 1);
	assert.equal(receipts.isKnown('a'), true, 'while it is being settled');
	await settled;
	assert.equal(receipts.isKnown('a'), true, 'as a receipt');
	assert.equal(receipts.isKnown('c'), false);
});

test('a message is known to whoever asks for the first time only after many others', async (t) => {
	const { receipts, accept } = receiptsOn(openedJournal(t));
	const all = Array.from({ length: 2500 }, (_, number) => accept(`m${number}`, number));
	const isKnown = ['m0', 'm1200', 'm2499'].map((id) => receipts.isKnown(id));
	assert.deepEqual(isKnown, [true, true, true], 'before anything is on disk');
	await Promise.all(all);
	for (const id of ['m0', 'm1200', 'm2499']) assert.equal(receipts.isKnown(id), true, id);
});
