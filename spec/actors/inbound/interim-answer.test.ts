import assert from 'node:assert/strict';
import test from 'node:test';
import { createMethodContext } from '../../../actors/inbound/method-context.ts';
import { composedNode } from '../../support/composed-node.ts';
import { messageOf } from '../../support/messages.ts';
import { specMethod } from '../../support/method-call.ts';

test('an interim result is published where the outcome will be', async (t) => {
	const node = composedNode(t);
	const replyTo = { topic: 'client/a', correlation: 'c1' };
	const contextOf = (message: Parameters<typeof messageOf>[0], from = 'ship1') =>
		createMethodContext(
			{
				...node.services,
				storeId: node.journal.storeId,
				definition: specMethod(),
				print: () => Promise.resolve(),
			},
			{ message: messageOf({ method: 'REQSpec', ...message }), from, principals: [], attempt: 1 },
		);
	await contextOf({ id: 'm1' }).reply('nobody asked for this');
	await contextOf({ id: 'm2', replyTo }).reply('one of several');
	await contextOf({ id: 'm3', replyTo }, 'ship2').reply('where another node says');
	const { outcomePublisher } = node.services;
	for (let turn = 0; turn < 200 && outcomePublisher.waiting() > 0; turn += 1)
		await node.clock.settle();
	const rows = node.published
		.filter(({ topic }) => topic === 'client/a')
		.map(({ payload }) => JSON.parse(Buffer.from(payload).toString('utf8')) as object);
	const row = { id: 'm2', toNode: 'ship1', method: 'REQSpec', state: 'running', settled: false };
	assert.deepEqual(rows, [{ ...row, output: 'one of several', correlation: 'c1' }]);
});
