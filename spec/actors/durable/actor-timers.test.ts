import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor, type TimerPolicy } from '../../../actors/definition/definition.ts';
import { send } from '../../../actors/definition/effects.ts';
import { sink } from '../../support/actor-floor.ts';
import { setActorStage, type ActorStage } from '../../support/actor-stage.ts';

const lampMachine = setup({
	types: { context: {} as { rings: number }, events: {} as { type: 'ON' } | { type: 'OFF' } },
	delays: { LONG: 10_000 },
}).createMachine({
	id: 'lamp',
	context: { rings: 0 },
	initial: 'off',
	states: {
		off: { on: { ON: 'on' } },
		on: {
			on: { OFF: 'off', ON: { target: 'on', reenter: true } },
			after: {
				LONG: {
					target: 'off',
					actions: [
						assign({ rings: ({ context }) => context.rings + 1 }),
						send(({ context }) => ({ method: sink, data: `ring ${context.rings}` })),
					],
				},
			},
		},
	},
});
const lamp = defineActor({ name: 'lamp', version: 1, machine: lampMachine });

const timerRows = (stage: ActorStage) => stage.journal.count('timers');
const rings = (stage: ActorStage) => stage.sunk().filter((text) => text !== '');

async function switchOn(stage: ActorStage, key = ''): Promise<void> {
	await stage.send('lamp', 'ON', { key, replyMethod: 'REQNone' });
	await stage.idle('lamp');
}

/** Moves the clock and lets the turns that fall due be written. */
async function pass(stage: ActorStage, ms: number): Promise<void> {
	await stage.clock.advance(ms);
	for (let round = 0; round < 4; round += 1) {
		await stage.journal.commit([]);
		await stage.clock.settle();
	}
}

test('a timer fires once at its time, and its row is gone', async (t) => {
	const stage = await setActorStage(t, { actors: [lamp] });
	await switchOn(stage);
	assert.equal(timerRows(stage), 1);
	await pass(stage, 9999);
	assert.deepEqual(rings(stage), []);
	await pass(stage, 1);
	assert.deepEqual(rings(stage), ['ring 1']);
	assert.equal(stage.stored('lamp')?.state.value, 'off');
	assert.equal(timerRows(stage), 0);
	await pass(stage, 100_000);
	assert.deepEqual(rings(stage), ['ring 1']);
	await stage.stop();
});

test('a timer is cancelled with its state, and set anew when the state is entered again', async (t) => {
	const stage = await setActorStage(t, { actors: [lamp] });
	await switchOn(stage);
	await pass(stage, 6000);
	await switchOn(stage);
	assert.equal(timerRows(stage), 1);
	await pass(stage, 6000);
	assert.deepEqual(rings(stage), []);
	await stage.send('lamp', 'OFF', { replyMethod: 'REQNone' });
	await stage.idle('lamp');
	assert.equal(timerRows(stage), 0);
	await pass(stage, 60_000);
	assert.deepEqual(rings(stage), []);
	await stage.stop();
});

test('a timer set before a crash fires once at its time after the restart', async (t) => {
	let stage = await setActorStage(t, { actors: [lamp] });
	await switchOn(stage);
	await pass(stage, 4000);
	stage = await stage.crash();
	await pass(stage, 5999);
	assert.deepEqual(rings(stage), []);
	stage = await stage.crash();
	await pass(stage, 1);
	assert.deepEqual(rings(stage), ['ring 1']);
	stage = await stage.crash();
	await pass(stage, 60_000);
	assert.deepEqual(rings(stage), ['ring 1']);
	await stage.stop();
});

test('timers that fell due while no process ran fire once at the start', async (t) => {
	const first = await setActorStage(t, { actors: [lamp] });
	for (let n = 0; n < 700; n += 1) void switchOn(first, `k${n}`);
	await first.until(() => timerRows(first) === 700);
	await first.stop();
	first.clock.jump(86_400_000);
	const stage = await setActorStage(t, first.parts);
	await pass(stage, 1);
	await stage.until(() => timerRows(stage) === 0);
	assert.equal(rings(stage).length, 700);
	await stage.stop();
});

test('a wall clock that is set back fires no timer twice, and delays none by more than that', async (t) => {
	const stage = await setActorStage(t, { actors: [lamp] });
	await switchOn(stage);
	stage.clock.jump(-5000);
	await pass(stage, 15_000);
	assert.deepEqual(rings(stage), ['ring 1']);
	stage.clock.jump(-3_600_000);
	await pass(stage, 60_000);
	assert.deepEqual(rings(stage), ['ring 1']);
	await stage.stop();
});

/**
 * When a lamp that was on for 4 of its 10 s before a stop of 60 s rings, counted from the start on.
 */
async function ringsAfter(policy: TimerPolicy, t: { after(run: () => void): void }) {
	const actor = defineActor({ ...lamp, timers: { LONG: policy } });
	const first = await setActorStage(t, { actors: [actor] });
	await switchOn(first);
	await pass(first, 4000);
	await first.stop();
	first.clock.jump(60_000);
	const stage = await setActorStage(t, first.parts);
	let seconds = 0;
	for (await pass(stage, 1); rings(stage).length === 0 && seconds < 30; seconds += 1) {
		await pass(stage, seconds === 0 ? 999 : 1000);
	}
	await pass(stage, 60_000);
	assert.deepEqual(rings(stage), ['ring 1']);
	await stage.stop();
	return seconds;
}

test('the policy of a timer decides how the time of a stop counts', async (t) => {
	assert.equal(await ringsAfter('absolute', t), 0);
	assert.equal(await ringsAfter('remaining', t), 6);
	assert.equal(await ringsAfter('restart', t), 10);
});

test('a timer loads its instance into memory', async (t) => {
	const config = { passivateAfter: 2 };
	const stage = await setActorStage(t, { actors: [lamp], config });
	await switchOn(stage, 'k');
	await pass(stage, 6000);
	assert.equal(stage.hostRuntimes.get('lamp')?.counts().active, 0);
	await pass(stage, 4000);
	assert.deepEqual(rings(stage), ['ring 1']);
	await stage.stop();
});
