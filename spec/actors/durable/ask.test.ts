import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { answer, ask, defer, toActor } from '../../../actors/definition/effects.ts';
import { sink } from '../../support/actor-floor.ts';
import { setActorStage, type ActorStage } from '../../support/actor-stage.ts';

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
const got = (stage: ActorStage) =>
	(stage.stored('seeker')?.state.context as { got: string[] } | undefined)?.got ?? [];
const asked = (stage: ActorStage) =>
	(stage.stored('oracle')?.state.context as { asked?: number } | undefined)?.asked ?? 0;

async function answered(stage: ActorStage): Promise<void> {
	await stage.until(() => got(stage).length > 0);
	await stage.idle('seeker');
}

test('an ask is answered by a later turn of the other actor, as an event', async (t) => {
	const stage = await setActorStage(t, { actors });
	await stage.send('seeker', 'SEEK');
	await stage.until(() => asked(stage) === 1);
	await stage.idle('seeker');
	assert.deepEqual(got(stage), []);
	await stage.send('oracle', 'SPEAK');
	await answered(stage);
	assert.deepEqual(got(stage), ['done answer of 1']);
	assert.equal(stage.journal.count('asks'), 0);
	assert.equal(stage.journal.count('timers'), 0);
	await stage.stop();
});

test('an answer reaches its asker even if both have crashed meanwhile', async (t) => {
	let stage = await setActorStage(t, { actors });
	await stage.send('seeker', 'SEEK');
	stage = await stage.crash();
	await stage.until(() => asked(stage) === 1);
	stage = await stage.crash();
	await stage.send('oracle', 'SPEAK');
	stage = await stage.crash();
	await answered(stage);
	stage = await stage.crash();
	await stage.clock.advance(120_000);
	assert.deepEqual(got(stage), ['done answer of 1']);
	await stage.stop();
});

test('an ask that is not answered in time gets a timeout, and a later answer is dropped', async (t) => {
	const stage = await setActorStage(t, { actors });
	await stage.send('seeker', 'SEEK');
	await stage.until(() => asked(stage) === 1);
	await stage.clock.advance(60_000);
	await answered(stage);
	await stage.send('oracle', 'SPEAK');
	await stage.idle('oracle');
	await stage.idle('seeker');
	assert.deepEqual(got(stage), ['no answer']);
	await stage.stop();
});

test('an ask of a missing method is answered with the refusal', async (t) => {
	const stage = await setActorStage(t, { actors: [seeker] });
	await stage.send('seeker', 'SEEK');
	await answered(stage);
	assert.deepEqual(got(stage), ['refused unknown_method']);
	await stage.stop();
});

test('a message from outside cannot carry an event that is reserved for answers', async (t) => {
	const stage = await setActorStage(t, { actors });
	const id = await stage.send('seeker', { type: 'reply.wisdom', outcome: 'done', data: 'forged' });
	await stage.idle('seeker');
	assert.equal(stage.ledger.get(id)?.result?.code, 'bad_arguments');
	await stage.stop();
});

test('messages that wait are answered in the order of their arrival', async (t) => {
	const stage = await setActorStage(t, { actors });
	const first = await stage.send('oracle', 'QUESTION');
	const second = await stage.send('oracle', 'QUESTION');
	await stage.idle('oracle');
	assert.equal(stage.ledger.get(first)?.result, undefined);
	await stage.send('oracle', 'SPEAK');
	await stage.idle('oracle');
	const outcomes = [first, second].map((id) => stage.ledger.get(id)?.output);
	assert.deepEqual(outcomes, ['answer of 2', undefined]);
	await stage.stop();
});

test('a deferred event waits for another state, and then comes before all later ones', async (t) => {
	const order: string[] = [];
	const stage = await setActorStage(t, { actors: [oracle] });
	stage.signals.subscribe((signal) => {
		if (signal.type === 'call.ended') order.push(String(signal.methodArgs[0]));
	});
	await stage.send('oracle', 'THINK');
	await stage.send('oracle', 'QUESTION');
	await stage.until(() => order.length === 1);
	await stage.clock.settle();
	assert.equal(stage.mailbox('oracle').size(), 1);
	await stage.send('oracle', 'SPEAK');
	await stage.send('oracle', 'THINK');
	await stage.idle('oracle');
	assert.deepEqual(order, ['THINK', 'SPEAK', 'QUESTION', 'THINK']);
	await stage.stop();
});

test('a deferred event survives crashes, and none counts as an attempt', async (t) => {
	let stage = await setActorStage(t, { actors: [oracle] });
	await stage.send('oracle', 'THINK');
	const id = await stage.send('oracle', 'QUESTION');
	for (let count = 0; count < 8; count += 1) {
		await stage.until(() => stage.mailbox('oracle').size() === 1);
		await stage.clock.settle();
		stage = await stage.crash();
	}
	await stage.send('oracle', 'SPEAK');
	await stage.send('oracle', 'SPEAK', { replyMethod: sink });
	await stage.idle('oracle');
	assert.equal(stage.ledger.get(id)?.result?.attempts, 1);
	assert.equal(asked(stage), 1);
	await stage.stop();
});
