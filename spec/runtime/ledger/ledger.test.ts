import assert from 'node:assert/strict';
import test from 'node:test';
import { createLedger } from '../../../runtime/ledger/ledger.ts';
import { configOf } from '../../../runtime/config/config.ts';
import type { Signal } from '../../../runtime/observability/signals.ts';
import { messageOf } from '../../support/messages.ts';
import { heldJournal, type OpenedJournal, openedJournal } from '../../support/open-journal.ts';

const done = { outcome: 'done' } as const;
const failed = { outcome: 'failed', code: 'command_failed' } as const;

/** A ledger on a journal; `write` commits, and tells the ledger what is flushed. */
function ledgerOn(opened: OpenedJournal, values: Parameters<typeof configOf>[0] = {}) {
	const { signals } = opened;
	const held = heldJournal(opened.journal);
	const { journal } = held;
	const ledger = createLedger({ journal, signals, config: configOf(values) });
	const open = async (id: string) => {
		await journal.commit(ledger.open(messageOf({ id })));
		ledger.opened(id);
	};
	const settle = async (id: string, result: Parameters<typeof ledger.settle>[1] = done) => {
		await journal.commit(ledger.settle(id, result));
		ledger.settled(id);
	};
	const settlements = () =>
		signals.recent().filter((signal: Signal) => signal.type === 'message.settled').length;
	return { ...opened, journal, held, ledger, open, settle, settlements };
}

const ids = (entries: readonly { id: string }[]) => entries.map(({ id }) => id);

test('an entry is opened, settled once, and keeps its first outcome', async (t) => {
	const { ledger, open, settle, clock, settlements } = ledgerOn(openedJournal(t));
	await open('m1');
	assert.equal(ledger.get('m1')?.settledAt, undefined);
	assert.deepEqual(ledger.totals(), { open: 1, settled: 0 });
	await clock.advance(1500);
	await settle('m1', failed);
	await settle('m1', done);
	assert.deepEqual(ledger.get('m1')?.result, failed);
	assert.deepEqual(ledger.totals(), { open: 0, settled: 1 });
	assert.equal(settlements(), 1, 'whoever watches hears of it once');
});

test('what is not in the ledger cannot be settled', async (t) => {
	const { ledger, settle, settlements } = ledgerOn(openedJournal(t));
	assert.deepEqual(ledger.settle('nobody', done), []);
	await settle('nobody');
	assert.deepEqual(ledger.totals(), { open: 0, settled: 0 });
	assert.equal(settlements(), 0);
});

test('an entry that is not on disk yet is known, and can be settled', async (t) => {
	const { ledger, journal, held } = ledgerOn(openedJournal(t));
	held.hold();
	const opening = journal.commit(ledger.open(messageOf({ id: 'm1' })));
	assert.ok(ledger.get('m1'));
	const settling = journal.commit(ledger.settle('m1', done));
	assert.deepEqual(ledger.settle('m1', failed), [], 'it has one outcome, also before the flush');
	held.release();
	await opening;
	ledger.opened('m1');
	assert.deepEqual(ledger.settle('m1', failed), [], 'and after the flush of its opening');
	await settling;
	ledger.settled('m1');
	assert.deepEqual(ledger.settle('m1', failed), []);
	assert.deepEqual(ledger.get('m1')?.result, done);
	assert.deepEqual(ledger.totals(), { open: 0, settled: 1 });
});

test('the ledger is the same after a restart', async (t) => {
	const opened = openedJournal(t);
	const before = ledgerOn(opened);
	for (const id of ['a', 'b', 'c']) await before.open(id);
	await before.settle('b', failed);
	const { ledger, settle } = ledgerOn(await opened.reopen());
	assert.deepEqual(ledger.totals(), { open: 2, settled: 1 });
	assert.deepEqual(ledger.get('b')?.result, failed);
	assert.deepEqual(ledger.settle('b', done), []);
	await settle('a');
	assert.deepEqual(ledger.totals(), { open: 1, settled: 2 });
});

test('the newest are listed first, whatever ids people choose', async (t) => {
	const { ledger, open, clock } = ledgerOn(openedJournal(t));
	for (const id of ['zebra', '01K', 'deploy-7', 'apple']) {
		await open(id);
		await clock.advance(10);
	}
	assert.deepEqual(ids(ledger.list(10)), ['apple', 'deploy-7', '01K', 'zebra']);
	assert.deepEqual(ids(ledger.list(2)), ['apple', 'deploy-7']);
});

test('settled entries beyond the limit are forgotten, the oldest outcome first, open ones never', async (t) => {
	const opened = openedJournal(t);
	const { ledger, open, settle, clock } = ledgerOn(opened, { settledKeptMax: 3 });
	for (const id of ['m1', 'm2', 'm3', 'm4', 'm5', 'open']) {
		await open(id);
		await clock.advance(1);
	}
	for (const id of ['m5', 'm4', 'm3', 'm2', 'm1']) await settle(id);
	assert.deepEqual(ids(ledger.list(10)), ['open', 'm3', 'm2', 'm1']);
	assert.equal(ledger.get('m5'), undefined);
	assert.deepEqual(ledger.totals(), { open: 1, settled: 3 });
	for (const table of ['ledger', 'opened'] as const) assert.equal(opened.journal.count(table), 4);
	assert.equal(opened.journal.count('settled'), 3);
});

test('the limit holds over a restart, and with outcomes that are not on disk yet', async (t) => {
	const opened = openedJournal(t);
	const before = ledgerOn(opened, { settledKeptMax: 2 });
	for (const id of ['m1', 'm2', 'm3', 'm4', 'm5']) await before.open(id);
	await before.settle('m1');
	await before.settle('m2');
	const next = await opened.reopen();
	const { ledger, journal, held } = ledgerOn(next, { settledKeptMax: 2 });
	held.hold();
	const settling = ['m3', 'm4', 'm5'].map((id) => journal.commit(ledger.settle(id, done)));
	held.release();
	await Promise.all(settling);
	for (const id of ['m3', 'm4', 'm5']) ledger.settled(id);
	assert.deepEqual(ids(ledger.list(10)).toSorted(), ['m4', 'm5']);
	for (const table of ['ledger', 'opened', 'settled'] as const) {
		assert.equal(next.journal.count(table), 2, table);
	}
});

test('the output of a message is kept as text, cut at its limit', async (t) => {
	const { ledger, journal, open } = ledgerOn(openedJournal(t), { outputKeptBytesMax: 64 });
	await open('text');
	await open('bytes');
	await journal.commit(ledger.settle('text', done, 'x'.repeat(1_000_000)));
	await journal.commit(ledger.settle('bytes', done, new Uint8Array([104, 105, 255])));
	assert.equal(ledger.get('text')?.output, 'x'.repeat(64));
	assert.equal(ledger.get('bytes')?.output, 'hi\ufffd');
});

test('a few letters name an entry if no other begins with them', async (t) => {
	const { ledger, open } = ledgerOn(openedJournal(t));
	for (const id of ['abc1', 'abc2', 'abd']) await open(id);
	assert.deepEqual(ledger.match('abd'), ['abd']);
	assert.equal(ledger.match('abc').length, 2);
	assert.deepEqual(ledger.match('abc1'), ['abc1']);
	assert.deepEqual(ledger.match('x'), []);
	assert.equal(ledger.match('').length, 2);
	assert.deepEqual(ledger.match('x'.repeat(5000)), []);
});

test('nothing of ten thousand messages stays in memory once they are settled and flushed', async (t) => {
	const { ledger, journal } = ledgerOn(openedJournal(t), { settledKeptMax: 100 });
	const names = Array.from({ length: 10_000 }, (_, at) => `m${at}`);
	await journal.commit(names.flatMap((id) => ledger.open(messageOf({ id }))));
	for (const id of names) ledger.opened(id);
	await journal.commit(names.flatMap((id) => ledger.settle(id, done)));
	for (const id of names) ledger.settled(id);
	assert.equal(ledger.get('m0'), undefined, 'it is neither in the journal nor in memory');
	assert.deepEqual(ledger.totals(), { open: 0, settled: 100 });
	assert.equal(journal.count('ledger'), 100);
});
