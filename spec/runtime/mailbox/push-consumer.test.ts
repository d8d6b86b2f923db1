import assert from 'node:assert/strict';
import test from 'node:test';
import { createPushConsumer } from '../../../runtime/mailbox/push-consumer.ts';
import type { MailboxRow } from '../../../runtime/mailbox/mailbox-row.ts';
import { messageOf } from '../../support/messages.ts';
import type { Change } from '../../../runtime/journal/schema.ts';

const rowOf = (arrival: number): MailboxRow => ({
	arrival,
	id: `m${arrival}`,
	from: 'central',
	message: messageOf({ id: `m${arrival}` }),
	bytes: 0,
	deadline: 1e15,
});
const startOf = ({ arrival }: MailboxRow): Change => ({
	table: 'started',
	key: ['REQSpec', arrival],
});
const arrivals = (changes: readonly Change[]) => changes.map(({ key }) => Number(key[1]));

/** Lets everything happen that only waits for promises. */
async function settle(): Promise<void> {
	for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** A push consumer of so many rows, whose runs and commits end when the test says so. */
function consumerOf(
	count: number,
	options: { concurrency?: number; settlementsMax?: number } = {},
) {
	const { concurrency = 2, settlementsMax = 10 } = options;
	const rows = Array.from({ length: count }, (_, at) => rowOf(at + 1));
	const commits: { arrivals: number[]; done: () => void; fail: () => void }[] = [];
	const runs = new Map<number, { freed: () => void; settled: () => void }>();
	const consumer = createPushConsumer({
		concurrency,
		settlementsMax,
		early: new Set(),
		next: () => rows.shift(),
		commit: (changes) =>
			new Promise((done, reject) => {
				const fail = () => reject(new Error('the node stops'));
				commits.push({ arrivals: arrivals(changes), done, fail });
			}),
	});
	const run = (row: MailboxRow, freed: () => void) =>
		new Promise<void>((settled) => runs.set(row.arrival, { freed, settled }));
	const begin = (begun: readonly MailboxRow[]) => begun.map(startOf);
	const free = async (...which: number[]) => {
		for (const arrival of which) runs.get(arrival)?.freed();
		await settle();
	};
	const end = async (...which: number[]) => {
		for (const arrival of which) runs.get(arrival)?.settled();
		await settle();
	};
	return { consumer, rows, commits, running: () => [...runs.keys()], run, begin, free, end };
}

test('a place is free again when nothing is left to be done but to bring the outcome to the disk', async () => {
	const { consumer, run, running, free, end } = consumerOf(4);
	consumer.open({ run });
	await settle();
	assert.deepEqual(running(), [1, 2]);
	await free(1);
	assert.deepEqual(running(), [1, 2, 3]);
	await end(2);
	assert.deepEqual(running(), [1, 2, 3, 4]);
	assert.equal(consumer.running(), 2);
});

test('where the order matters the next one waits for the disk', async () => {
	const { consumer, run, running, free, end } = consumerOf(2, { concurrency: 1 });
	consumer.open({ run });
	await free(1);
	assert.deepEqual(running(), [1]);
	await end(1);
	assert.deepEqual(running(), [1, 2]);
});

test('no more run than their outcomes may wait for the disk', async () => {
	const { consumer, run, running, free, end } = consumerOf(9, { settlementsMax: 3 });
	consumer.open({ run });
	await settle();
	for (const arrival of [1, 2, 3, 4, 5]) await free(arrival);
	assert.deepEqual(running(), [1, 2, 3, 4, 5], 'two places, and three on their way');
	await end(1);
	assert.deepEqual(running(), [1, 2, 3, 4, 5, 6]);
});

test('starts are written together, before any of them runs, and ahead for places that will be free', async () => {
	const { consumer, run, begin, commits, running, free } = consumerOf(12);
	consumer.open({ run, begin });
	await settle();
	assert.deepEqual(running(), []);
	assert.deepEqual(
		commits.map(({ arrivals: which }) => which),
		[[1, 2]],
	);
	commits[0]?.done();
	await settle();
	assert.deepEqual(running(), [1, 2]);
	await free(1);
	await free(2);
	assert.deepEqual(commits[1]?.arrivals, [3, 4], 'one has ended, so one more than its place');
	commits[1]?.done();
	await settle();
	await free(3, 4);
	assert.deepEqual(running(), [1, 2, 3, 4]);
	assert.ok((commits[2]?.arrivals.length ?? 0) >= 2, 'as many as were fast are begun ahead');
});

test('rows whose start cannot be written do not run', async () => {
	const { consumer, run, begin, commits, running, rows } = consumerOf(2);
	consumer.open({ run, begin });
	await settle();
	commits[0]?.fail();
	await settle();
	assert.deepEqual([running(), rows], [[], []]);
});

test('a message that finds a place is begun with its acceptance, and not a second time', async () => {
	const { consumer, run, begin, commits, running, rows } = consumerOf(0);
	assert.deepEqual(consumer.beginNow(rowOf(1)), [], 'nobody runs anything yet');
	consumer.open({ run, begin });
	assert.deepEqual(arrivals(consumer.beginNow(rowOf(1))), [1]);
	assert.deepEqual(arrivals(consumer.beginNow(rowOf(2))), [2]);
	assert.deepEqual(consumer.beginNow(rowOf(3)), [], 'both places are promised');
	rows.push(rowOf(1), rowOf(2), rowOf(3));
	consumer.feed();
	await settle();
	assert.deepEqual(running(), [1, 2]);
	assert.deepEqual(commits, [], 'the third has no place to be begun for');
});

test('what was begun can be taken back until it runs', async () => {
	const { consumer, run, begin, commits, running, free } = consumerOf(8);
	consumer.open({ run, begin });
	await settle();
	commits[0]?.done();
	await settle();
	await free(1);
	const ahead = commits[1]?.arrivals ?? [];
	commits[1]?.done();
	await settle();
	const waiting = ahead.find((arrival) => !running().includes(arrival));
	assert.ok(waiting !== undefined, 'one is begun ahead');
	assert.equal(consumer.withdraw(waiting), true);
	assert.equal(consumer.withdraw(waiting), false);
	assert.equal(consumer.withdraw(1), false);
});

test('after its end nothing is handed out, and it is over when all is settled', async () => {
	const { consumer, run, running, free, end } = consumerOf(5);
	consumer.open({ run });
	await free(1);
	consumer.end();
	let isOver = false;
	const over = consumer.over().then(() => (isOver = true));
	await end(2, 3);
	assert.deepEqual([isOver, running()], [false, [1, 2, 3]], 'the first is still on its way');
	await end(1);
	await over;
});
