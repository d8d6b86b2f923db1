import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { assign, setup } from 'xstate';
import {
	ask as askActor,
	defineActor,
	demonitor,
	monitor,
	reply,
	toActor,
	type RunningNode,
} from '../../../supervisors/node/node.ts';
import { until } from '../../support/condition.ts';
import { ask, startLocalFleet } from '../../support/local-nodes.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { yamlDefinitionOf } from '../../support/yaml-definitions.ts';

type PumpEvent = { type: 'RUN' } | { type: 'TELL' } | { type: 'END' } | { type: 'BREAK' };

const pump = defineActor({
	name: 'pump',
	version: 1,
	intensity: 0,
	answersLater: ['RUN'],
	machine: setup({ types: { events: {} as PumpEvent } }).createMachine({
		id: 'pump',
		initial: 'on',
		states: {
			on: {
				on: {
					RUN: {},
					TELL: { actions: reply('on') },
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
	}),
});

type KeeperEvent =
	| { type: 'WATCH'; to: string; actor?: string; key?: string }
	| { type: 'LEAVE' }
	| { type: 'ASK'; to: string; key: string; timeoutMs: number }
	| { type: 'TELL' }
	| { type: 'down.it'; reason: string }
	| { type: 'timeout.it'; reason: string };

/** What it hears it writes down. */
const keeper = defineActor({
	name: 'keeper',
	version: 1,
	machine: setup({
		types: { context: {} as { heard: readonly string[] }, events: {} as KeeperEvent },
		actions: {
			note: assign({
				heard: ({ context, event }) =>
					'reason' in event ? [...context.heard, `${event.type} ${event.reason}`] : context.heard,
			}),
		},
	}).createMachine({
		id: 'keeper',
		context: { heard: [] },
		on: {
			WATCH: {
				actions: monitor(({ event: { type: _, ...what } }) => ({ id: 'it', ...what })),
			},
			LEAVE: { actions: demonitor('it') },
			ASK: {
				actions: askActor(({ event: { to, key, timeoutMs } }) => ({
					id: 'it',
					timeoutMs,
					...toActor(pump, { type: 'RUN' }, { to, key }),
				})),
			},
			TELL: { actions: reply(({ context }) => context.heard) },
			'down.it': { actions: 'note' },
			'timeout.it': { actions: 'note' },
		},
	}),
});

async function heard(node: RunningNode, key = ''): Promise<readonly string[]> {
	const told = await node.actor(keeper, { key }).ask({ type: 'TELL' });
	return told.outcome === 'done' ? (JSON.parse(told.data ?? '[]') as string[]) : [];
}

async function hears(node: RunningNode, count: number, key = ''): Promise<readonly string[]> {
	let all: readonly string[] = [];
	await until(`it has heard of ${count}`, async () => {
		all = await heard(node, key);
		return all.length >= count;
	});
	return all;
}

/** Whether an instance there is monitored. */
async function isWatched(node: RunningNode): Promise<boolean> {
	const [row] = await ask<{ mail: { event: string }[] }>(node, {
		reeve: 'actor',
		actor: 'pump',
		key: 'a',
	}).catch(() => []);
	return row?.mail.some(({ event }) => event === 'reeve.monitor') ?? false;
}

const nodesOf = ({ signals }: RunningNode) =>
	signals.recent().flatMap((signal) => (signal.type === 'node.seen' ? [signal.name] : []));

const at = { to: 'ship1', key: 'a' } as const;

test('a monitor of an actor on another node tells of its end, though both nodes were restarted', async (t) => {
	const fleet = await startLocalFleet(t);
	let central = await fleet.start('central', {}, { actors: [keeper] });
	let ship = await fleet.start('ship1', {}, { actors: [pump] });
	const mine = central.actor(pump, at);
	await mine.ask({ type: 'TELL' });
	await central.actor(keeper).send({ type: 'WATCH', actor: 'pump', ...at });
	await until('it is watched', () => isWatched(ship));
	await central.stop();
	central = await fleet.start('central', {}, { actors: [keeper] });
	assert.deepEqual(await heard(central), []);
	await central.actor(pump, at).ask({ type: 'END' });
	assert.deepEqual(await hears(central, 1), ['down.it normal']);
	await central.actor(keeper).send({ type: 'WATCH', actor: 'pump', ...at });
	assert.deepEqual(await hears(central, 2), ['down.it normal', 'down.it noproc']);
	await central.actor(keeper).send({ type: 'WATCH', actor: 'nobody', to: 'ship1' });
	assert.equal((await hears(central, 3))[2], 'down.it noproc');

	await central.actor(keeper).send({ type: 'WATCH', actor: 'pump', to: 'ship1', key: 'b' });
	await central.actor(pump, { ...at, key: 'b' }).send({ type: 'BREAK' });
	assert.equal((await hears(central, 4))[3], 'down.it parked');
	await ship.stop();
	ship = await fleet.start('ship1', {}, { actors: [pump] });
	assert.equal((await heard(central)).length, 4, 'nothing is told twice');
});

test('the death of a node is noconnection for all who monitor it, or an actor on it', async (t) => {
	const fleet = await startLocalFleet(t);
	let central = await fleet.start('central', {}, { actors: [keeper] });
	let ship = await fleet.start('ship1', {}, { actors: [pump] });
	await central.actor(pump, at).ask({ type: 'TELL' });
	await central.actor(keeper).send({ type: 'WATCH', actor: 'pump', ...at });
	await central.actor(keeper, { key: 'node' }).send({ type: 'WATCH', to: 'ship1' });
	await until('it is watched', () => isWatched(ship));
	await ship.stop();
	assert.deepEqual(await hears(central, 1), ['down.it noconnection']);
	assert.deepEqual(await hears(central, 1, 'node'), ['down.it noconnection']);

	await central.actor(keeper, { key: 'late' }).send({ type: 'WATCH', actor: 'pump', ...at });
	assert.deepEqual(await hears(central, 1, 'late'), ['down.it noconnection']);
	ship = await fleet.start('ship1', {}, { actors: [pump] });
	await until('nobody watches any more', async () => !(await isWatched(ship)));
	assert.deepEqual(await heard(central), ['down.it noconnection']);

	// A node that dies while its watcher is down is missed at the next start.
	await central.actor(keeper, { key: 'down' }).send({ type: 'WATCH', to: 'ship1' });
	await heard(central, 'down');
	await central.stop();
	await ship.stop();
	central = await fleet.start('central', {}, { actors: [keeper] });
	assert.deepEqual(await hears(central, 1, 'down'), ['down.it noconnection']);
	assert.deepEqual(await heard(central, 'node'), ['down.it noconnection']);
});

test('a demonitor is heard of by the other node', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central', {}, { actors: [keeper] });
	const ship = await fleet.start('ship1', {}, { actors: [pump] });
	await central.actor(pump, at).ask({ type: 'TELL' });
	await central.actor(keeper).send({ type: 'WATCH', actor: 'pump', ...at });
	await until('it is watched', () => isWatched(ship));
	await central.actor(keeper).send({ type: 'LEAVE' });
	await until('nobody watches any more', async () => !(await isWatched(ship)));
	await central.actor(pump, at).ask({ type: 'END' });
	assert.deepEqual(await heard(central), []);
});

test('the timeout of an ask says why there is no answer: at work, parked, or not there', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central', {}, { actors: [keeper, pump] });
	const ship = await fleet.start('ship1', {}, { actors: [pump] });
	await central.actor(pump, at).ask({ type: 'TELL' });
	const why = async (key: string, to: string): Promise<string | undefined> => {
		const asker = central.actor(keeper, { key: `${to}/${key}` });
		await asker.send({ type: 'ASK', to, key, timeoutMs: 300 });
		const all = await hears(central, 1, `${to}/${key}`);
		return all.at(-1);
	};
	assert.equal(await why('a', 'ship1'), 'timeout.it deadline');
	assert.equal(await why('a', 'central'), 'timeout.it deadline');
	for (const to of ['ship1', 'central']) {
		await central.actor(pump, { to, key: 'b' }).send({ type: 'BREAK' });
		assert.equal(await why('b', to), 'timeout.it parked');
	}
	await ship.stop();
	assert.equal(await why('c', 'ship1'), 'timeout.it noconnection');
	await fleet.start('ship2');
	await until('ship2 has been heard of', () => nodesOf(central).includes('ship2'));
	assert.equal(await why('a', 'ship2'), 'timeout.it noproc');
});

test('an actor that a reload has added is known to the other nodes at once', async (t) => {
	const fleet = await startLocalFleet(t);
	const definitionsFolder = temporaryFolder(t);
	const central = await fleet.start('central');
	const ship = await fleet.start('ship1', { definitionsFolder, definitionsWatch: false });
	const text = 'actor: lamp\nversion: 1\non: { TELL: { do: [{ reply: lit }] } }\n';
	const lamp = central.actor(yamlDefinitionOf(text), { to: 'ship1' });
	const before = await lamp.ask({ type: 'TELL' });
	assert.equal(before.outcome === 'unanswered' && before.reason, 'noproc');
	writeFileSync(join(definitionsFolder, 'lamp.yaml'), text);
	await ask(ship, { reeve: 'reload' });
	await until('central has heard of it', async () => {
		const told = await lamp.ask({ type: 'TELL' });
		return told.outcome === 'done' && told.data === 'lit';
	});
});

test('a YAML definition monitors as a program does', async (t) => {
	const fleet = await startLocalFleet(t);
	const definition = yamlDefinitionOf(`actor: keeper
version: 1
events:
  WATCH: { node: string }
  LEAVE:
  TELL:
context: { why: nothing }
on:
  WATCH: { do: [{ monitor: { id: pump, to: =event.node, actor: pump, key: a } }] }
  LEAVE: { do: [{ demonitor: pump }] }
  TELL: { do: [{ reply: =context.why }] }
  down.pump: { do: [{ assign: { why: =event.reason } }] }
`);
	const central = await fleet.start('central', {}, { actors: [definition, pump] });
	const watcher = central.actor(definition);
	await watcher.ask({ type: 'WATCH', node: 'central' });
	await central.actor(pump, { key: 'a' }).ask({ type: 'END' });
	await until('it has heard', async () => {
		const told = await watcher.ask({ type: 'TELL' });
		return told.outcome === 'done' && told.data === 'normal';
	});
});
