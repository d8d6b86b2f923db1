import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createMessageRuns } from '../../../actors/inbound/message-run.ts';
import type { Message } from '../../../runtime/message/message.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import type { Schedule } from '../../../runtime/message/schedule.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';
import { receivingSide } from '../../support/method-call.ts';
import type { StartRecord } from '../../../runtime/mailbox/start-rows.ts';

type Run = Parameters<typeof receivingSide>[1];

/** A new node that has a message of this schedule run. */
const scheduled = (t: TestContext, schedule: Schedule, run: Run) =>
	scheduledOn(composedNode(t), schedule, run);

/** Has a node run a message of this schedule. */
async function scheduledOn(node: ComposedNode, schedule: Schedule, run: Run) {
	const side = receivingSide(node, run, { ordering: 'sequential' });
	const messageRuns = createMessageRuns(side.parts);
	side.mailbox.open((row) => messageRuns.run(row));
	const advance = async (ms: number) => {
		for (let left = ms; left > 0; left -= 1000) {
			await node.clock.advance(Math.min(1000, left));
			// What is written meanwhile takes real time.
			for (let round = 0; round < 5; round += 1) await node.journal.commit([]);
			await node.clock.settle();
		}
	};
	const send = async (more: Partial<Message> = {}) => {
		const message = { id: 'm1', replyMethod: 'REQToFileAppend', schedule, ...more };
		const row = await side.file(message);
		side.mailbox.push(row);
		await node.clock.settle();
		await node.journal.commit([]);
		await node.clock.settle();
		return row;
	};
	const last = () => side.replies().findLast(({ result }) => result)?.result;
	const outputs = () => side.replies().flatMap(({ data, result }) => (result ? [] : String(data)));
	return { node, side, messageRuns, advance, send, last, outputs };
}

const counting = () => {
	let count = 0;
	const run: Run = () => Promise.resolve({ data: `${(count += 1)}` });
	return run;
};

test('each run sends its output, and the outcome comes when the schedule is over', async (t) => {
	const { send, advance, outputs, last, side } = await scheduled(
		t,
		{ every: 60, total: 120 },
		counting(),
	);
	await send();
	await advance(1000);
	assert.deepEqual(outputs(), ['1']);
	await advance(60_000);
	assert.deepEqual(outputs(), ['1', '2']);
	assert.equal(last(), undefined);
	await advance(61_000);
	assert.deepEqual(outputs(), ['1', '2', '3']);
	await advance(1000);
	assert.equal(last()?.outcome, 'done');
	assert.equal(last()?.detail, '3 runs, 0 of them failed');
	assert.equal(last()?.streamed, true);
	assert.equal(side.mailbox.size(), 0);
});

test('it runs at most as often as its schedule says', async (t) => {
	const { send, advance, outputs, last } = await scheduled(t, { every: 1, times: 2 }, counting());
	await send();
	await advance(10_000);
	assert.deepEqual(outputs(), ['1', '2']);
	assert.equal(last()?.outcome, 'done');
});

test('a run that takes longer than the interval is never overlapped', async (t) => {
	let running = 0;
	let most = 0;
	const finish: (() => void)[] = [];
	const { send, advance, node } = await scheduled(t, { every: 1, times: 3 }, async () => {
		running += 1;
		most = Math.max(most, running);
		await new Promise<void>((resolve) => finish.push(resolve));
		running -= 1;
	});
	await send();
	await advance(5000);
	assert.equal(finish.length, 1);
	finish[0]?.();
	await node.clock.settle();
	await advance(2000);
	assert.equal(finish.length, 2);
	assert.equal(most, 1);
	for (const end of finish) end();
});

test('a run that fails is told as an error, and the schedule goes on', async (t) => {
	let count = 0;
	const { send, advance, outputs, last, side } = await scheduled(
		t,
		{ every: 1, times: 2 },
		async () => {
			await Promise.resolve();
			if ((count += 1) === 1) throw new ReeveError('file_failed', 'no disk');
			return { data: 'fine' };
		},
	);
	await send();
	await advance(5000);
	assert.deepEqual(outputs(), ['fine']);
	assert.equal(last()?.detail, '2 runs, 1 of them failed');
	assert.deepEqual(side.outcomes(), ['failed', 'done', 'done']);
});

test('another message runs between the runs', async (t) => {
	const { send, advance, side, last } = await scheduled(t, { every: 60 }, counting());
	await send();
	await advance(1000);
	const plain = await side.file({ id: 'm2' });
	side.mailbox.push(plain);
	await advance(1000);
	assert.equal(last()?.outcome, 'done');
	assert.equal(side.mailbox.size(), 1);
});

test('taking the message back ends the schedule', async (t) => {
	const { send, advance, side, last } = await scheduled(t, { every: 60 }, counting());
	await send();
	await advance(1000);
	assert.ok(side.parts.cancellations.cancel('m1'));
	await advance(1000);
	assert.equal(last()?.outcome, 'cancelled');
	assert.equal(side.mailbox.size(), 0);
});

test('the splay makes all runs later by the same time', async (t) => {
	const { send, advance, side, outputs } = await scheduled(t, { every: 60, splay: 30 }, counting());
	const row = await send();
	const start = side.parts.journal.get<StartRecord>('started', ['REQSpec', row.arrival]);
	const splayMs = start?.schedule?.splayMs ?? 0;
	assert.ok(splayMs > 0 && splayMs < 30_000, String(splayMs));
	assert.deepEqual(outputs(), []);
	await advance(splayMs + 1000);
	assert.deepEqual(outputs(), ['1']);
	await advance(58_000);
	assert.deepEqual(outputs(), ['1']);
	await advance(3000);
	assert.deepEqual(outputs(), ['1', '2']);
});

for (const onCrash of ['report', 'retry'] as const) {
	test(`after a death in mid-run the schedule goes on (${onCrash})`, async (t) => {
		const first = await scheduled(t, { every: 60, times: 3 }, () => new Promise(() => {}));
		await first.send({ onCrash });
		await first.advance(1000);
		await first.node.journal.close();
		// Several runs are missed while no process runs.
		const clock = steppedClock(1);
		clock.jump(first.node.clock.now() - clock.now() + 1_000_000);
		const node = composedNode(t, {}, { folder: first.node.folder, clock });
		const second = await scheduledOn(node, {}, counting());
		const [left] = second.side.mailbox.started();
		assert.ok(left?.start.schedule?.isRunning);
		await second.messageRuns.replay(left.row, left.start);
		await second.advance(1000);
		assert.deepEqual(second.outputs(), [], 'what was missed is not made up for');
		await second.advance(200_000);
		const runs = onCrash === 'retry' ? ['1', '2', '3'] : ['1', '2'];
		assert.deepEqual(second.outputs(), runs);
		const failed = onCrash === 'retry' ? 0 : 1;
		assert.equal(second.last()?.detail, `3 runs, ${failed} of them failed`);
	});
}

test('a schedule that this node does not know gets an outcome that says what is wrong with it', async (t) => {
	const unknown = [
		[{ every: 60, jitter: 5 }, /^schedule: .*jitter/],
		[{ cron: '* * * * *', timezone: 'Mars/Olympus' }, /^schedule\.timezone: no time zone/],
		[{ cron: '0 0 30 2 *' }, /^schedule\.cron: no cron expression/],
		[{}, /^schedule\.every: /],
	] as const;
	for (const [schedule, why] of unknown) {
		const { send, advance, last, outputs, side } = await scheduled(t, schedule, counting());
		await send();
		await advance(1000);
		const { outcome, code, detail = '' } = last() ?? {};
		assert.deepEqual([outcome, code, outputs()], ['failed', 'bad_message', []]);
		assert.match(detail, why);
		assert.equal(side.mailbox.size(), 0);
	}
});
