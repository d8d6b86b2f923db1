import assert from 'node:assert/strict';
import test from 'node:test';
import { emptyBatch } from '../../../actors/durable/batch.ts';
import { createInstanceBatchRun } from '../../../actors/durable/instance-batch.ts';
import type { Instance } from '../../../actors/turn/instance.ts';
import type { Trigger } from '../../../actors/turn/trigger.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';

test('turns that take long leave room for other work, and the rest stays in its order', async () => {
	const clock = steppedClock(1);
	const ran: number[] = [];
	const later = [{ attempts: 4 } as Trigger];
	const instance = { queue: later, deferred: [] } as Partial<Instance> as Instance;
	const listed: Instance[] = [];
	let now = 0;
	const runBatch = createInstanceBatchRun({
		clock: { ...clock, monotonic: () => now },
		instances: {} as never,
		run(_, { attempts }) {
			ran.push(attempts);
			now += 30;
			return 'settled';
		},
		list: (each) => void listed.push(each),
		isOpen: () => true,
	});
	const triggers = [1, 2, 3].map((attempts) => ({ attempts }) as Trigger);
	runBatch({ instance, triggers }, emptyBatch(50));
	assert.deepEqual(ran, [1, 2]);
	assert.deepEqual(
		instance.queue.map(({ attempts }) => attempts),
		[3, 4],
	);
	assert.deepEqual(listed, [instance]);
});
