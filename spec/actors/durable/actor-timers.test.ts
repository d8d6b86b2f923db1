import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor, type TimerPolicy } from '../../../actors/definition/definition.ts';
import { send } from '../../../actors/definition/effects.ts';
import { type ActorNode, sink, startActorNode } from '../../support/actor-node.ts';

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

const timerRows = (node: ActorNode) => node.journal.count('timers');
const rings = (node: ActorNode) => node.sunk().filter((text) => text !== '');

async function switchOn(node: ActorNode, key = ''): Promise<void> {
	await node.send('lamp', 'ON', { key, replyMethod: 'REQNone' });
	await node.idle('lamp');
}

/** Moves the clock and lets the turns that fall due be written. */
async function pass(node: ActorNode, ms: number): Promise<void> {
	await node.clock.advance(ms);
	for (let round = 0; round < 4; round += 1) {
		await node.journal.commit([]);
		await node.clock.settle();
	}
}

test('a timer fires once at its time, and its row is gone', async (t) => {
	const node = await startActorNode(t, { actors: [lamp] });
	await switchOn(node);
	assert.equal(timerRows(node), 1);
	await pass(node, 9999);
	assert.deepEqual(rings(node), []);
	await pass(node, 1);
	assert.deepEqual(rings(node), ['ring 1']);
	assert.equal(node.stored('lamp')?.state.value, 'off');
	assert.equal(timerRows(node), 0);
	await pass(node, 100_000);
	assert.deepEqual(rings(node), ['ring 1']);
	await node.stop();
});

test('a timer is cancelled with its state, and set anew when the state is entered again', async (t) => {
	const node = await startActorNode(t, { actors: [lamp] });
	await switchOn(node);
	await pass(node, 6000);
	await switchOn(node);
	assert.equal(timerRows(node), 1);
	await pass(node, 6000);
	assert.deepEqual(rings(node), []);
	await node.send('lamp', 'OFF', { replyMethod: 'REQNone' });
	await node.idle('lamp');
	assert.equal(timerRows(node), 0);
	await pass(node, 60_000);
	assert.deepEqual(rings(node), []);
	await node.stop();
});

test('a timer set before a crash fires once at its time after the restart', async (t) => {
	let node = await startActorNode(t, { actors: [lamp] });
	await switchOn(node);
	await pass(node, 4000);
	node = await node.crash();
	await pass(node, 5999);
	assert.deepEqual(rings(node), []);
	node = await node.crash();
	await pass(node, 1);
	assert.deepEqual(rings(node), ['ring 1']);
	node = await node.crash();
	await pass(node, 60_000);
	assert.deepEqual(rings(node), ['ring 1']);
	await node.stop();
});

test('timers that fell due while no process ran fire once at the start', async (t) => {
	const first = await startActorNode(t, { actors: [lamp] });
	for (let n = 0; n < 700; n += 1) void switchOn(first, `k${n}`);
	await first.until(() => timerRows(first) === 700);
	await first.stop();
	first.clock.jump(86_400_000);
	const node = await startActorNode(t, first.parts);
	await pass(node, 1);
	await node.until(() => timerRows(node) === 0);
	assert.equal(rings(node).length, 700);
	await node.stop();
});

test('a wall clock that is set back fires no timer twice, and delays none by more than that', async (t) => {
	const node = await startActorNode(t, { actors: [lamp] });
	await switchOn(node);
	node.clock.jump(-5000);
	await pass(node, 15_000);
	assert.deepEqual(rings(node), ['ring 1']);
	node.clock.jump(-3_600_000);
	await pass(node, 60_000);
	assert.deepEqual(rings(node), ['ring 1']);
	await node.stop();
});

/**
 * When a lamp that was on for 4 of its 10 s before a stop of 60 s rings, counted from the start on.
 */
async function ringsAfter(policy: TimerPolicy, t: { after(run: () => void): void }) {
	const actor = defineActor({ ...lamp, timers: { LONG: policy } });
	const first = await startActorNode(t, { actors: [actor] });
	await switchOn(first);
	await pass(first, 4000);
	await first.stop();
	first.clock.jump(60_000);
	const node = await startActorNode(t, first.parts);
	let seconds = 0;
	for (await pass(node, 1); rings(node).length === 0 && seconds < 30; seconds += 1) {
		await pass(node, seconds === 0 ? 999 : 1000);
	}
	await pass(node, 60_000);
	assert.deepEqual(rings(node), ['ring 1']);
	await node.stop();
	return seconds;
}

test('the policy of a timer decides how the time of a stop counts', async (t) => {
	assert.equal(await ringsAfter('absolute', t), 0);
	assert.equal(await ringsAfter('remaining', t), 6);
	assert.equal(await ringsAfter('restart', t), 10);
});

test('a timer loads its instance into memory', async (t) => {
	const config = { passivateAfter: 2 };
	const node = await startActorNode(t, { actors: [lamp], config });
	await switchOn(node, 'k');
	await pass(node, 6000);
	assert.equal(node.hostRuntimes.get('lamp')?.counts().active, 0);
	await pass(node, 4000);
	assert.deepEqual(rings(node), ['ring 1']);
	await node.stop();
});
