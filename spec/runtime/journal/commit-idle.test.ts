import assert from 'node:assert/strict';
import test from 'node:test';
import { pause, realClock, turnOfTheLoop } from '../../../runtime/platform/clock.ts';
import { createCommitIdle } from '../../../runtime/journal/commit-idle.ts';
import { openedJournal } from '../../support/open-journal.ts';

/**
 * An idle time of commits in which `a`, `b` and so on are noted, and whether a transaction is due.
 */
function idleCalls() {
	const due = { is: false };
	const done: string[] = [];
	const spare = createCommitIdle(() => due.is);
	return { due, done, spare, use: (name: string) => spare.use(() => void done.push(name)) };
}

test('what can wait is done soon if there is nothing to write', async () => {
	const { done, use } = idleCalls();
	use('a');
	use('b');
	assert.deepEqual(done, [], 'not before whoever asks has gone on');
	await turnOfTheLoop();
	assert.deepEqual(done, ['a', 'b']);
});

test('it waits for a transaction that is due until that has all it needs, and no longer', async () => {
	const { due, done, spare, use } = idleCalls();
	due.is = true;
	use('a');
	due.is = false;
	spare.asks();
	await turnOfTheLoop();
	assert.deepEqual(done, []);
	spare.begins();
	assert.deepEqual(done, [], 'the disk goes first');
	await turnOfTheLoop();
	assert.deepEqual(done, ['a']);
	use('b');
	await turnOfTheLoop();
	assert.deepEqual(done, ['a', 'b'], 'it is being written');
	spare.ends();
	due.is = true;
	use('c');
	await turnOfTheLoop();
	assert.deepEqual(done, ['a', 'b'], 'the next one is due');
	spare.begins();
	await turnOfTheLoop();
	assert.deepEqual(done, ['a', 'b', 'c']);
});

test('a transaction that fails before it has begun holds nothing up', async () => {
	const { done, spare, use } = idleCalls();
	spare.asks();
	use('a');
	spare.ends();
	await turnOfTheLoop();
	assert.deepEqual(done, ['a']);
});

test('a journal calls back while it commits, once for each caller', async (t) => {
	const { journal } = openedJournal(t);
	const order: string[] = [];
	const written = journal
		.commit([{ table: 'dead', key: ['x'], value: 1 }], 'committed')
		.then(() => order.push('written'));
	journal.whileWriting(() => order.push('one'));
	journal.whileWriting(() => order.push('two'));
	await turnOfTheLoop();
	await written;
	await journal.commit([]);
	assert.deepEqual(order.toSorted(), ['one', 'two', 'written']);
	journal.whileWriting(() => order.push('three'));
	await turnOfTheLoop();
	assert.equal(order.at(-1), 'three');
});

test('who asks when he hears of a commit that nothing follows is not kept waiting', async (t) => {
	const { journal } = openedJournal(t);
	for (let round = 0; round < 20; round += 1) {
		await journal.commit([{ table: 'dead', key: ['x'], value: round }], 'committed');
		const asked = new Promise<void>((resolve) => {
			journal.whileWriting(resolve);
		});
		const late = pause(realClock, 5000).then(() => 'late');
		assert.notEqual(await Promise.race([asked, late]), 'late');
	}
});
