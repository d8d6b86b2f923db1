import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { answer, defineActor, raiseAlert, reply } from '../../../supervisors/node/node.ts';
import { driveActor, type DrivenActor } from '../../../supervisors/testing/testing.ts';

type LampEvent = { type: 'PUSH' } | { type: 'TELL' } | { type: 'WAIT' } | { type: 'BURN' };

const machine = setup({
	types: { context: {} as { pushes: number }, events: {} as LampEvent },
	delays: { LONG: 60_000 },
}).createMachine({
	id: 'lamp',
	context: { pushes: 0 },
	initial: 'off',
	on: {
		TELL: { actions: reply(({ context }) => ({ pushes: context.pushes })) },
		BURN: {
			actions: assign(() => {
				throw new Error('it burns');
			}),
		},
	},
	states: {
		off: {
			on: {
				PUSH: { target: 'on', actions: assign({ pushes: ({ context }) => context.pushes + 1 }) },
			},
			entry: answer('it is dark'),
		},
		on: {
			on: { WAIT: {} },
			after: { LONG: { target: 'off', actions: raiseAlert('info', 'off') } },
		},
	},
});
const lamp = defineActor({ name: 'lamp', version: 1, machine, answersLater: ['WAIT'] });

test('a definition is driven event by event, through time and crashes, and its turns are shown', async (t) => {
	const driven: DrivenActor<typeof machine> = await driveActor(lamp, { key: 'desk' });
	t.after(() => driven.stop());
	assert.deepEqual(await driven.send({ type: 'PUSH' }), { outcome: 'done' });
	assert.equal(await driven.value(), 'on');
	assert.deepEqual(await driven.send({ type: 'WAIT' }), { outcome: 'waiting' });
	await driven.clock.advance(59_999);
	await driven.crash();
	assert.equal(await driven.value(), 'on');
	const { timers } = await driven.describe();
	assert.equal(timers.length, 1);
	await driven.clock.advance(1);
	assert.equal(await driven.value(), 'off');
	const { pushes } = await driven.context();
	assert.equal(pushes, 1);
	assert.deepEqual(await driven.send({ type: 'TELL' }), { outcome: 'done', data: { pushes: 1 } });
	const timer = 'xstate.after.LONG.lamp.on';
	assert.deepEqual(await driven.turns(), [
		{
			turn: 1,
			event: { type: 'PUSH' },
			value: 'on',
			did: ['answer it is dark', `timer ${timer} after 60000 ms`],
		},
		{ turn: 2, event: { type: 'WAIT' }, value: 'on', did: [] },
		{
			turn: 3,
			event: { type: timer },
			value: 'off',
			did: ['alert info off', 'answer it is dark'],
		},
		{ turn: 4, event: { type: 'TELL' }, value: 'off', did: ['reply {"pushes":1}'] },
	]);
});

test('what a driven actor refuses, or throws at, is the outcome of the event', async (t) => {
	const driven = await driveActor(lamp, { config: { attemptsMax: 1 } });
	t.after(() => driven.stop());
	await assert.rejects(driven.value(), { code: 'not_found' });
	const unknown = await driven.send(JSON.parse('{"type":"PUHS"}') as LampEvent);
	assert.deepEqual(unknown, { outcome: 'failed', code: 'unknown_event' });
	assert.deepEqual(await driven.send({ type: 'BURN' }), {
		outcome: 'failed',
		code: 'max_attempts',
	});
});
