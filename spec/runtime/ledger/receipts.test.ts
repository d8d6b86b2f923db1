import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { packMailboxRow } from '../../../runtime/mailbox/mailbox-row.ts';
import { createReceipts, type Receipt } from '../../../runtime/ledger/receipts.ts';
import { mailOf } from '../../support/messages.ts';
import { type OpenedJournal, openedJournal } from '../../support/open-journal.ts';

function receiptsOn({ journal }: OpenedJournal) {
	const receipts = createReceipts({ journal, config: configOf({ receiptsKeptMax: 10 }) });
	const accept = (id: string, number: number) => {
		receipts.accepted(id);
		return journal.commit([
			{ table: 'mailbox', key: ['REQSpec', number], packed: packMailboxRow(mailOf({ id }), 0) },
		]);
	};
	const settle = (id: string, number: number) =>
		journal.commit([
			{ table: 'mailbox', key: ['REQSpec', number] },
			...receipts.add([receiptOf(id)]),
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

test('a message is known at its first look-up, also after many others', async (t) => {
	const { receipts, accept } = receiptsOn(openedJournal(t));
	const all = Array.from({ length: 2500 }, (_, number) => accept(`m${number}`, number));
	const isKnown = ['m0', 'm1200', 'm2499'].map((id) => receipts.isKnown(id));
	assert.deepEqual(isKnown, [true, true, true], 'before anything is on disk');
	await Promise.all(all);
	for (const id of ['m0', 'm1200', 'm2499']) assert.equal(receipts.isKnown(id), true, id);
});

const receiptOf = (id: string): Receipt => ({
	id,
	from: 'central',
	method: 'REQSpec',
	outcome: 'done',
	attempts: 1,
	at: 1,
});

/** Receipts of which so many are kept, on a journal that is opened again with each call. */
function keeping({ journal }: OpenedJournal, receiptsKeptMax: number) {
	const open = () => createReceipts({ journal, config: configOf({ receiptsKeptMax }) });
	const ids = (receipts: Iterable<Receipt>) => Array.from(receipts, ({ id }) => id);
	return { journal, open, ids, rows: () => journal.count('receipts') };
}

test('receipts of one transaction share rows, and are listed one by one', async (t) => {
	const { journal, open, ids, rows } = keeping(openedJournal(t), 1000);
	const receipts = open();
	const named = Array.from({ length: 100 }, (_, number) => `m${number}`);
	await journal.commit(receipts.add(named.slice(0, 99).map(receiptOf)));
	await journal.commit(receipts.add([receiptOf('m99')]));
	assert.ok(rows() <= 10, `${rows()} rows for ${named.length} receipts`);
	for (const each of [receipts, open()]) {
		assert.deepEqual(ids(each.each()), named);
		assert.deepEqual(ids(each.list(3)), ['m99', 'm98', 'm97']);
		assert.deepEqual(ids(each.list(1000)), named.toReversed());
		assert.equal(each.isCut(), false);
		assert.equal(each.isKnown('m42'), true);
	}
	const later = open();
	await journal.commit(later.add([receiptOf('later')]));
	assert.deepEqual(ids(later.each()), [...named, 'later'], 'a new process writes over none');
});

test('the oldest receipts go beyond the limit, whatever shares a transaction', async (t) => {
	const { journal, open, ids } = keeping(openedJournal(t), 500);
	let receipts = open();
	let number = 0;
	for (let round = 0; round < 100; round += 1) {
		const some = Array.from({ length: 1 + ((round * 7) % 40) }, () => `m${(number += 1)}`);
		await journal.commit(some.flatMap((id) => receipts.add([receiptOf(id)])));
		if (round % 10 === 0) receipts = open();
		const kept = ids(receipts.each());
		assert.ok(kept.length >= Math.min(number, 500), `${kept.length} of ${number} are kept`);
		assert.ok(kept.length <= 500 + 300, `${kept.length} are kept`);
		assert.equal(kept.at(-1), `m${number}`);
		assert.equal(receipts.isCut(), kept.length < number);
	}
});

test('a receipt is read as it was filed, whatever is absent from it', async (t) => {
	const { journal, open } = keeping(openedJournal(t), 100);
	const filed: readonly Receipt[] = [
		receiptOf('plain'),
		{ ...receiptOf('coded'), outcome: 'failed', code: 'timed_out' },
		{ ...receiptOf('taken'), takenAt: 5 },
		{ ...receiptOf('begun'), startedAt: 7 },
		{ ...receiptOf('whole'), code: 'x', takenAt: 5, startedAt: 7, attempts: 3 },
	];
	const receipts = open();
	await journal.commit(receipts.add(filed));
	assert.deepEqual([...receipts.each()], filed);
	assert.deepEqual([...open().each()], filed);
});

test('rows of receipts with names, as an older version has written them, are read', async (t) => {
	const { journal, open } = keeping(openedJournal(t), 100);
	const named = [receiptOf('a'), { ...receiptOf('b'), takenAt: 5 }];
	await journal.commit([{ table: 'receipts', key: [1], value: named }]);
	const receipts = open();
	await journal.commit(receipts.add([receiptOf('c')]));
	assert.deepEqual([...receipts.each()], [...named, receiptOf('c')]);
});

test('receipts that an older version has written are read, and go as well', async (t) => {
	const { journal, open, ids } = keeping(openedJournal(t), 10);
	const older = Array.from({ length: 300 }, (_, at) => {
		return { table: 'receipts', key: [at + 1], value: receiptOf(`old${at}`) } as const;
	});
	for (const change of older) await journal.commit([change]);
	const receipts = open();
	assert.equal(ids(receipts.each()).length, 300);
	for (let at = 0; at < 20; at += 1) await journal.commit(receipts.add([receiptOf(`new${at}`)]));
	const kept = ids(receipts.each());
	assert.ok(kept.length < 60 && kept.includes('new0'), kept.join());
});
