import assert from 'node:assert/strict';
import test from 'node:test';
import { createMethodContext } from '../../../actors/inbound/method-context.ts';
import { openFloor } from '../../support/ground-floor.ts';
import { messageOf } from '../../support/method-context.ts';
import { specMethod } from '../../support/receiving-method.ts';

test('an interim result is published where the outcome will be', async (t) => {
	const floor = openFloor(t);
	const replyTo = { topic: 'client/a', correlation: 'c1' };
	const contextOf = (message: Parameters<typeof messageOf>[0]) =>
		createMethodContext(
			{
				...floor.services,
				storeId: floor.journal.storeId,
				definition: specMethod(),
				print: () => {},
			},
			{ message: messageOf({ method: 'REQSpec', ...message }), attempt: 1 },
		);
	await contextOf({ id: 'm1' }).reply('nobody asked for this');
	await contextOf({ id: 'm2', replyTo }).reply('one of several');
	const { outcomePublisher } = floor.services;
	for (let turn = 0; turn < 200 && outcomePublisher.waiting() > 0; turn += 1)
		await floor.clock.settle();
	const rows = floor.published
		.filter(({ topic }) => topic === 'client/a')
		.map(({ payload }) => JSON.parse(Buffer.from(payload).toString('utf8')) as object);
	const row = { id: 'm2', toNode: 'ship1', method: 'REQSpec', state: 'running', settled: false };
	assert.deepEqual(rows, [{ ...row, output: 'one of several', correlation: 'c1' }]);
});
