import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { admitted, type ReplayWindow } from '../../../runtime/security/replay-guard.ts';

/** Offers numbers one after the other, and tells which were admitted. */
function offer(numbers: readonly number[], epoch = 1): boolean[] {
	let window: ReplayWindow | undefined;
	return numbers.map((count) => {
		const next = admitted(window, { epoch, count });
		window = next ?? window;
		return next !== undefined;
	});
}

test('every number is admitted once, also if it was overtaken', () => {
	assert.deepEqual(offer([1, 2, 2, 5, 3, 5, 4, 3, 1]), [
		true,
		true,
		false,
		true,
		true,
		false,
		true,
		false,
		false,
	]);
});

test('what is far behind is taken for a repetition', () => {
	assert.deepEqual(offer([100, 70, 69, 200, 100, 170, 169]), [
		true,
		true,
		false,
		true,
		false,
		true,
		false,
	]);
});

test('with a new start of the sender numbers begin anew, and those of earlier starts are over', () => {
	const first = admitted(undefined, { epoch: 3, count: 50 });
	const second = admitted(first, { epoch: 4, count: 1 });
	assert.deepEqual(second, { epoch: 4, high: 1, seen: 1 });
	assert.equal(admitted(second, { epoch: 3, count: 51 }), undefined);
});

test('in any order and with any repetitions, no number is admitted twice', () => {
	const seed = 7;
	const clock = steppedClock(seed);
	const numbers = Array.from({ length: 5000 }, (_, at) => at + Math.floor(clock.random() * 40));
	const taken = offer(numbers).flatMap((isTaken, at) => (isTaken ? [numbers[at]] : []));
	assert.equal(new Set(taken).size, taken.length, `seed ${seed}`);
	assert.ok(taken.length > 2000, 'most of what is new gets through');
});
