import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, raise, setup, type AnyStateMachine } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { ask, reply, send, toActor } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { sink, startActorNode } from '../../support/actor-node.ts';

const create = createMachine as (config: object) => AnyStateMachine;

const echo = defineActor({
	name: 'echo',
	version: 1,
	machine: setup({ types: { events: {} as { type: 'ECHO' } } }).createMachine({
		id: 'echo',
		on: { ECHO: { actions: reply('heard') } },
	}),
});

/** Waits for two of a kind at once; the first ends it, and it is forgotten. */
const twice = {
	TIMER: {
		entry: [
			raise({ type: 'END' }, { delay: 1000, id: 'one' }),
			raise({ type: 'END' }, { delay: 1000 }),
		],
	},
	STEP: {
		invoke: [
			{ id: 'one', src: 'work', onDone: '#over' },
			{ id: 'two', src: 'work', onDone: '#over' },
		],
	},
	ASK: {
		entry: [
			ask({ id: 'one', ...toActor(echo, { type: 'ECHO' }) }),
			ask({ id: 'two', ...toActor(echo, { type: 'ECHO' }) }),
		],
		on: { 'reply.*': '#over' },
	},
};

const machine = create({
	id: 'm',
	initial: 'start',
	entry: send({ method: sink, data: 'begun' }),
	on: { END: '#over' },
	states: {
		start: { on: { TIMER: 'TIMER', STEP: 'STEP', ASK: 'ASK' } },
		...twice,
		over: { id: 'over', type: 'final' },
	},
}).provide({ actors: { work: step<string, void>({ run: async () => 'out' }) } });
const fly = defineActor({ name: 'fly', version: 1, machine, whenDone: 'forget' });

test('an effect done twice: what an ended instance had waited for does not bring it back', async (t) => {
	for (const kind of ['TIMER', 'STEP', 'ASK'] as const) {
		for (const dies of [false, true]) {
			let node = await startActorNode(t, { actors: [fly, echo] });
			await node.send('fly', kind);
			await node.idle('fly');
			if (dies) node = await node.crash();
			for (let round = 0; round < 10; round += 1) {
				await node.journal.commit([]);
				await node.clock.advance(1000);
			}
			await node.idle('fly');
			const told = `${kind}, ${dies ? 'over a crash' : 'at once'}`;
			assert.deepEqual(
				node.sunk().filter((text) => text === 'begun'),
				['begun'],
				told,
			);
			assert.equal(node.stored('fly'), undefined, told);
			for (const table of ['timers', 'steps', 'asks', 'started'] as const) {
				const rows = node.journal.scan(table, { from: [], to: ['\u{10ffff}'] });
				assert.deepEqual(
					rows.filter(({ key }) => key[1] !== 'batch'),
					[],
					`${told}: ${table}`,
				);
			}
			await node.send('fly', 'STEP');
			await node.until(() => node.sunk().filter((text) => text === 'begun').length === 2);
			await node.stop();
		}
	}
});
