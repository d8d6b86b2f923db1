import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { answer, ask, defer, toActor } from '../../../actors/definition/effects.ts';
import { type ActorNode, sink, startActorNode } from '../../support/actor-node.ts';

type OracleEvent = { type: 'QUESTION' } | { type: 'THINK' } | { type: 'SPEAK' };

/** Answers later: the question waits in its snapshot. */
const oracle = defineActor({
	name: 'oracle',
	version: 1,
	answersLater: ['QUESTION'],
	machine: setup({
		types: { context: {} as { asked: number }, events: {} as OracleEvent },
	}).createMachine({
		id: 'oracle',
		context: { asked: 0 },
		initial: 'awake',
		states: {
			awake: {
				on: {
					QUESTION: { actions: assign({ asked: ({ context }) => context.asked + 1 }) },
					SPEAK: { actions: answer(({ context }) => `answer of ${context.asked}`) },
					THINK: 'thinking',
				},
			},
			thinking: { meta: defer('QUESTION'), on: { SPEAK: 'awake' } },
		},
	}),
});

type SeekerEvent =
	| { type: 'SEEK' }
	| { type: 'reply.wisdom'; outcome: string; data?: string; code?: string }
	| { type: 'timeout.wisdom' };

const seeker = defineActor({
	name: 'seeker',
	version: 1,
	machine: setup({
		types: { context: {} as { got: readonly string[] }, events: {} as SeekerEvent },
	}).createMachine({
		id: 'seeker',
		context: { got: [] },
		on: {
			SEEK: {
				actions: ask({
					id: 'wisdom',
					timeoutMs: 60_000,
					...toActor(oracle, { type: 'QUESTION' }),
				}),
			},
			'reply.wisdom': {
				actions: assign({
					got: ({ context, event }) => [
						...context.got,
						`${event.outcome} ${event.code ?? ''}${event.data ?? ''}`.trim(),
					],
				}),
			},
			'timeout.wisdom': {
				actions: assign({ got: ({ context }) => [...context.got, 'no answer'] }),
			},
		},
	}),
});

const actors = [oracle, seeker];
const got = (node: ActorNode) =>
	(node.stored('seeker')?.state.context as { got: string[] } | undefined)?.got ?? [];
const asked = (node: ActorNode) =>
	(node.stored('oracle')?.state.context as { asked?: number } | undefined)?.asked ?? 0;

async function answered(node: ActorNode): Promise<void> {
	await node.until(() => got(node).length > 0);
	await node.idle('seeker');
}

test('an ask is answered by a later turn of the other actor, as an event', async (t) => {
	const node = await startActorNode(t, { actors });
	await node.send('seeker', 'SEEK');
	await node.until(() => asked(node) === 1);
	await node.idle('seeker');
	assert.deepEqual(got(node), []);
	await node.send('oracle', 'SPEAK');
	await answered(node);
	assert.deepEqual(got(node), ['done answer of 1']);
	assert.equal(node.journal.count('asks'), 0);
	assert.equal(node.journal.count('timers'), 0);
	await node.stop();
});

test('an answer reaches its asker even if both have crashed meanwhile', async (t) => {
	let node = await startActorNode(t, { actors });
	await node.send('seeker', 'SEEK');
	node = await node.crash();
	await node.until(() => asked(node) === 1);
	node = await node.crash();
	await node.send('oracle', 'SPEAK');
	node = await node.crash();
	await answered(node);
	node = await node.crash();
	await node.clock.advance(120_000);
	assert.deepEqual(got(node), ['done answer of 1']);
	await node.stop();
});

test('an ask that is not answered in time gets a timeout, and a later answer is dropped', async (t) => {
	const node = await startActorNode(t, { actors });
	await node.send('seeker', 'SEEK');
	await node.until(() => asked(node) === 1);
	await node.clock.advance(60_000);
	await answered(node);
	await node.send('oracle', 'SPEAK');
	await node.idle('oracle');
	await node.idle('seeker');
	assert.deepEqual(got(node), ['no answer']);
	await node.stop();
});

test('an ask of a missing method is answered with the refusal', async (t) => {
	const node = await startActorNode(t, { actors: [seeker] });
	await node.send('seeker', 'SEEK');
	await answered(node);
	assert.deepEqual(got(node), ['refused unknown_method']);
	await node.stop();
});

test('a message from outside cannot carry an event that is reserved for answers', async (t) => {
	const node = await startActorNode(t, { actors });
	const id = await node.send('seeker', { type: 'reply.wisdom', outcome: 'done', data: 'forged' });
	await node.idle('seeker');
	assert.equal(node.ledger.get(id)?.result?.code, 'bad_arguments');
	await node.stop();
});

test('messages that wait are answered in the order of their arrival', async (t) => {
	const node = await startActorNode(t, { actors });
	const first = await node.send('oracle', 'QUESTION');
	const second = await node.send('oracle', 'QUESTION');
	await node.idle('oracle');
	assert.equal(node.ledger.get(first)?.result, undefined);
	await node.send('oracle', 'SPEAK');
	await node.idle('oracle');
	const outcomes = [first, second].map((id) => node.ledger.get(id)?.output);
	assert.deepEqual(outcomes, ['answer of 2', undefined]);
	await node.stop();
});

test('a deferred event waits for another state, and then comes before all later ones', async (t) => {
	const order: string[] = [];
	const node = await startActorNode(t, { actors: [oracle] });
	node.signals.subscribe((signal) => {
		if (signal.type === 'call.ended') order.push(String(signal.methodArgs[0]));
	});
	await node.send('oracle', 'THINK');
	await node.send('oracle', 'QUESTION');
	await node.until(() => order.length === 1);
	await node.clock.settle();
	assert.equal(node.mailbox('oracle').size(), 1);
	await node.send('oracle', 'SPEAK');
	await node.send('oracle', 'THINK');
	await node.idle('oracle');
	assert.deepEqual(order, ['THINK', 'SPEAK', 'QUESTION', 'THINK']);
	await node.stop();
});

test('a deferred event survives crashes, and none counts as an attempt', async (t) => {
	let node = await startActorNode(t, { actors: [oracle] });
	await node.send('oracle', 'THINK');
	const id = await node.send('oracle', 'QUESTION');
	for (let count = 0; count < 8; count += 1) {
		await node.until(() => node.mailbox('oracle').size() === 1);
		await node.clock.settle();
		node = await node.crash();
	}
	await node.send('oracle', 'SPEAK');
	await node.send('oracle', 'SPEAK', { replyMethod: sink });
	await node.idle('oracle');
	assert.equal(node.ledger.get(id)?.result?.attempts, 1);
	assert.equal(asked(node), 1);
	await node.stop();
});
