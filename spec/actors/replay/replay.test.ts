import assert from 'node:assert/strict';
import test, { before, after } from 'node:test';
import { assign, setup, type StateValue } from 'xstate';
import { defineActor, type ActorDefinition } from '../../../actors/definition/definition.ts';
import { reply, send } from '../../../actors/definition/effects.ts';
import { replay } from '../../../actors/replay/replay.ts';
import { createSandbox } from '../../../actors/replay/sandbox.ts';
import { step } from '../../../actors/definition/step.ts';
import type { Difference } from '../../../runtime/queries/actor-rows.ts';
import { type ActorNode, sink, startActorNode } from '../../support/actor-node.ts';

interface Shelf {
	readonly count: number;
}

type ShelfEvent =
	| { type: 'ADD'; by: number }
	| { type: 'TAKE' }
	| { type: 'REST' }
	| { type: 'xstate.done.actor.fetch'; output: string };

/** What a version of the shelf may have different. */
interface Change {
	readonly version?: number;
	readonly migrate?: ActorDefinition['migrate'];
	readonly full?: string;
	readonly take?: string;
	readonly fullAt?: number;
	readonly text?: string;
	readonly grow?: number;
	readonly throwsAt?: number;
	readonly withStep?: boolean;
}

/** A shelf that fills up; a step fetches what is missing while it rests. */
function shelf(change: Change = {}): ActorDefinition {
	const { version = 1, full = 'full', take = 'TAKE', fullAt = 3, text = 'added' } = change;
	const { grow = 1, throwsAt = -1, withStep = true, migrate = {} } = change;
	const fetch = step<string>({ run: () => new Promise<string>(() => {}) });
	const src: string = withStep ? 'fetch' : 'bring';
	const machine = setup({
		types: { context: {} as Shelf, events: {} as ShelfEvent },
		actors: { [src]: fetch },
		guards: { isFull: ({ context }) => context.count >= fullAt },
	}).createMachine({
		id: 'shelf',
		context: { count: 0 },
		initial: 'open',
		on: { REST: '.resting' },
		states: {
			open: {
				always: { guard: 'isFull', target: full },
				on: {
					ADD: {
						actions: [
							assign({
								count: ({ context, event }) => {
									if (event.by === throwsAt) throw new Error('cannot count that');
									return context.count + event.by * grow;
								},
							}),
							send(({ event }) => ({ method: sink, data: `${text} ${event.by}` })),
							reply('ok'),
						],
					},
				},
			},
			[full]: { on: { [take]: { target: 'open', actions: assign({ count: 0 }) } } },
			resting: { invoke: { src }, after: { 60_000: 'open' } },
		},
	});
	return defineActor({ name: 'shelf', version, machine, migrate });
}

let node: ActorNode;
const ends: (() => void)[] = [];
const t = { after: (run: () => void) => void ends.push(run) };

/** One shelf that was filled and emptied, one that is full, and one that rests. */
before(async () => {
	node = await startActorNode(t, { actors: [shelf()] });
	const feed = async (key: string, ...events: (object | string)[]) => {
		for (const event of events) await node.send('shelf', event, { key });
	};
	const add = { type: 'ADD', by: 1 };
	await feed('a', add, add, add, 'TAKE', add, add, add, 'TAKE', add);
	await feed('b', add, { type: 'ADD', by: 2 });
	await feed('c', 'REST');
	await node.idle('shelf');
});
after(async () => {
	await node.stop();
	for (const end of ends) end();
});

/** The differences that a definition makes, and how many turns were replayed. */
function differences(...definitions: ActorDefinition[]) {
	const found: Difference[] = [];
	const parts = { journal: node.journal, definitions, node: 'ship1', microstepsMax: 1000 };
	const totals = replay(parts, (difference) => found.push(difference));
	assert.equal(totals.differences, found.length);
	return { found, totals };
}

const faces = (found: readonly Difference[]) =>
	found.map(({ key, what, turn, event }) => `${key} ${what} ${turn ?? '-'} ${event ?? '-'}`);

test('the same definition makes no difference, and every turn is replayed', () => {
	const { found, totals } = differences(shelf());
	assert.deepEqual(found, []);
	assert.deepEqual(totals, { actors: 1, instances: 3, turns: 12, skipped: 0, differences: 0 });
});

test('a removed state is found in its instance, and at the turn that led to it', () => {
	const { found } = differences(shelf({ full: 'crammed' }));
	assert.ok(faces(found).includes('b state_gone - -'));
	assert.ok(faces(found).includes('a target 3 ADD'));
	assert.ok(!faces(found).some((face) => face.startsWith('c')));
	const target = found.find(({ what }) => what === 'target');
	assert.equal(target?.detail, 'it led to full, and now leads to crammed');
});

test('a renamed event is found where it was handled', () => {
	const { found } = differences(shelf({ take: 'EMPTY' }));
	assert.deepEqual(faces(found), ['a event_unknown 4 TAKE', 'a event_unknown 8 TAKE']);
});

test('a changed guard is found at the event that now leads elsewhere', () => {
	const { found } = differences(shelf({ fullAt: 2 }));
	const at = faces(found);
	assert.ok(at.includes('a target 2 ADD'), at.join());
	assert.ok(!at.includes('b target 1 ADD'), at.join());
});

test('a changed message or assignment is found with its old and new value', () => {
	const { found } = differences(shelf({ text: 'put' }));
	const [first] = found;
	assert.equal(first?.what, 'effects');
	assert.match(first?.detail ?? '', /not any more: send SINK added 1; new: send SINK put 1/);
	const grown = differences(shelf({ grow: 1.1 })).found;
	assert.ok(grown.some(({ what, key }) => what === 'context' && key === 'a'));
});

test('a machine that throws at an event it took before is found', () => {
	const { found } = differences(shelf({ throwsAt: 2 }));
	assert.deepEqual(faces(found), ['b throws 2 ADD']);
	assert.match(found[0]?.detail ?? '', /cannot count that/);
});

test('missing and throwing migrations are found, and right ones are used', () => {
	const changed = { version: 2, full: 'crammed' };
	const missing = differences(shelf(changed)).found;
	assert.deepEqual([...new Set(missing.map(({ what }) => what))], ['migration']);
	const throwing = () => {
		throw new Error('cannot be carried over');
	};
	const broken = differences(shelf({ ...changed, migrate: { 1: throwing } })).found;
	assert.ok(broken.every(({ what, detail }) => what === 'migration' && /carried/.test(detail)));
	const rename = (value: unknown) => (value === 'full' ? 'crammed' : String(value));
	const right = shelf({
		...changed,
		migrate: { 1: (state) => ({ ...state, value: rename(state.value) }) },
	});
	assert.deepEqual(differences(right).found, []);
});

test('a step that is gone and an actor that is gone are found', () => {
	assert.deepEqual(faces(differences().found), [
		'a actor_gone - -',
		'b actor_gone - -',
		'c actor_gone - -',
	]);
	const { found } = differences(shelf({ withStep: false }));
	assert.ok(found.some(({ key, what }) => key === 'c' && what === 'step_gone'));
});

test('a definition of an earlier version than an instance is found', async () => {
	const migrate = { 1: (state: { value: StateValue; context: unknown }) => state };
	const later = await startActorNode(t, { actors: [shelf({ version: 2, migrate })] });
	await later.send('shelf', { type: 'ADD', by: 1 }, { key: 'a' });
	await later.idle('shelf');
	const found: Difference[] = [];
	const parts = { journal: later.journal, definitions: [shelf()], node: 'ship1' };
	replay({ ...parts, microstepsMax: 100 }, (each) => found.push(each));
	assert.ok(found.some(({ what, detail }) => what === 'version' && /version 2/.test(detail)));
	await later.stop();
});

test('a waiting message whose event was renamed is found', async () => {
	const other = await startActorNode(t, { actors: [shelf()], isOpen: false });
	const id = await other.send('shelf', 'TAKE', { key: 'new' });
	await other.journal.commit([
		{
			table: 'snapshots',
			key: ['shelf', 'a'],
			value: node.journal.get('snapshots', ['shelf', 'a']),
		},
	]);
	const found: Difference[] = [];
	const definitions = [shelf({ take: 'EMPTY' })];
	replay({ journal: other.journal, definitions, node: 'ship1', microstepsMax: 100 }, (each) =>
		found.push(each),
	);
	assert.deepEqual(faces(found), ['new event_unknown - TAKE']);
	assert.match(found[0]?.detail ?? '', new RegExp(id));
	await other.stop();
});

test('a sandbox shows an instance as of a turn, and what further events would do', () => {
	const now = () => node.clock.now();
	const world = { journal: node.journal, node: 'ship1', microstepsMax: 100, now };
	const parts = { ...world, definition: shelf() };
	const sandbox = createSandbox({ ...parts, key: 'a', at: 2 });
	assert.equal(sandbox.turn, 2);
	assert.deepEqual([sandbox.show().value, sandbox.show().context], ['open', { count: 2 }]);
	const fed = sandbox.feed({ type: 'ADD', by: 1 } as ShelfEvent);
	assert.deepEqual([fed.value, fed.did], ['full', ['send SINK added 1', 'reply ok']]);
	assert.match(sandbox.feed({ type: 'NOD' }).error ?? '', /unknown_event/);
	const rest = sandbox.feed({ type: 'REST' });
	assert.deepEqual(rest.timers, ['xstate.after.60000.shelf.resting']);
	assert.deepEqual(rest.steps, ['xstate.done.actor.0.shelf.resting']);
	const woken = sandbox.feed({ type: 'xstate.after.60000.shelf.resting' });
	assert.deepEqual([woken.value, woken.timers, woken.steps], ['full', [], []]);
	// The instance itself is what it was.
	assert.deepEqual(node.stored('shelf', 'a')?.state.context, { count: 1 });
	for (const at of [1, 3, 4, 7, 8, 9]) {
		const copied = createSandbox({ ...parts, key: 'a', at });
		const expected = [1, 2, 3, 0, 1, 2, 3, 0, 1][at - 1];
		assert.deepEqual(copied.show().context, { count: expected }, `turn ${at}`);
	}
});

test('a turn that never was, or is not recorded well enough, cannot be copied', () => {
	const now = () => node.clock.now();
	const parts = { journal: node.journal, node: 'ship1', microstepsMax: 100, key: 'a', now };
	const definition = shelf();
	assert.throws(() => createSandbox({ ...parts, definition, at: 10 }), { code: 'not_found' });
	assert.throws(() => createSandbox({ ...parts, definition, key: 'z' }), { code: 'not_found' });
	const other = shelf({ fullAt: 2 });
	assert.throws(() => createSandbox({ ...parts, definition: other, at: 3 }), { code: 'not_kept' });
});
