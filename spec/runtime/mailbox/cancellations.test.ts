import assert from 'node:assert/strict';
import test from 'node:test';
import { createCancellations } from '../../../runtime/mailbox/cancellations.ts';

test('a run is told that its message was taken back, before or after it starts', () => {
	const cancellations = createCancellations();
	assert.equal(cancellations.cancel('m1'), false, 'it does not run here');
	const run = cancellations.watch('m1');
	let told = 0;
	assert.equal(cancellations.cancel('m1'), true);
	assert.equal(run.isCancelled, true);
	run.onCancel(() => (told += 1));
	assert.equal(told, 1);
	run.over();
	assert.equal(cancellations.cancel('m1'), false);
});

test('a run that is over does not end the watch of its successor', () => {
	const cancellations = createCancellations();
	const first = cancellations.watch('m1');
	const second = cancellations.watch('m1');
	first.over();
	assert.equal(cancellations.cancel('m1'), true);
	assert.deepEqual([first.isCancelled, second.isCancelled], [false, true]);
});
