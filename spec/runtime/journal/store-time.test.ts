import assert from 'node:assert/strict';
import test from 'node:test';
import { startStoreTime } from '../../../runtime/journal/store-time.ts';
import { openJournal } from '../../../runtime/journal/journal.ts';
import { readMeta } from '../../../runtime/journal/meta-rows.ts';
import { steppedClock, type SteppedClock } from '../../../runtime/platform/clock.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const start = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;

/** A machine that tells which of its starts this is, and how long ago that was. */
function machine(clock: SteppedClock) {
	const state = { id: 'boot 1', since: 0 };
	return {
		clock: { ...clock, sinceBoot: () => ({ id: state.id, ms: clock.monotonic() - state.since }) },
		sleep: (ms: number) => {
			state.since -= ms;
			clock.jump(ms);
		},
		restart: (id: string) => Object.assign(state, { id, since: clock.monotonic() }),
	};
}

test('clock jumps: store time is the wall clock until that is set, and goes on as if it were not', async () => {
	const clock = steppedClock();
	const time = startStoreTime(clock, undefined);
	assert.equal(time.now(), start);
	for (const byMs of [11 * yearMs, -11 * yearMs, -56 * yearMs, 60_000, -60_000]) {
		const before = time.now();
		clock.jump(byMs);
		await clock.advance(1000);
		assert.equal(time.now(), before + 1000);
	}
});

test('people are shown the same instants after a restart, though the clock goes on in mid-start', () => {
	let nowMs = start;
	const clock = { ...steppedClock(), now: () => (nowMs += 1) };
	const first = startStoreTime(clock, undefined);
	const sentAt = first.now();
	const shown = first.wallOf(sentAt);
	let note = first.note();
	for (let starts = 0; starts < 20; starts += 1) {
		const again = startStoreTime(clock, note);
		assert.equal(again.wallOf(sentAt), shown);
		note = again.note();
	}
	nowMs -= 50;
	assert.equal(startStoreTime(clock, note).wallOf(sentAt), shown, 'a small correction');
});

test('clock jumps: people are shown instants as the wall clock is set now', async () => {
	const clock = steppedClock(1, 0);
	const time = startStoreTime(clock, undefined);
	await clock.advance(5000);
	const sentAt = time.now();
	assert.equal(time.wallOf(sentAt), 5000);
	clock.jump(start);
	await clock.advance(1000);
	assert.equal(time.wallOf(sentAt), start + 5000, 'it never was in 1970');
	time.look();
	clock.jump(500);
	assert.equal(time.wallOf(sentAt), start + 5000, 'a small correction moves nothing');
});

test('clock jumps: a jump is told once, with the note that it needs', async () => {
	const clock = steppedClock();
	const time = startStoreTime(clock, undefined);
	assert.equal(time.look(), undefined);
	clock.jump(-yearMs);
	const seen = time.look();
	assert.equal(seen?.jumpMs, -yearMs);
	assert.deepEqual(seen.note, { storeMs: start, wallMs: start - yearMs });
	assert.equal(time.look(), undefined);
	await clock.advance(10_000);
	assert.equal(time.look()?.jumpMs, 0, 'a note is renewed from time to time');
});

test('clock jumps: time in which the machine slept has passed, and is no jump', async () => {
	const stepped = steppedClock();
	const { clock, sleep } = machine(stepped);
	const time = startStoreTime(clock, undefined);
	await stepped.advance(1000);
	sleep(8 * hourMs);
	assert.equal(time.now(), start + 1000 + 8 * hourMs);
	assert.equal(time.look(), undefined);
	stepped.jump(-yearMs);
	sleep(hourMs);
	assert.equal(time.now(), start + 1000 + 9 * hourMs);
	assert.equal(time.look()?.jumpMs, -yearMs);
	assert.equal(startStoreTime(clock, time.note()).now(), start + 1000 + 9 * hourMs);
});

test('clock jumps: over a restart of the process the machine tells how long none ran', async () => {
	for (const byMs of [0, 11 * yearMs, -11 * yearMs, -56 * yearMs]) {
		const stepped = steppedClock();
		const { clock } = machine(stepped);
		const note = startStoreTime(clock, undefined).note();
		await stepped.advance(hourMs);
		stepped.jump(byMs);
		assert.equal(startStoreTime(clock, note).now(), start + hourMs, `${byMs}`);
	}
});

test('clock jumps: over a restart of the machine the wall clock tells it, unless it was set back or never set', async () => {
	const cases = [
		[hourMs, hourMs, 'it was off for an hour'],
		[-11 * yearMs, 0, 'it was set back while it was off'],
		[-56 * yearMs, 0, 'it has no clock, and begins in 1970'],
		[5 * yearMs, 5 * yearMs, 'nothing tells a clock that is set forward from a long time off'],
	] as const;
	for (const [byMs, countedMs, why] of cases) {
		const stepped = steppedClock();
		const { clock, restart } = machine(stepped);
		const note = startStoreTime(clock, undefined).note();
		restart('boot 2');
		stepped.jump(byMs);
		assert.equal(startStoreTime(clock, note).now(), start + countedMs, why);
	}
	const unset = steppedClock(1, 9000);
	const early = startStoreTime(unset, undefined).note();
	unset.jump(start);
	assert.equal(startStoreTime(unset, early).now(), 9000, 'it was set for the first time');
});

test('clock jumps: a store that an older version has written begins with the wall clock', () => {
	for (const known of [undefined, 7, {}, { storeMs: 'x', wallMs: 1 }]) {
		assert.equal(startStoreTime(steppedClock(), known).now(), start);
	}
});

test('clock jumps: a jump is noted with the next transaction, and signalled', async (t) => {
	const { journal, clock, signals } = openedJournal(t);
	await clock.advance(3000);
	clock.jump(-11 * yearMs);
	await journal.commit([{ table: 'meta', key: ['other'], value: 1 }]);
	const note = { storeMs: start + 3000, wallMs: start + 3000 - 11 * yearMs };
	assert.deepEqual(readMeta(journal, ['time']), note);
	const [signal] = signals.recent().filter(({ type }) => type === 'clock.jumped');
	assert.deepEqual(signal, { type: 'clock.jumped', at: signal?.at, byMs: -11 * yearMs });
});

test('clock jumps: the time of a store is noted with its transactions, and by a stop', async (t) => {
	const folder = temporaryFolder(t);
	const clock = steppedClock();
	const open = () => openJournal({ folder, clock, signals: createSignals(clock) });
	const first = open();
	await clock.advance(600_000);
	await first.commit([{ table: 'meta', key: ['other'], value: 1 }]);
	clock.jump(-yearMs);
	const second = open();
	assert.equal(second.now(), start + 600_000, 'the first process has died');
	await clock.advance(5000);
	await second.close();
	clock.jump(-yearMs);
	const third = open();
	assert.equal(third.now(), start + 605_000);
	await third.close();
});

test('clock jumps: people are shown the same instants after a restart, to the millisecond', async () => {
	const stepped = steppedClock();
	// Machines count their uptime in hundredths of a second.
	const sinceBoot = () => ({ id: 'boot', ms: Math.floor(stepped.monotonic() / 10) * 10 });
	const clock = { ...stepped, sinceBoot };
	let time = startStoreTime(clock, undefined);
	stepped.jump(-yearMs);
	time.look();
	await stepped.advance(1234);
	const sentAt = time.now();
	const shown = time.wallOf(sentAt);
	for (const ms of [7, 13, 1111]) {
		const note = time.note();
		await stepped.advance(ms);
		time = startStoreTime(clock, note);
		assert.equal(time.wallOf(sentAt), shown);
		assert.ok(time.now() >= note.storeMs);
	}
});
