import assert from 'node:assert/strict';
import test from 'node:test';
import { planReplay } from '../../../runtime/mailbox/crash-recovery.ts';

const attemptsMax = 3;

test('what must not run twice is reported, however often it was started', () => {
	for (const attempts of [0, 1, 3, 100]) {
		assert.equal(planReplay({ onCrash: 'report', attempts, attemptsMax }), 'report');
	}
});

test('what may run again runs again until its starts are used up, and then it is dead', () => {
	const plans = [0, 1, 2, 3, 4].map((attempts) =>
		planReplay({ onCrash: 'retry', attempts, attemptsMax }),
	);
	assert.deepEqual(plans, ['redeliver', 'redeliver', 'redeliver', 'drop', 'drop']);
});
