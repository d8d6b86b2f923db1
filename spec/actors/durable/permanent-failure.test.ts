import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, createMachine, type AnyStateMachine } from 'xstate';
import { defineActor, type Recovery } from '../../../actors/definition/definition.ts';
import { scanDeadLetters } from '../../../runtime/ledger/dead-letters.ts';
import { type ActorNode, startActorNode } from '../../support/actor-node.ts';
import type { TestScope } from '../../support/temporary.ts';

const create = createMachine as (config: object) => AnyStateMachine;

/** Keeps a value that cannot be stored, except in its initial state. */
const choosy = (always: boolean) =>
	create({
		id: 'm',
		context: { held: null },
		initial: 'first',
		states: {
			first: { on: { NEXT: 'later', PUT: { actions: assign({ held: always ? () => /x/ : 1 }) } } },
			later: { on: { PUT: { actions: assign({ held: () => /x/ }) } } },
		},
	});

async function failed(t: TestScope, recovery: Recovery, always: boolean) {
	const actor = defineActor({ name: 'it', version: 1, recovery, machine: choosy(always) });
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('it', 'NEXT');
	await node.idle('it');
	const id = await node.send('it', 'PUT');
	for (let count = 0; node.mailbox('it').size() > 0; count += 1) {
		await node.until(() => node.mailbox('it').size() === 0 || failures(node) > count);
		await node.journal.commit([]);
		await node.clock.advance(1000);
	}
	await node.idle('it');
	const { outcome, code, attempts } = node.ledger.get(id)?.result ?? {};
	const [dead] = scanDeadLetters(node.journal);
	const value = node.stored('it')?.state.value;
	await node.stop();
	return { outcome, code, attempts, dead: dead?.letter.code, value };
}

const failures = (node: ActorNode) => node.seen('instance.failed').length;

test('a failure that another attempt cannot change ends at the first attempt, with its own code', async (t) => {
	assert.deepEqual(await failed(t, 'resume', true), {
		outcome: 'failed',
		code: 'not_storable',
		attempts: 1,
		dead: 'not_storable',
		value: 'later',
	});
});

test('such a failure is tried once more from the initial state, if the definition wants that', async (t) => {
	for (const recovery of ['fresh', 'ladder'] as const) {
		const { outcome, attempts, value } = await failed(t, recovery, false);
		assert.deepEqual([recovery, outcome, attempts, value], [recovery, 'done', 2, 'first']);
		const again = await failed(t, recovery, true);
		assert.deepEqual(
			[recovery, again.code, again.attempts, again.value],
			[recovery, 'not_storable', 2, 'first'],
		);
	}
});
