import assert from 'node:assert/strict';
import test from 'node:test';
import {
	isoNow,
	pause,
	realClock,
	seededChance,
	steppedClock,
} from '../../../runtime/platform/clock.ts';

/** Pauses; the machine's timers do not keep the process alive, so something else must. */
async function awake(delayMs: number): Promise<void> {
	const { port1, port2 } = new MessageChannel();
	port1.ref();
	await pause(realClock, delayMs);
	port1.close();
	port2.close();
}

test('a stepped clock stands still until it is told to move', async () => {
	const clock = steppedClock();
	const seen: number[] = [];
	clock.after(10, () => seen.push(clock.monotonic()));
	await clock.settle();
	await clock.advance(9);
	assert.deepEqual(seen, []);
	await clock.advance(1);
	assert.deepEqual(seen, [10]);
	assert.equal(clock.now(), Date.UTC(2026, 0, 1) + 10);
});

test('timers run in the order in which they fall due, and equal ones in the order of their setting', async () => {
	const clock = steppedClock();
	const seen: string[] = [];
	clock.after(20, () => seen.push('late'));
	clock.after(10, () => seen.push('first'));
	clock.after(10, () => seen.push('second'));
	clock.after(-5, () => seen.push('at once'));
	await clock.advance(100);
	assert.deepEqual(seen, ['at once', 'first', 'second', 'late']);
});

test('a timer that a continuation sets fires within the same step, at its own instant', async () => {
	const clock = steppedClock();
	const seen: number[] = [];
	const twice = async () => {
		await pause(clock, 10);
		await pause(clock, 10);
		seen.push(clock.monotonic());
	};
	const done = twice();
	await clock.advance(50);
	await done;
	assert.deepEqual(seen, [20]);
	assert.equal(clock.monotonic(), 50);
});

test('a cancelled timer never fires, and cancelling again or too late does nothing', async () => {
	const clock = steppedClock();
	let fired = 0;
	const cancelled = clock.after(5, () => (fired += 1));
	const kept = clock.after(5, () => (fired += 1));
	cancelled.cancel();
	cancelled.cancel();
	await clock.advance(5);
	kept.cancel();
	assert.equal(fired, 1);
	assert.equal(clock.pending(), 0);
});

test('a jump of the wall clock moves no timer and no interval', async () => {
	const clock = steppedClock();
	let fired = false;
	clock.after(1000, () => (fired = true));
	clock.jump(1_000_000);
	await clock.settle();
	assert.equal(fired, false);
	assert.equal(clock.monotonic(), 0);
	assert.equal(isoNow(clock), '2026-01-01T00:16:40.000Z');
	clock.jump(-2_000_000);
	assert.equal(isoNow(clock), '2025-12-31T23:43:20.000Z');
});

test('chance comes from the seed alone, and lies in [0, 1)', () => {
	const [one, same, other] = [seededChance(7), seededChance(7), seededChance(8)];
	const draw = (chance: () => number) => Array.from({ length: 1000 }, chance);
	const numbers = draw(one);
	assert.deepEqual(numbers, draw(same));
	assert.notDeepEqual(numbers, draw(other));
	assert.ok(numbers.every((number) => number >= 0 && number < 1));
	assert.deepEqual(steppedClock(3).bytes(16), steppedClock(3).bytes(16));
	assert.equal(steppedClock(3).bytes(16).length, 16);
});

test('a pause ends early when its signal is raised, and leaves nothing behind', async () => {
	const clock = steppedClock();
	const controller = new AbortController();
	const paused = pause(clock, 1000, controller.signal);
	assert.equal(clock.pending(), 1);
	controller.abort();
	await paused;
	assert.equal(clock.pending(), 0);
	await pause(clock, 1000, controller.signal);
	assert.equal(clock.pending(), 0);
});

test("the machine's clock never runs backwards, fires after its delay, and can be cancelled", async () => {
	const before = realClock.monotonic();
	realClock.after(1, () => assert.fail('it was cancelled')).cancel();
	await awake(5);
	assert.ok(realClock.monotonic() - before >= 4);
	assert.equal(realClock.bytes(16).length, 16);
	assert.ok(realClock.random() < 1);
	assert.ok(realClock.now() > Date.UTC(2024, 0, 1));
});

test('a delay longer than a timer of Node.js can be set does not fire at once', async () => {
	let fired = false;
	const timer = realClock.after(0x7fff_ffff + 1000, () => (fired = true));
	const forever = realClock.after(Number.POSITIVE_INFINITY, () => (fired = true));
	await awake(10);
	assert.equal(fired, false);
	timer.cancel();
	forever.cancel();
});
