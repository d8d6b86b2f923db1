import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { deadLetterChanges, type DeadLetter } from '../../../runtime/ledger/dead-letters.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

const letter = (id: string): DeadLetter => ({
	id,
	fromNode: 'central',
	method: 'REQPing',
	body: new Uint8Array(),
	outcome: 'failed',
	attempts: 5,
	at: 0,
});

test('beyond their limit the oldest dead letter goes, and a signal tells which', async (t) => {
	const opened = openedJournal(t);
	const { journal, clock, signals } = opened;
	const parts = { journal, clock, signals, config: configOf({ deadKeptMax: 2 }) };
	for (const id of ['first', 'second', 'third']) {
		await journal.commit(deadLetterChanges(letter(id), parts));
		await clock.advance(10);
	}
	const kept = journal.scan<DeadLetter>('dead', rowsUnder());
	assert.deepEqual(
		kept.map(({ value }) => value.id),
		['second', 'third'],
	);
	const dropped = signals.recent().filter(({ type }) => type === 'dead.dropped');
	assert.deepEqual(
		dropped.map((signal) => Reflect.get(signal, 'id')),
		['first'],
	);
});

test('clock jumps: a clock that is set back does not make the newest dead letter the oldest', async (t) => {
	const opened = openedJournal(t);
	const { journal, clock, signals } = opened;
	const parts = { journal, clock, signals, config: configOf({ deadKeptMax: 2 }) };
	for (const id of ['first', 'second', 'third', 'fourth']) {
		await journal.commit(deadLetterChanges(letter(id), parts));
		await clock.advance(10);
		clock.jump(-365 * 86_400_000);
	}
	const kept = journal.scan<DeadLetter>('dead', rowsUnder());
	assert.deepEqual(
		kept.map(({ value }) => value.id),
		['third', 'fourth'],
	);
});
