import assert from 'node:assert/strict';
import test from 'node:test';
import { cancel, createMachine, raise, setup, type AnyStateMachine } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { ask, reply, toActor } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { startActorNode } from '../../support/actor-node.ts';

const create = createMachine as (config: object) => AnyStateMachine;
const echo = defineActor({
	name: 'echo',
	version: 1,
	machine: setup({ types: { events: {} as { type: 'ECHO' } } }).createMachine({
		id: 'echo',
		on: { ECHO: { actions: reply('heard') } },
	}),
});

/** Texts that another id, or no id, could be taken for. */
const ids = ['', '0', 'constructor', '__proto__', 'toString', 'after.constructor', 'reply.'];

/** An event under this id: the result of a step, an answer, or a timer, which is set twice. */
function machineOf(id: string) {
	const machine = create({
		id: 'm',
		initial: 'start',
		states: {
			start: { on: { STEP: 'step', ASK: 'ask', TIMER: 'timer', CANCEL: 'cancelled' } },
			step: { invoke: { id, src: 'work', onDone: 'over' } },
			ask: {
				entry: [
					ask({ id, timeoutMs: 900_000, ...toActor(echo, { type: 'ECHO' }) }),
					ask({ id, timeoutMs: 900_000, ...toActor(echo, { type: 'ECHO' }) }),
				],
				on: { [`reply.${id}`]: 'over' },
			},
			timer: {
				entry: [
					raise({ type: 'NEVER' }, { id, delay: 2000 }),
					raise({ type: 'RING' }, { id, delay: 1000 }),
				],
				on: { RING: 'rang', NEVER: 'wrong' },
			},
			rang: { on: { NEVER: 'wrong' }, after: { 5000: 'over' } },
			cancelled: {
				entry: [cancel(id), raise({ type: 'RING' }, { id, delay: 1000 }), cancel(id)],
				on: { RING: 'wrong' },
				after: { 5000: 'over' },
			},
			over: {},
			wrong: {},
		},
	});
	return machine.provide({ actors: { work: step<string, void>({ run: async () => 'out' }) } });
}

test('an id that waits for ever: every text is one, the empty one and what objects inherit too', async (t) => {
	for (const id of ids) {
		for (const event of ['STEP', 'ASK', 'TIMER', 'CANCEL']) {
			const actor = defineActor({ name: 'it', version: 1, machine: machineOf(id) });
			const first = await startActorNode(t, { actors: [actor, echo] });
			await first.send('it', event);
			await first.idle('it');
			const node = event === 'STEP' ? first : await first.crash();
			for (let round = 0; round < 30 && node.stored('it')?.state.value !== 'over'; round += 1) {
				await node.journal.commit([]);
				await node.clock.advance(500);
			}
			const told = `${event} ${JSON.stringify(id)}`;
			assert.equal(node.stored('it')?.state.value, 'over', told);
			for (const table of ['timers', 'steps', 'asks'] as const) {
				assert.equal(node.journal.count(table), 0, `${told}: ${table}`);
			}
			await node.stop();
		}
	}
});

test('ids of one kind that destroy things of another: those that the runtime gives are refused', async (t) => {
	const refused: readonly (readonly [string, object])[] = [
		[
			'a timer begins with timeout.',
			{ actions: raise({ type: 'X' }, { id: 'timeout.q', delay: 9 }) },
		],
		[
			'a timer begins with xstate.',
			{ actions: raise({ type: 'X' }, { id: 'xstate.x', delay: 9 }) },
		],
		['a timer begins with ~', { actions: raise({ type: 'X' }, { id: '~1.0', delay: 9 }) }],
		['a timer begins with timeout.', { actions: cancel('timeout.q') }],
		['an ask begins with monitor:', { actions: ask({ id: 'monitor:x', method: 'REQPing' }) }],
	];
	for (const [why, transition] of refused) {
		const machine = create({ id: 'm', on: { GO: transition, X: {} } });
		const actor = defineActor({ name: 'it', version: 1, machine });
		const node = await startActorNode(t, { actors: [actor] });
		const id = await node.send('it', 'GO');
		await node.until(() => node.ledger.get(id)?.result !== undefined);
		const { code, detail } = node.ledger.get(id)?.result ?? {};
		assert.deepEqual([code, detail], ['bad_name', `the id of ${why}, which is reserved`]);
		await node.stop();
	}
	const invoking = create({ id: 'm', invoke: { id: '~x', src: 'work' } });
	const work = step<string, void>({ run: async () => 'out' });
	assert.throws(
		() => defineActor({ name: 'it', version: 1, machine: invoking.provide({ actors: { work } }) }),
		/the id of a step begins with ~, which is reserved/,
	);
});
