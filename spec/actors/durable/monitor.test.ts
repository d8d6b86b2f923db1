import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { ask, demonitor, monitor, toActor } from '../../../actors/definition/effects.ts';
import { setActorStage, type ActorStage } from '../../support/actor-stage.ts';

type PumpEvent = { type: 'RUN' } | { type: 'END' } | { type: 'BREAK' };

const pumpMachine = setup({ types: { events: {} as PumpEvent } }).createMachine({
	id: 'pump',
	initial: 'on',
	states: {
		on: {
			on: {
				RUN: {},
				END: 'off',
				BREAK: {
					actions: assign(() => {
						throw new Error('it breaks');
					}),
				},
			},
		},
		off: { type: 'final' },
	},
});
const parts = { name: 'pump', version: 1, machine: pumpMachine, intensity: 0, period: 60 } as const;
const pump = defineActor(parts);
const forgetful = defineActor({ ...parts, whenDone: 'forget' });
const restless = defineActor({ ...parts, recovery: 'fresh', intensity: 20 });

type KeeperEvent =
	| { type: 'WATCH'; key?: string; actor?: string }
	| { type: 'LEAVE' }
	| { type: 'down.pump'; reason: string };

const keeper = defineActor({
	name: 'keeper',
	version: 1,
	machine: setup({
		types: { context: {} as { heard: readonly string[] }, events: {} as KeeperEvent },
	}).createMachine({
		id: 'keeper',
		context: { heard: [] },
		on: {
			WATCH: {
				actions: monitor(({ event: { key = 'a', actor = 'pump' } }) => ({
					id: 'pump',
					actor,
					key,
				})),
			},
			LEAVE: { actions: demonitor('pump') },
			'down.pump': {
				actions: assign({ heard: ({ context, event }) => [...context.heard, event.reason] }),
			},
		},
	}),
});

const heard = (stage: ActorStage) =>
	(stage.stored('keeper')?.state.context as { heard: string[] } | undefined)?.heard ?? [];
const isWatched = (stage: ActorStage) => stage.mailbox('pump').size() === 1;
const at = { key: 'a' };

async function hears(stage: ActorStage, count = 1): Promise<readonly string[]> {
	await stage.until(() => heard(stage).length === count);
	await stage.idle('keeper');
	await stage.idle('pump');
	return heard(stage);
}

for (const [word, actor] of [
	['kept', pump],
	['forgotten', forgetful],
] as const) {
	test(`a monitor gets a normal end once, also if its process dies repeatedly; the instance is ${word}`, async (t) => {
		let stage = await setActorStage(t, { actors: [actor, keeper] });
		await stage.send('pump', 'RUN', at);
		await stage.send('keeper', 'WATCH');
		stage = await stage.crash();
		await stage.until(() => isWatched(stage));
		stage = await stage.crash();
		await stage.send('pump', 'RUN', at);
		await stage.until(() => isWatched(stage));
		assert.deepEqual(heard(stage), []);
		await stage.send('pump', 'END', at);
		stage = await stage.crash();
		assert.deepEqual(await hears(stage), ['normal']);
		stage = await stage.restart();
		assert.deepEqual(await hears(stage), ['normal']);
		assert.equal(stage.journal.count('asks'), 0);
		await stage.stop();
	});
}

test('monitors of a parked instance get parked, also those that come later', async (t) => {
	const stage = await setActorStage(t, { actors: [pump, keeper] });
	await stage.send('keeper', 'WATCH');
	await stage.until(() => isWatched(stage));
	await stage.send('pump', 'BREAK', at);
	await stage.until(() => heard(stage).length === 1);
	await stage.send('keeper', 'WATCH');
	await stage.until(() => heard(stage).length === 2);
	assert.deepEqual(heard(stage), ['parked', 'parked']);
	await stage.stop();
});

test('monitors of an instance that begins anew get crashed', async (t) => {
	const stage = await setActorStage(t, { actors: [restless, keeper] });
	await stage.send('keeper', 'WATCH');
	await stage.until(() => isWatched(stage));
	await stage.send('pump', 'BREAK', at);
	await stage.until(() => heard(stage).length === 1);
	assert.deepEqual(heard(stage), ['crashed']);
	await stage.stop();
});

test('a monitor of an instance that ended before, or of a missing actor, gets noproc', async (t) => {
	const stage = await setActorStage(t, { actors: [pump, keeper] });
	await stage.send('pump', 'END', at);
	await stage.idle('pump');
	await stage.send('keeper', 'WATCH');
	assert.deepEqual(await hears(stage), ['noproc']);
	await stage.send('keeper', { type: 'WATCH', actor: 'nobody' });
	assert.deepEqual(await hears(stage, 2), ['noproc', 'noproc']);
	await stage.stop();
});

test('a demonitor ends a monitor, also after a crash, and leaves nothing behind', async (t) => {
	let stage = await setActorStage(t, { actors: [pump, keeper] });
	await stage.send('keeper', 'WATCH');
	await stage.until(() => isWatched(stage));
	stage = await stage.crash();
	await stage.send('keeper', 'LEAVE');
	await stage.idle('pump');
	assert.equal(stage.journal.count('asks'), 0);
	await stage.send('pump', 'END', at);
	await stage.idle('pump');
	await stage.idle('keeper');
	assert.deepEqual(heard(stage), []);
	await stage.stop();
});

test('a second monitor of the same id replaces the first', async (t) => {
	const stage = await setActorStage(t, { actors: [pump, keeper] });
	await stage.send('keeper', 'WATCH');
	await stage.send('keeper', { type: 'WATCH', key: 'b' });
	await stage.until(() => isWatched(stage));
	await stage.send('pump', 'END', at);
	await stage.until(() => stage.mailbox('pump').size() === 1);
	await stage.send('pump', 'END', { key: 'b' });
	assert.deepEqual(await hears(stage), ['normal']);
	await stage.stop();
});

test('a plain message can monitor an instance, and is answered if it ended before', async (t) => {
	const stage = await setActorStage(t, { actors: [pump, keeper] });
	await stage.send('pump', 'END', at);
	await stage.send('pump', { type: 'reeve.monitor' }, { ...at, id: 'from-outside' });
	await stage.until(() => stage.ledger.get('from-outside')?.result !== undefined);
	assert.match(String(stage.ledger.get('from-outside')?.output), /^(?:normal|noproc)$/);
	await stage.stop();
});

test('a message from outside cannot forge the answer to a monitor', async (t) => {
	const stage = await setActorStage(t, { actors: [pump, keeper] });
	const id = await stage.send('keeper', { type: 'down.pump', reason: 'normal' });
	await stage.idle('keeper');
	assert.equal(stage.ledger.get(id)?.result?.code, 'bad_arguments');
	await stage.stop();
});

test('the timeout of an ask has the reason deadline if no other is known', async (t) => {
	const asker = defineActor({
		name: 'asker',
		version: 1,
		machine: setup({
			types: {
				context: {} as { why: string },
				events: {} as { type: 'ASK' } | { type: 'timeout.run'; reason: string },
			},
		}).createMachine({
			id: 'asker',
			context: { why: '' },
			on: {
				ASK: {
					actions: ask({ id: 'run', timeoutMs: 1000, ...toActor(pump, { type: 'RUN' }) }),
				},
				'timeout.run': { actions: assign({ why: ({ event }) => event.reason }) },
			},
		}),
	});
	const late = defineActor({ ...parts, answersLater: ['RUN'] });
	let stage = await setActorStage(t, { actors: [late, asker] });
	const why = () => (stage.stored('asker')?.state.context as { why?: string } | undefined)?.why;
	await stage.send('asker', 'ASK');
	await stage.until(() => why() === '');
	await stage.idle('pump');
	stage = await stage.crash();
	await stage.clock.advance(1000);
	await stage.until(() => why() !== '');
	assert.equal(why(), 'deadline');
	await stage.stop();
});
