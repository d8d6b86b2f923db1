import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { defer, send } from '../../../actors/definition/effects.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';
import { scanMailbox } from '../../../runtime/mailbox/mailbox-row.ts';
import { sink, startActorNode, type ActorNode } from '../../support/actor-node.ts';

type Told = { readonly type: 'GO' | 'BAD' };
const tell = { to: 'ship1', method: sink, data: 'it has begun' };

/** An actor that tells the sink when it begins, and fails at BAD. */
function teller(recovery: 'fresh' | 'ladder', isDeferring: boolean) {
	return defineActor({
		name: 'teller',
		version: 1,
		recovery,
		machine: setup({
			types: { events: {} as Told },
			actions: {
				fail: assign(() => {
					throw new Error('no');
				}),
			},
		}).createMachine({
			id: 'teller',
			initial: 'waiting',
			states: {
				waiting: {
					entry: send(tell),
					...(isDeferring ? { meta: defer('GO'), after: { 10_000: 'open' } } : {}),
					on: { BAD: { actions: 'fail' } },
				},
				open: { on: { GO: {} } },
			},
		}),
	});
}

const behind = (node: ActorNode) =>
	scanMailbox(node.journal, rowsUnder(sink)).flatMap(({ message }) =>
		message.inReplyTo === undefined ? [message.askedBy] : [],
	);

test('an instance that defers what begins it begins on behalf of who has sent that', async (t) => {
	const node = await startActorNode(t, { actors: [teller('ladder', true)] });
	await node.send('teller', 'GO', { askedBy: ['client:alice'] });
	await node.until(() => behind(node).length > 0);
	assert.deepEqual(behind(node), [['client:alice']]);
	await node.stop();
});

test('an instance that begins anew after a failure does so on behalf of who has caused that', async (t) => {
	for (const recovery of ['fresh', 'ladder'] as const) {
		const node = await startActorNode(t, { actors: [teller(recovery, false)] });
		await node.send('teller', 'BAD', { askedBy: ['client:alice'] });
		await node.until(() => node.seen('instance.failed').length > 0);
		for (let second = 0; second < 5; second += 1) {
			await node.journal.commit([]);
			await node.clock.advance(1000);
		}
		const seen = behind(node);
		assert.ok(seen.length > 0);
		assert.deepEqual(
			seen.filter((each) => each?.[0] !== 'client:alice'),
			[],
		);
		await node.stop();
	}
});
