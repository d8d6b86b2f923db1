import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { readTurns } from '../../../actors/turn/turn-recorder.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';

type DoorEvent = { type: 'PUSH' } | { type: 'NOTE'; text: string };

/** The type of a context whose field depends on the version. */
const counts: Record<string, number> = {};

/** A door of a version: the second one calls its states otherwise, and counts in another field. */
function api(version: 1 | 2 | 3) {
	const shut = version === 1 ? 'shut' : 'closed';
	const open = version === 1 ? 'open' : 'ajar';
	const pushes = version === 1 ? 'n' : 'pushes';
	const machine = setup({
		types: { context: counts, events: {} as DoorEvent },
		actions: {
			count: assign(({ context }) => ({ [pushes]: (context[pushes] ?? 0) + 1 })),
		},
	}).createMachine({
		id: 'door',
		context: { [pushes]: 0 },
		initial: shut,
		on: { NOTE: {} },
		states: {
			[shut]: { on: { PUSH: { target: open, actions: 'count' } } },
			[open]: { on: { PUSH: { target: shut, actions: 'count' } } },
		},
	});
	return { name: 'door', version, machine };
}

const first = defineActor(api(1));
const renamed = (value: unknown) => (value === 'open' ? 'ajar' : 'closed');
const second = defineActor({
	...api(2),
	migrate: {
		1: ({ value, context }) => ({
			value: renamed(value),
			context: { pushes: (context as { n: number }).n },
		}),
	},
});

async function pushed(node: ActorNode): Promise<void> {
	await node.send('door', 'PUSH');
	await node.idle('door');
}

const reasons = (node: ActorNode) => node.seen('instance.parked').map(({ reason }) => reason);

test('an instance of an earlier version is migrated and written at its next turn', async (t) => {
	const old = await startActorNode(t, { actors: [first] });
	await pushed(old);
	const node = await old.restart([second]);
	assert.equal(node.stored('door')?.version, 1);
	await pushed(node);
	assert.equal(node.stored('door')?.version, 2);
	assert.deepEqual(node.stored('door')?.state, {
		status: 'active',
		value: 'closed',
		context: { pushes: 2 },
	});
	await node.stop();
});

test('an instance that cannot be migrated is parked with its mail, and goes on when it can be', async (t) => {
	const old = await startActorNode(t, { actors: [first] });
	await pushed(old);
	const broken = [
		[defineActor(api(2)), /no migration/],
		[defineActor({ ...api(2), migrate: { 1: (state) => state } }), /open/],
		[defineActor({ ...api(3), migrate: second.migrate }), /version 2/],
	] as const;
	let node = old;
	for (const [definition, reason] of broken) {
		node = await node.restart([definition]);
		await node.send('door', 'PUSH');
		await node.until(() => node.seen('instance.parked').length > 0);
		assert.match(reasons(node)[0] ?? '', reason);
		assert.equal(node.stored('door')?.version, 1);
	}
	assert.equal(node.mailbox('door').size(), 3);
	node = await node.restart([second]);
	await node.idle('door');
	assert.deepEqual(node.stored('door')?.state.context, { pushes: 4 });
	await node.stop();
});

test('a state that is gone parks an instance even if the version was not raised', async (t) => {
	const old = await startActorNode(t, { actors: [first] });
	await pushed(old);
	const other = defineActor({ ...api(2), version: 1 });
	const node = await old.restart([other]);
	await node.send('door', 'PUSH');
	await node.until(() => node.seen('instance.parked').length > 0);
	assert.match(reasons(node)[0] ?? '', /open/);
	await node.stop();
});

test('an instance of a later version is parked, so a roll-back loses nothing', async (t) => {
	const later = await startActorNode(t, { actors: [second] });
	await pushed(later);
	const node = await later.restart([first]);
	await node.send('door', 'PUSH');
	await node.until(() => node.seen('instance.parked').length > 0);
	const again = await node.restart([second]);
	await again.idle('door');
	assert.deepEqual(again.stored('door')?.state.context, { pushes: 2 });
	await again.stop();
});

test('the last turns of an instance are kept, up to turnsKeptMax', async (t) => {
	const config = { turnsKeptMax: 5 };
	const node = await startActorNode(t, { actors: [first], config });
	for (let count = 0; count < 12; count += 1) await pushed(node);
	const turns = readTurns(node.journal, 'door', '');
	assert.deepEqual(
		turns.map(({ turn, event, value }) => [turn, event?.type, value]),
		[
			[8, 'PUSH', 'shut'],
			[9, 'PUSH', 'open'],
			[10, 'PUSH', 'shut'],
			[11, 'PUSH', 'open'],
			[12, 'PUSH', 'shut'],
		],
	);
	assert.ok(turns[0]?.base);
	await node.stop();
});

test('only the type is kept of an event that is too large', async (t) => {
	const config = { turnBytesMax: 100 };
	const node = await startActorNode(t, { actors: [first], config });
	await node.send('door', { type: 'NOTE', text: 'x'.repeat(1000) });
	await node.idle('door');
	const [turn] = readTurns(node.journal, 'door', '');
	assert.deepEqual(turn?.event, { type: 'NOTE' });
	assert.equal(turn?.isCut, true);
	await node.stop();
});
