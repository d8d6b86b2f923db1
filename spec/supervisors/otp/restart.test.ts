import assert from 'node:assert/strict';
import test from 'node:test';
import { addRestart, backoffMs } from '../../../supervisors/otp/restart.ts';
import {
	abnormal,
	fate,
	fragile,
	living,
	createSupervision,
	worker,
} from '../../support/supervised.ts';

/** Whether each of these restarts, at these milliseconds, is allowed. */
function verdicts(limit: { intensity: number; period: number }, ...atMs: readonly number[]) {
	let restarts: readonly number[] = [];
	return atMs.map((at) => {
		const decision = addRestart(restarts, at, limit);
		restarts = decision.restarts;
		return decision.allowed;
	});
}

test('intensity 0 forbids the first restart, and n allows n within the period', () => {
	assert.deepEqual(verdicts({ intensity: 0, period: 5 }, 0), [false]);
	assert.deepEqual(verdicts({ intensity: 2, period: 5 }, 0, 0, 0), [true, true, false]);
});

test('seconds are whole: the window is between one period and one second more', () => {
	const limit = { intensity: 1, period: 5 };
	// 0.0 s and 5.9 s are five whole seconds apart, and so are 0.9 s and 5.0 s.
	assert.deepEqual(verdicts(limit, 0, 5999), [true, false]);
	assert.deepEqual(verdicts(limit, 999, 6000), [true, true]);
	assert.deepEqual(verdicts(limit, 999, 5000), [true, false]);
});

test('restarts that no longer count are forgotten', () => {
	const { restarts } = addRestart([3, 2, 1], 9000, { intensity: 5, period: 5 });
	assert.deepEqual(restarts, [9]);
});

test('pauses double up to their limit, less the jitter', () => {
	const backoff = { minMs: 100, maxMs: 1000 };
	const pauses = [0, 1, 2, 3, 4, 1000].map((failures) => backoffMs(backoff, failures, 0));
	assert.deepEqual(pauses, [100, 200, 400, 800, 1000, 1000]);
	assert.equal(backoffMs(backoff, 0, 1), 80);
	assert.equal(backoffMs({ ...backoff, factor: 3, jitter: 0 }, 2, 0.5), 900);
});

test('with a backoff a child waits before each restart, longer each time, and its supervisor answers', async (t) => {
	const broken = { is: false };
	const supervision = createSupervision(t);
	const top = await supervision.run('one_for_one', [fragile('ch', broken), worker('other')], {
		intensity: 100,
		backoff: { minMs: 1000, maxMs: 8000, jitter: 0 },
	});
	broken.is = true;
	await supervision.crash(top, 'ch');
	const startErrors = () =>
		supervision.seen('supervisor.report').filter(({ report }) => report === 'start_error').length;
	for (const [pauseMs, failures] of [
		[1000, 1],
		[2000, 2],
		[4000, 3],
		[8000, 4],
		[8000, 5],
	] as const) {
		await supervision.clock.advance(pauseMs - 1);
		assert.equal(startErrors(), failures - 1);
		await supervision.clock.advance(1);
		assert.equal(startErrors(), failures);
		assert.equal(living(top).ch, 'restarting');
	}
	broken.is = false;
	await supervision.clock.advance(8000);
	assert.match(living(top).ch ?? '', /^ch#/);
});

test('a child that has run for longer than the longest pause is restarted soon again', async (t) => {
	const supervision = createSupervision(t);
	const backoff = { minMs: 1000, maxMs: 4000, jitter: 0 };
	const top = await supervision.run('one_for_one', [worker('ch')], { intensity: 100, backoff });
	for (const [ranMs, pauseMs] of [
		[0, 1000],
		[0, 2000],
		[4000, 4000],
		[4001, 1000],
	] as const) {
		await supervision.clock.advance(ranMs);
		await supervision.crash(top, 'ch', abnormal);
		await supervision.clock.advance(pauseMs - 1);
		assert.equal(living(top).ch, 'restarting', `${ranMs} ms, ${pauseMs} ms`);
		await supervision.clock.advance(1);
		assert.match(living(top).ch ?? '', /^ch#/, `${ranMs} ms, ${pauseMs} ms`);
	}
});

test('a backoff does not hide that the limit is reached, and stopping does not wait for it', async (t) => {
	const supervision = createSupervision(t);
	const backoff = { minMs: 1000, maxMs: 1000, jitter: 0 };
	const spent = await supervision.run('one_for_one', [worker('ch')], { intensity: 0, backoff });
	await supervision.crash(spent, 'ch');
	assert.equal(fate(spent), 'shutdown');

	const top = await supervision.run('one_for_one', [worker('ch')], { intensity: 1, backoff });
	await supervision.crash(top, 'ch', abnormal);
	assert.equal(living(top).ch, 'restarting');
	assert.equal(await top.stop(), 'shutdown');
	assert.equal(supervision.clock.pending(), 0);
});
