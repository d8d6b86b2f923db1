import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { ask, demonitor, monitor, send, toActor } from '../../../actors/definition/effects.ts';
import { type ActorNode, sink, startActorNode } from '../../support/actor-node.ts';

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

const heard = (node: ActorNode) =>
	(node.stored('keeper')?.state.context as { heard: string[] } | undefined)?.heard ?? [];
const isWatched = (node: ActorNode) => node.mailbox('pump').size() === 1;
const at = { key: 'a' };

async function hears(node: ActorNode, count = 1): Promise<readonly string[]> {
	await node.until(() => heard(node).length === count);
	await node.idle('keeper');
	await node.idle('pump');
	return heard(node);
}

for (const [word, actor] of [
	['kept', pump],
	['forgotten', forgetful],
] as const) {
	test(`a monitor gets a normal end once, also if its process dies repeatedly; the instance is ${word}`, async (t) => {
		let node = await startActorNode(t, { actors: [actor, keeper] });
		await node.send('pump', 'RUN', at);
		await node.send('keeper', 'WATCH');
		node = await node.crash();
		await node.until(() => isWatched(node));
		node = await node.crash();
		await node.send('pump', 'RUN', at);
		await node.until(() => isWatched(node));
		assert.deepEqual(heard(node), []);
		await node.send('pump', 'END', at);
		node = await node.crash();
		assert.deepEqual(await hears(node), ['normal']);
		node = await node.restart();
		assert.deepEqual(await hears(node), ['normal']);
		assert.equal(node.journal.count('asks'), 0);
		await node.stop();
	});
}

test('monitors of a parked instance get parked, also those that come later', async (t) => {
	const node = await startActorNode(t, { actors: [pump, keeper] });
	await node.send('keeper', 'WATCH');
	await node.until(() => isWatched(node));
	await node.send('pump', 'BREAK', at);
	await node.until(() => heard(node).length === 1);
	await node.send('keeper', 'WATCH');
	await node.until(() => heard(node).length === 2);
	assert.deepEqual(heard(node), ['parked', 'parked']);
	await node.stop();
});

test('monitors of an instance that begins anew get crashed', async (t) => {
	const node = await startActorNode(t, { actors: [restless, keeper] });
	await node.send('keeper', 'WATCH');
	await node.until(() => isWatched(node));
	await node.send('pump', 'BREAK', at);
	await node.until(() => heard(node).length === 1);
	assert.deepEqual(heard(node), ['crashed']);
	await node.stop();
});

test('a monitor of an instance that ended before, or of a missing actor, gets noproc', async (t) => {
	const node = await startActorNode(t, { actors: [pump, keeper] });
	await node.send('pump', 'END', at);
	await node.idle('pump');
	await node.send('keeper', 'WATCH');
	assert.deepEqual(await hears(node), ['noproc']);
	await node.send('keeper', { type: 'WATCH', actor: 'nobody' });
	assert.deepEqual(await hears(node, 2), ['noproc', 'noproc']);
	await node.stop();
});

test('a demonitor ends a monitor, also after a crash, and leaves nothing behind', async (t) => {
	let node = await startActorNode(t, { actors: [pump, keeper] });
	await node.send('keeper', 'WATCH');
	await node.until(() => isWatched(node));
	node = await node.crash();
	await node.send('keeper', 'LEAVE');
	await node.idle('pump');
	assert.equal(node.journal.count('asks'), 0);
	await node.send('pump', 'END', at);
	await node.idle('pump');
	await node.idle('keeper');
	assert.deepEqual(heard(node), []);
	await node.stop();
});

test('a second monitor of the same id replaces the first', async (t) => {
	const node = await startActorNode(t, { actors: [pump, keeper] });
	await node.send('keeper', 'WATCH');
	await node.send('keeper', { type: 'WATCH', key: 'b' });
	await node.until(() => isWatched(node));
	await node.send('pump', 'END', at);
	await node.until(() => node.mailbox('pump').size() === 1);
	await node.send('pump', 'END', { key: 'b' });
	assert.deepEqual(await hears(node), ['normal']);
	await node.stop();
});

test('a plain message can monitor an instance, and is answered if it ended before', async (t) => {
	const node = await startActorNode(t, { actors: [pump, keeper] });
	await node.send('pump', 'END', at);
	await node.send('pump', { type: 'reeve.monitor' }, { ...at, id: 'from-outside' });
	await node.until(() => node.ledger.get('from-outside')?.result !== undefined);
	assert.match(String(node.ledger.get('from-outside')?.output), /^(?:normal|noproc)$/);
	await node.stop();
});

test('a message from outside cannot forge the answer to a monitor', async (t) => {
	const node = await startActorNode(t, { actors: [pump, keeper] });
	const id = await node.send('keeper', { type: 'down.pump', reason: 'normal' });
	await node.idle('keeper');
	assert.equal(node.ledger.get(id)?.result?.code, 'bad_arguments');
	await node.stop();
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
	let node = await startActorNode(t, { actors: [late, asker] });
	const why = () => (node.stored('asker')?.state.context as { why?: string } | undefined)?.why;
	await node.send('asker', 'ASK');
	await node.until(() => why() === '');
	await node.idle('pump');
	node = await node.crash();
	await node.clock.advance(1000);
	await node.until(() => why() !== '');
	assert.equal(why(), 'deadline');
	await node.stop();
});

test('a turn that fails leaves no trace: no monitor of it is told of anything', async (t) => {
	const watcher = (at: string) =>
		setup({
			types: { events: {} as { type: 'GO' } | { type: 'OK' } | { type: 'down.x' } },
		}).createMachine({
			id: 'm',
			on: {
				'down.x': { actions: send({ method: sink, data: `told ${at}` }) },
				OK: { actions: monitor({ id: 'x', to: 'ship2' }) },
				GO: {
					actions: [
						monitor({ id: 'x', to: 'ship2' }),
						send(() => ({ method: sink, note: '\ud800' })),
					],
				},
			},
		});
	const watch = defineActor({ name: 'watch', version: 1, machine: watcher('watch') });
	const node = await startActorNode(t, { actors: [watch] });
	await node.send('watch', 'GO', { key: 'failed' });
	await node.send('watch', 'OK', { key: 'fine' });
	await node.idle('watch');
	const monitors = () => [...node.asks.monitors().values()].map(({ key }) => key);
	assert.deepEqual(monitors(), ['fine']);
	assert.equal(node.stored('watch', 'failed'), undefined);
	await node.stop();
});
