import assert from 'node:assert/strict';
import test from 'node:test';
import { createWindow } from '../../../actors/outbound/send-window.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { sendingSide } from '../../support/sending-lane.ts';

/** The settlement of a message that is taken back. */
type Settlement = ReturnType<ReturnType<typeof createWindow>['cancel']>;

/** A window on a lane with messages of these ids, of which four fit into memory. */
async function laneOf(t: Parameters<typeof openedJournal>[0], ids: readonly string[]) {
	const side = sendingSide(openedJournal(t), { windowMessagesMax: 4 });
	const lane = await side.send(...ids.map((id) => ({ id })));
	const window = createWindow({ ...side, lane });
	const commit = async ({ changes, ids: settled }: Settlement): Promise<void> => {
		await side.journal.commit(changes);
		for (const id of settled) side.ledger.settled(id);
	};
	const taken = () => (window.take()?.rows ?? []).map(({ id, skip }) => (skip ? `skip ${id}` : id));
	return { ...side, lane, window, commit, taken };
}

const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

test('a message that was never published has its outcome when it is taken back, anywhere in the lane', async (t) => {
	const { window, commit, outcome, taken, ackOf } = await laneOf(t, letters);
	await commit(window.cancel(6));
	await commit(window.cancel(1));
	assert.deepEqual(
		[outcome('f'), outcome('a'), outcome('b')],
		['cancelled', 'cancelled', undefined],
	);
	assert.deepEqual(taken(), ['b']);
	await commit(window.acknowledge(ackOf(2, 'b')));
	assert.deepEqual(taken(), ['c', 'd', 'e', 'skip f']);
	await commit(window.acknowledge(ackOf(6, 'f', { except: [[6, 'skipped']] })));
	assert.deepEqual(taken(), ['g']);
	assert.equal(outcome('f'), 'cancelled');
});

test('a row that is taken back while it is not in memory is read as what it has become, before the disk shows it', async (t) => {
	const { window, commit, taken, ackOf } = await laneOf(t, letters);
	const written = window.cancel(6);
	taken();
	await commit(window.acknowledge(ackOf(2, 'b')));
	assert.ok(taken().includes('skip f'));
	await commit(written);
});

test('a published message is cancelled only when its receiver has answered', async (t) => {
	const { window, commit, outcome, taken, ackOf } = await laneOf(t, ['a', 'b']);
	taken();
	await commit(window.cancel(1));
	assert.equal(outcome('a'), undefined);
	assert.deepEqual(taken(), ['skip a']);
	await commit(window.acknowledge(ackOf(1, 'a', { except: [[1, 'skipped']] })));
	assert.equal(outcome('a'), 'cancelled');
	taken();
	await commit(window.cancel(2));
	await commit(window.acknowledge(ackOf(2, 'b')));
	assert.equal(outcome('b'), undefined, 'it had been accepted, and its outcome follows');
});

test('what has left the lane, and what was given up before, is not taken back again', async (t) => {
	const { window, commit, taken, ackOf } = await laneOf(t, ['a', 'b']);
	taken();
	await commit(window.acknowledge(ackOf(1, 'a')));
	assert.deepEqual(window.cancel(1).changes, []);
	await commit(window.cancel(2));
	assert.deepEqual(window.cancel(2).changes, []);
	assert.deepEqual(window.cancel(9).changes, []);
});

test('the ledger has the history of a message in its lane', async (t) => {
	const { window, commit, taken, ackOf, ledger } = await laneOf(t, ['a']);
	taken();
	window.goBack();
	taken();
	await commit(window.acknowledge(ackOf(1, 'a')));
	const words = ledger.history('a').map(({ what, attempt }) => [what, attempt ?? 0]);
	assert.deepEqual(words, [
		['accepted', 0],
		['sent', 1],
		['sent', 2],
		['acked', 0],
	]);
	assert.deepEqual(ledger.get('a')?.events, ledger.history('a'), 'it is on disk');
});
