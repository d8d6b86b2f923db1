import assert from 'node:assert/strict';
import test from 'node:test';
import type { Clock } from '../../../runtime/platform/clock.ts';
import { deadline } from '../../../runtime/platform/deadline.ts';

/** A clock whose timers run when the test says so, however late. */
function heldClock() {
	const held: { at: number; run: () => void }[] = [];
	let now = 0;
	const clock: Pick<Clock, 'after' | 'monotonic'> = {
		monotonic: () => now,
		after(delayMs, run) {
			const timer = { at: now + delayMs, run };
			held.push(timer);
			return { cancel: () => void held.splice(held.indexOf(timer), 1) };
		},
	};
	/** Stands still until then; what is overdue runs afterwards. */
	const thawAt = (ms: number): void => {
		now = ms;
		for (const timer of held.filter(({ at }) => at <= ms)) {
			held.splice(held.indexOf(timer), 1);
			timer.run();
		}
	};
	return { clock, thawAt, pending: () => held.length };
}

test('what has ended counts before what is overdue: a late deadline waits for ends to be read', () => {
	const { clock, thawAt } = heldClock();
	let runs = 0;
	deadline(clock, 10_000, () => (runs += 1));
	thawAt(22_000);
	assert.equal(runs, 0, 'the process stood still');
	thawAt(23_000);
	assert.equal(runs, 1, 'once');
});

test('a deadline in time is no later than it says, and one that is cancelled never comes', () => {
	const { clock, thawAt, pending } = heldClock();
	let runs = 0;
	deadline(clock, 10_000, () => (runs += 1));
	thawAt(10_050);
	assert.equal(runs, 1);
	const timer = deadline(clock, 1000, () => (runs += 1));
	thawAt(20_000);
	timer.cancel();
	assert.equal(pending(), 0);
	thawAt(30_000);
	assert.equal(runs, 1);
});
