import assert from 'node:assert/strict';
import test from 'node:test';
import { checkInput } from '../../../runtime/message/message.ts';
import { dueAfter, readSchedule, scheduleInput } from '../../../runtime/message/schedule.ts';

const noon = Date.UTC(2026, 0, 1, 12);
const read = (written: unknown) => readSchedule(scheduleInput.parse(written));

test('a schedule is written as a cron expression, words, seconds, two numbers, or an object', () => {
	assert.deepEqual(read('*/5 * * * *'), { cron: '*/5 * * * *' });
	assert.deepEqual(read('0 30 4 * * MON'), { cron: '0 30 4 * * MON' });
	assert.deepEqual(read('every 10m'), { every: 600 });
	assert.deepEqual(read('every 30 for 2h'), { every: 30, total: 7200 });
	assert.deepEqual(read(60), { every: 60 });
	assert.deepEqual(read([60, 3600]), { every: 60, total: 3600 });
	const whole = { cron: '0 3 * * *', timezone: 'Europe/Oslo', splay: 600, times: 3, total: 86_400 };
	assert.deepEqual(read(whole), whole);
});

for (const wrong of [
	'',
	'never',
	'every 0s',
	'every 10x',
	'61 * * * *',
	'* * 31 2 *',
	0,
	-1,
	1.5,
	[],
	[1],
	[1, 2, 3],
	['1', '2'],
	{},
	{ every: 5, cron: '* * * * *' },
	{ cron: '* * * * *', timezone: 'Nowhere/City' },
	{ every: 5, unknown: 1 },
]) {
	test(`${JSON.stringify(wrong)} is no schedule, and the message says so`, () => {
		assert.ok(!scheduleInput.safeParse(wrong).success);
		const message = { toNode: 'ship1', method: 'REQPing', schedule: wrong };
		assert.throws(() => checkInput(message), { code: 'bad_message' });
	});
}

test('an interval is due at once, and then after each interval, without a drift', () => {
	const at = (after: number) => dueAfter({ every: 60 }, { startedAt: noon, after });
	assert.equal(at(noon - 1), noon);
	assert.equal(at(noon), noon + 60_000);
	assert.equal(at(noon + 60_000), noon + 120_000);
});

test('what was missed is left out', () => {
	const after = noon + 10 * 60_000 + 17;
	assert.equal(dueAfter({ every: 60 }, { startedAt: noon, after }), noon + 11 * 60_000);
});

test('after its time in all a schedule is over', () => {
	const schedule = { every: 60, total: 120 };
	assert.equal(dueAfter(schedule, { startedAt: noon, after: noon + 60_000 }), noon + 120_000);
	assert.equal(dueAfter(schedule, { startedAt: noon, after: noon + 120_000 }), undefined);
});

test('a cron expression is due in its own time zone', () => {
	const schedule = { cron: '0 3 * * *', timezone: 'Asia/Tokyo' };
	const due = dueAfter(schedule, { startedAt: noon, after: noon });
	assert.equal(due, Date.UTC(2026, 0, 1, 18));
});
