import assert from 'node:assert/strict';
import test from 'node:test';
import {
	createHistories,
	withEvent,
	type HistoryEvent,
} from '../../../runtime/ledger/message-history.ts';

const event = (at: number, fields: Partial<HistoryEvent> = {}): HistoryEvent => ({
	at,
	what: 'sent',
	attempt: at,
	...fields,
});

test('a history keeps its first event and its newest ones', () => {
	let events: readonly HistoryEvent[] = [];
	for (let at = 1; at <= 10; at += 1) events = withEvent(events, event(at), 4);
	assert.deepEqual(
		events.map(({ at }) => at),
		[1, 8, 9, 10],
	);
});

test('an event that only repeats the last one is not noted again', () => {
	const waiting = event(1, { what: 'waiting', attempt: 1, detail: 'ship1 is offline' });
	const events = withEvent([waiting], { ...waiting, at: 2 }, 4);
	assert.deepEqual(events, [waiting]);
	assert.equal(withEvent(events, { ...waiting, at: 3, detail: 'another reason' }, 4).length, 2);
});

test('of very many lives the oldest leave memory', () => {
	const histories = createHistories();
	for (let number = 0; number <= 20_000; number += 1) histories.set(`m${number}`, [event(number)]);
	assert.equal(histories.get('m0'), undefined);
	assert.equal(histories.get('m20000')?.length, 1);
	histories.forget('m20000');
	assert.equal(histories.get('m20000'), undefined);
});
