import assert from 'node:assert/strict';
import test from 'node:test';
import { createLedgerCache } from '../../../runtime/ledger/ledger-cache.ts';
import { openedJournal } from '../../support/open-journal.ts';
import type { TestScope } from '../../support/temporary.ts';
import type { Entry } from '../../../runtime/ledger/ledger-entry.ts';

const entry = (id: string, more: Partial<Entry> = {}): Entry => ({
	id,
	toNode: 'ship1',
	method: 'REQPing',
	sentAt: 1,
	events: [{ at: 1, what: 'accepted' }],
	...more,
});

function entriesOn(t: TestScope) {
	const { journal } = openedJournal(t);
	return {
		journal,
		entries: createLedgerCache({ journal, historyEventsMax: 8 }),
	};
}

test('an entry is seen from the moment at which it is written, and from the journal later', async (t) => {
	const { journal, entries } = entriesOn(t);
	const change = entries.write(entry('a'));
	assert.equal(entries.get('a')?.id, 'a');
	assert.equal(journal.get('ledger', ['a']), undefined);
	await journal.commit([change]);
	entries.opened('a');
	assert.equal(entries.get('a')?.id, 'a');
	assert.equal(entries.get('b'), undefined);
});

test('what was noted is kept in memory until it is written', async (t) => {
	const { journal, entries } = entriesOn(t);
	await journal.commit([entries.write(entry('a'))]);
	entries.opened('a');
	assert.deepEqual(entries.unwritten(), []);
	entries.note('a', 'sent', { attempt: 1 });
	entries.note('nobody', 'sent');
	assert.deepEqual(entries.unwritten(), ['a']);
	const stored = () => journal.get<Entry>('ledger', ['a'])?.events?.map(({ what }) => what);
	assert.deepEqual(stored(), ['accepted']);
	const known = entries.get('a');
	assert.ok(known, 'it is open');
	await journal.commit([entries.writeHistory(known)]);
	assert.deepEqual([stored(), entries.unwritten()], [['accepted', 'sent'], []]);
});

test('of a message that is settled nothing more is noted', async (t) => {
	const { journal, entries } = entriesOn(t);
	const settled = entry('a', { settledAt: 5, result: { outcome: 'done' } });
	await journal.commit([entries.write(settled)]);
	assert.equal(entries.settled('a')?.settledAt, 5);
	entries.note('a', 'acked');
	assert.deepEqual([entries.unwritten(), entries.history('a')], [[], settled.events]);
});

test('a settled entry is recorded from memory, and from the journal the second time', async (t) => {
	const { journal, entries } = entriesOn(t);
	const settled = entry('a', { settledAt: 5, result: { outcome: 'done' } });
	await journal.commit([entries.write(settled)]);
	entries.settled('a');
	assert.equal(entries.record('a'), settled);
	assert.notEqual(entries.record('a'), settled);
	assert.equal(entries.record('a')?.settledAt, 5);
});

test('an outcome is found once it is told, though the journal does not show it yet', (t) => {
	const { entries } = entriesOn(t);
	entries.write(entry('a'));
	entries.opened('a');
	entries.write(entry('a', { settledAt: 5, result: { outcome: 'done' } }));
	entries.settled('a');
	assert.equal(entries.get('a')?.result?.outcome, 'done');
	entries.forget('a');
	assert.equal(entries.get('a'), undefined, 'it was never written');
});

test('what is forgotten before its settlement is flushed stays forgotten', (t) => {
	const { entries } = entriesOn(t);
	entries.write(entry('a', { settledAt: 5, result: { outcome: 'done' } }));
	entries.forget('a');
	assert.equal(entries.settled('a')?.settledAt, 5, 'whoever watches is told of it all the same');
	assert.equal(entries.get('a'), undefined);
});
