import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, log, setup, type EventObject } from 'xstate';
import { defineActor, type ActorDefinition } from '../../../actors/definition/definition.ts';
import { reply, send } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { sink, startActorNode, type ActorNode } from '../../support/actor-node.ts';

async function workedOff(node: ActorNode, rounds = 12): Promise<void> {
	for (let round = 0; round < rounds; round += 1) {
		await node.journal.commit([]);
		await node.clock.advance(1000);
	}
}

const contextOf = (node: ActorNode, key = '') => node.stored('live', key)?.state.context;

interface ListContext {
	readonly list: unknown[];
}
type ListEvent = { readonly type: 'ADD'; readonly items: unknown[] } | { readonly type: 'NEXT' };

/** Strikes when the second action of ADD is evaluated. */
const hazard = { strike: (): void => {} };

const pushes = defineActor({
	name: 'live',
	version: 1,
	machine: setup({ types: { context: {} as ListContext, events: {} as ListEvent } }).createMachine({
		id: 'live',
		context: { list: ['first'] },
		on: {
			ADD: {
				actions: [
					assign(({ context, event }) => {
						event.items.push('seen');
						context.list.push(event.items);
						return {};
					}),
					reply(() => {
						hazard.strike();
						return 'added';
					}),
				],
			},
			NEXT: { actions: reply('next') },
		},
	}),
});

test('a failed turn leaves no trace in the context, the event or the definition', async (t) => {
	let strikes = 0;
	hazard.strike = () => {
		strikes += 1;
		if (strikes < 3) throw new Error('not yet');
	};
	const node = await startActorNode(t, { actors: [pushes] });
	await node.send('live', 'NEXT');
	await node.send('live', { type: 'ADD', items: [] });
	await node.send('live', { type: 'ADD', items: [] }, { key: 'other' });
	await workedOff(node);
	assert.deepEqual(contextOf(node), { list: ['first', ['seen']] });
	assert.deepEqual(contextOf(node, 'other'), { list: ['first', ['seen']] });
	await node.stop();
});

test('a failed turn that was the first of its instance leaves no trace either', async (t) => {
	let strikes = 0;
	hazard.strike = () => {
		strikes += 1;
		if (strikes < 3) throw new Error('not yet');
	};
	const node = await startActorNode(t, { actors: [pushes] });
	await node.send('live', { type: 'ADD', items: [] });
	await workedOff(node);
	assert.deepEqual(contextOf(node), { list: ['first', ['seen']] });
	await node.stop();
});

interface WorkContext {
	order: { lines: number[] };
	readonly got: unknown;
}

test('a step works on a copy of its input, and the context holds a copy of its output', async (t) => {
	const inputs: unknown[] = [];
	const made = { lines: [9] };
	const work = step<{ lines: number[] }, { lines: number[] }>({
		run: (order) => {
			inputs.push(structuredClone(order));
			order.lines.push(99);
			return Promise.resolve(made);
		},
	});
	const live = defineActor({
		name: 'live',
		version: 1,
		machine: setup({
			types: { context: {} as WorkContext, events: {} as { type: 'GO' } | { type: 'NEXT' } },
			actors: { work },
		}).createMachine({
			id: 'live',
			context: { order: { lines: [1] }, got: null },
			initial: 'idle',
			states: {
				idle: { on: { GO: 'busy' } },
				busy: {
					invoke: {
						src: 'work',
						input: ({ context }) => context.order,
						onDone: { target: 'idle', actions: assign({ got: ({ event }) => event.output }) },
					},
					on: { NEXT: { actions: assign({ got: 'waits' }) } },
				},
			},
		}),
	});
	const node = await startActorNode(t, { actors: [live] });
	await node.send('live', 'GO');
	await node.until(() => node.seen('step.ended').length === 1);
	made.lines.push(100);
	await workedOff(node, 2);
	assert.deepEqual(inputs, [{ lines: [1] }]);
	assert.deepEqual(contextOf(node), { order: { lines: [1] }, got: { lines: [9] } });
	await node.stop();
});

test('effects, timers and steps carry what they were given, not what the turn changed later', async (t) => {
	const inputs: unknown[] = [];
	const work = step<null, unknown>({
		run: (order) => {
			inputs.push(order);
			return Promise.resolve(null);
		},
	});
	const live = defineActor({
		name: 'live',
		version: 1,
		machine: setup({
			types: { context: {} as { list: number[] }, events: {} as { type: 'GO' } },
			actors: { work },
			actions: {
				tell: send(({ context: { list } }: { context: { list: number[] } }) => ({
					method: sink,
					event: { type: 'T', list },
				})),
				more: assign(({ context }) => {
					context.list.push(2);
					return {};
				}),
			},
		}).createMachine({
			id: 'live',
			context: { list: [1] },
			initial: 'idle',
			states: {
				idle: { on: { GO: 'busy' } },
				busy: {
					invoke: {
						src: 'work',
						input: ({ context }: { context: { list: number[] } }) => context.list,
					},
					entry: ['tell', 'more'],
				},
			},
		}),
	});
	const node = await startActorNode(t, { actors: [live] });
	await node.send('live', 'GO');
	await workedOff(node, 2);
	// XState starts the steps of a state after its entry actions.
	assert.deepEqual(inputs, [[1, 2]]);
	assert.ok(node.sunk().includes('{"type":"T","list":[1]}'), node.sunk().join());
	assert.deepEqual(contextOf(node), { list: [1, 2] });
	await node.stop();
});

/** An actor whose context takes what `make` returns at GO. */
function taking(make: () => unknown): ActorDefinition {
	return defineActor({
		name: 'live',
		version: 1,
		machine: setup({
			types: { context: {} as { seats: unknown }, events: {} as { type: 'GO' } | { type: 'OK' } },
		}).createMachine({
			id: 'live',
			context: { seats: null },
			on: { GO: { actions: assign({ seats: make }) }, OK: {} },
		}),
	});
}

test('a context with a map, a set and an error is the same after a reload', async (t) => {
	const seats = [new Map([[{ row: 1 }, new Set(['a'])]]), new TypeError('taken'), 2n ** 70n];
	let node = await startActorNode(t, { actors: [taking(() => seats)] });
	await node.send('live', 'GO');
	await node.idle('live');
	node = await node.crash();
	await node.send('live', 'OK');
	await node.idle('live');
	assert.deepStrictEqual(contextOf(node), { seats });
	await node.stop();
});

test('a context that cannot be stored is refused at its turn, and the path is named', async (t) => {
	const node = await startActorNode(t, { actors: [taking(() => [{ choose: () => 1 }])] });
	const id = await node.send('live', 'GO');
	await workedOff(node);
	const { code, detail } = node.ledger.get(id)?.result ?? {};
	assert.equal(code, 'not_storable');
	assert.match(detail ?? '', /context\.seats\[0\]\.choose is a function/);
	assert.equal(contextOf(node), undefined);
	await node.stop();
});

test('a static context that cannot be stored is refused when the definition is loaded', () => {
	const machine = setup({}).createMachine({ id: 'm', context: { seats: [/x/] } });
	assert.throws(() => defineActor({ name: 'live', version: 1, machine }), {
		code: 'bad_declaration',
		detail: 'actor live: context.seats[0] is an instance of RegExp',
	});
});

test('diagnostics never fail a turn: logs, emitted events and inputs of steps that JSON cannot write', async (t) => {
	const circle: { self?: unknown } = {};
	circle.self = circle;
	const work = step<null, unknown>({ run: () => Promise.resolve(null) });
	const live = defineActor({
		name: 'live',
		version: 1,
		machine: setup({
			types: { context: {} as { n: bigint }, events: {} as { type: 'GO' } },
			actors: { work },
			actions: {
				tell: log<{ n: bigint }, EventObject, undefined, { type: 'GO' }>((args) => args.context),
				round: log<{ n: bigint }, EventObject, undefined, { type: 'GO' }>(() => circle),
			},
		}).createMachine({
			id: 'live',
			context: { n: 1n },
			initial: 'idle',
			states: {
				idle: { on: { GO: 'busy' } },
				busy: {
					invoke: {
						src: 'work',
						input: ({ context }: { context: { n: bigint } }) => ({ n: context.n }),
					},
					entry: ['tell', 'round'],
				},
			},
		}),
	});
	const node = await startActorNode(t, { actors: [live] });
	await node.send('live', 'GO');
	await node.idle('live');
	assert.deepEqual(node.seen('instance.failed'), []);
	assert.deepStrictEqual(contextOf(node), { n: 1n });
	assert.deepEqual(
		node.seen('console.printed').map(({ text }) => text),
		['{"n":"1n"}', '{"self":"(itself)"}'],
	);
	await node.stop();
});
