import assert from 'node:assert/strict';
import test from 'node:test';
import { messageRow } from '../../../runtime/ledger/message-state.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { laneOfSpecs, sendingSide } from '../../support/sending-lane.ts';
import type { Entry } from '../../../runtime/ledger/ledger-entry.ts';

/** The row of the message `a`, which is alone in its lane, as it looks after `change`. */
async function rowOn(
	t: Parameters<typeof openedJournal>[0],
	change: (side: ReturnType<typeof sendingSide>) => void = () => {},
) {
	const side = sendingSide(openedJournal(t));
	await side.send({ id: 'a', note: 'for the captain' });
	change(side);
	const entry = side.ledger.get('a');
	assert.ok(entry);
	return messageRow(entry, side.outbox);
}

test('a message that waits is queued, and says why it waits', async (t) => {
	const row = await rowOn(t, ({ lane }) => Object.assign(lane(), { why: 'ship1 is offline' }));
	assert.deepEqual([row.state, row.settled, row.attempts], ['queued', false, 0]);
	assert.deepEqual([row.why, row.note], ['ship1 is offline', 'for the captain']);
});

test('it is sent while its lane sends it, and giving up while its skip travels', async (t) => {
	const sent = await rowOn(t, ({ lane }) => {
		const [first] = lane().rows;
		if (first) lane().rows[0] = { ...first, attempts: 2 };
		lane().state = 'sending';
	});
	assert.deepEqual([sent.state, sent.attempts], ['sent', 2]);
	const skipped = await rowOn(t, ({ lane }) => {
		const [first] = lane().rows;
		if (first) lane().rows[0] = { ...first, skip: true };
	});
	assert.equal(skipped.state, 'giving_up');
});

test('a message that has left its lane without an outcome was accepted', async (t) => {
	const row = await rowOn(t, ({ outbox, lane }) => void outbox.resolve(lane(), 1));
	assert.deepEqual([row.state, row.settled], ['accepted', false]);
});

test('a settled message shows its outcome, and all that is known of it', (t) => {
	const { outbox: nowhere } = sendingSide(openedJournal(t));
	const entry: Entry = {
		id: 'a',
		toNode: 'ship1',
		method: 'REQPing',
		sentAt: 1,
		lane: laneOfSpecs,
		seq: 1,
		settledAt: 5,
		result: { outcome: 'failed', code: 'command_failed', exitCode: 7, attempts: 2 },
		output: 'text',
	};
	assert.deepEqual(messageRow(entry, nowhere), {
		id: 'a',
		toNode: 'ship1',
		method: 'REQPing',
		sentAt: 1,
		state: 'failed',
		settled: true,
		settledAt: 5,
		attempts: 2,
		code: 'command_failed',
		exitCode: 7,
		output: 'text',
	});
});
