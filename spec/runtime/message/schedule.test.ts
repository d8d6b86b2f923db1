import assert from 'node:assert/strict';
import test from 'node:test';
import { checkInput } from '../../../runtime/message/message.ts';
import {
	nextRun,
	readSchedule,
	scheduleInput,
	type Schedule,
} from '../../../runtime/message/schedule.ts';

const noon = Date.UTC(2026, 0, 1, 12);
const yearMs = 365 * 86_400_000;
/** The next run of a schedule that began at noon, as of a store time and what the wall shows. */
const next = (
	schedule: Schedule,
	{ lastDue, now, wallMs = now }: { lastDue?: number; now: number; wallMs?: number },
) => {
	const state = { startedAt: noon, ...(lastDue === undefined ? {} : { lastDue }) };
	return nextRun(schedule, state, { storeMs: now, wallMs });
};
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
	const schedule = { every: 60 };
	assert.equal(next(schedule, { now: noon }), noon);
	assert.equal(next(schedule, { lastDue: noon, now: noon + 5 }), noon + 60_000);
	assert.equal(next(schedule, { lastDue: noon + 60_000, now: noon + 60_000 }), noon + 120_000);
});

test('what was missed is left out', () => {
	const now = noon + 10 * 60_000 + 17;
	assert.equal(next({ every: 60 }, { lastDue: noon, now }), noon + 11 * 60_000);
	const hourly = { cron: '0 * * * *' };
	assert.equal(next(hourly, { lastDue: noon, now: noon + 5.5 * 3_600_000 }), noon + 6 * 3_600_000);
});

test('after its time in all a schedule is over', () => {
	const schedule = { every: 60, total: 120 };
	const at = (ms: number) => next(schedule, { lastDue: noon + ms, now: noon + ms });
	assert.equal(at(60_000), noon + 120_000);
	assert.equal(at(120_000), undefined);
});

test('a cron expression is due in its own time zone', () => {
	const schedule = { cron: '0 3 * * *', timezone: 'Asia/Tokyo' };
	assert.equal(next(schedule, { now: noon }), Date.UTC(2026, 0, 1, 18));
});

test('stored instants: an interval does not hear of the wall clock, whatever that shows', () => {
	const schedule = { every: 2, total: 3600 };
	for (const wallMs of [0, noon - yearMs, noon + 11 * yearMs]) {
		assert.equal(next(schedule, { lastDue: noon + 2000, now: noon + 2001, wallMs }), noon + 4000);
	}
	const far = { lastDue: noon + 11 * yearMs, now: noon + 1 };
	assert.equal(next({ every: 2 }, far), noon + 2000, 'a last run in the far future is none');
});

test('stored instants: a time of the day follows a clock that is set back further than its pause', () => {
	const daily = { cron: '0 3 * * *', timezone: 'UTC' };
	const three = Date.UTC(2026, 0, 5, 3);
	const dayMs = 86_400_000;
	const at = (wallMs: number) => next(daily, { lastDue: three, now: noon, wallMs });
	assert.equal(at(three + 1), three + dayMs);
	assert.equal(at(three - 2000), three + dayMs, 'a correction brings no run again');
	assert.equal(at(three - dayMs / 2), three + dayMs);
	assert.equal(at(three - 3 * dayMs), three - 2 * dayMs, 'another date is followed');
	assert.equal(at(0), 3 * 3_600_000, 'also that of a machine without a clock');
	const each = { cron: '* * * * * *' };
	const late = { lastDue: noon + 11 * yearMs, now: noon, wallMs: noon + 5 };
	assert.equal(next(each, late), noon + 1000);
});

test('stored instants: what a cron schedule takes in all is a duration', () => {
	const schedule = { cron: '* * * * *', total: 150 };
	const at = (ms: number, wallMs: number) =>
		next(schedule, { lastDue: wallMs - 60_000, now: noon + ms, wallMs });
	for (const wallMs of [noon, noon + 9 * yearMs, 0]) {
		assert.equal(at(60_000, wallMs), wallMs + 60_000);
		assert.equal(at(120_000, wallMs), undefined);
	}
});
