import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, type AnyStateMachine } from 'xstate';
import { defineActor, type ActorDefinition } from '../../../actors/definition/definition.ts';
import { startActorNode } from '../../support/actor-node.ts';
import type { TestScope } from '../../support/temporary.ts';
import { yamlDefinitionOf } from '../../support/yaml-definitions.ts';

/** The state after these events, between which the process dies each time. */
async function valueAfter(t: TestScope, actor: ActorDefinition, events: readonly string[]) {
	let node = await startActorNode(t, { actors: [actor] });
	for (const event of events) {
		await node.send(actor.name, event);
		await node.idle(actor.name);
		node = await node.crash();
	}
	const { state } = node.stored(actor.name) ?? {};
	await node.stop();
	return state?.value;
}

const inner = (more: object = {}) => ({
	initial: 'x',
	states: { x: { on: { NEXT: 'y' } }, y: {} },
	...more,
});
const create = createMachine as (config: object) => AnyStateMachine;

for (const history of ['shallow', 'deep']) {
	test(`a dot in the id of a machine or of a state loses no history at a reload: ${history}`, async (t) => {
		const machine = create({
			id: 'm.v2',
			initial: 'work',
			on: { OUT: '.rest', BACK: '.work.again' },
			states: {
				rest: {},
				work: {
					initial: 'a.1',
					states: {
						'a.1': { on: { A: 'b' } },
						b: inner({ id: 'the.b' }),
						again: { type: 'history', history, id: 'the.history' },
					},
				},
			},
		});
		const actor = defineActor({ name: 'dotted', version: 1, machine });
		const value = await valueAfter(t, actor, ['A', 'NEXT', 'OUT', 'BACK']);
		assert.deepEqual(value, { work: { b: history === 'deep' ? 'y' : 'x' } });
	});
}

test('a dot in the name of a delay keeps the policy of its timers', async (t) => {
	const machine = create({
		id: 'm.v2',
		initial: 'a',
		states: { a: { after: { 1000.5: 'b', 60_000.5: 'c' } }, b: {}, c: {} },
	});
	const timers = { '1000.5': 'remaining' } as const;
	const actor = defineActor({ name: 'dotted', version: 1, autostart: true, machine, timers });
	const node = await startActorNode(t, { actors: [actor] });
	await node.until(() => node.stored('dotted') !== undefined);
	const policies = node.journal
		.scan<{ policy: string }>('timers', { from: [0], to: [1e15] })
		.map(({ value }) => value.policy);
	assert.deepEqual(policies, ['remaining', 'absolute']);
	await node.stop();
});

test('a dot in the name of a YAML definition is part of the name in targets', async (t) => {
	const actor = yamlDefinitionOf(`
actor: a.b
version: 1
initial: one
on: { OUT: '#a.b.one', BACK: '#a.b.two.again' }
states:
  one: { on: { GO: two, DEEP: two.inner } }
  two:
    initial: first
    states:
      first: { on: { IN: inner } }
      inner: {}
      again: { type: history, target: inner }
`);
	const deep = { two: 'inner' };
	const cases = [
		[['GO'], { two: 'first' }],
		[['GO', 'IN'], deep],
		[['DEEP'], deep],
		[['GO', 'OUT'], 'one'],
		[['GO', 'OUT', 'BACK'], { two: 'first' }],
		[['BACK'], deep],
	] as const;
	for (const [events, value] of cases) {
		assert.deepEqual(await valueAfter(t, actor, events), value, events.join(' '));
	}
});
