import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { newId, newStoreId } from '../../../runtime/platform/ids.ts';

test('an id has 26 characters that survive being read aloud', () => {
	const clock = steppedClock(1);
	for (let time = 0; time < 100; time += 1) {
		assert.match(newId(clock), /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
	}
});

test('ids of later milliseconds sort later, also over a century', async () => {
	const clock = steppedClock(2);
	const ids = [newId(clock)];
	for (const stepMs of [1, 31, 32, 1000, 86_400_000, 3_155_760_000_000]) {
		clock.jump(stepMs);
		ids.push(newId(clock));
	}
	assert.deepEqual(ids, ids.toSorted());
});

test('ten thousand ids of one instant are all different', () => {
	const clock = steppedClock(3);
	const ids = new Set(Array.from({ length: 10_000 }, () => newId(clock)));
	assert.equal(ids.size, 10_000);
});

test('every character of the random part occurs, and none much more often than another', () => {
	const clock = steppedClock(4);
	const counts = new Map<string, number>();
	for (let time = 0; time < 2000; time += 1) {
		for (const digit of newId(clock).slice(10)) counts.set(digit, (counts.get(digit) ?? 0) + 1);
	}
	assert.equal(counts.size, 32);
	for (const count of counts.values()) assert.ok(count > 800 && count < 1200, String(count));
});

test('a store is named by 128 bits of chance', () => {
	const clock = steppedClock(5);
	assert.match(newStoreId(clock), /^[0-9a-f]{32}$/);
	assert.notEqual(newStoreId(clock), newStoreId(clock));
});
