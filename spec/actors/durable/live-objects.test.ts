import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, log, setup, type EventObject } from 'xstate';
import { defineActor, type ActorDefinition } from '../../../actors/definition/definition.ts';
import { reply, send } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { setActorStage, type ActorStage } from '../../support/actor-stage.ts';
import { sink } from '../../support/actor-floor.ts';

async function workedOff(stage: ActorStage, rounds = 12): Promise<void> {
	for (let round = 0; round < rounds; round += 1) {
		await stage.journal.commit([]);
		await stage.clock.advance(1000);
	}
}

const contextOf = (stage: ActorStage, key = '') => stage.stored('live', key)?.state.context;

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
	const stage = await setActorStage(t, { actors: [pushes] });
	await stage.send('live', 'NEXT');
	await stage.send('live', { type: 'ADD', items: [] });
	await stage.send('live', { type: 'ADD', items: [] }, { key: 'other' });
	await workedOff(stage);
	assert.deepEqual(contextOf(stage), { list: ['first', ['seen']] });
	assert.deepEqual(contextOf(stage, 'other'), { list: ['first', ['seen']] });
	await stage.stop();
});

test('a failed turn that was the first of its instance leaves no trace either', async (t) => {
	let strikes = 0;
	hazard.strike = () => {
		strikes += 1;
		if (strikes < 3) throw new Error('not yet');
	};
	const stage = await setActorStage(t, { actors: [pushes] });
	await stage.send('live', { type: 'ADD', items: [] });
	await workedOff(stage);
	assert.deepEqual(contextOf(stage), { list: ['first', ['seen']] });
	await stage.stop();
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
	const stage = await setActorStage(t, { actors: [live] });
	await stage.send('live', 'GO');
	await stage.until(() => stage.seen('step.ended').length === 1);
	made.lines.push(100);
	await workedOff(stage, 2);
	assert.deepEqual(inputs, [{ lines: [1] }]);
	assert.deepEqual(contextOf(stage), { order: { lines: [1] }, got: { lines: [9] } });
	await stage.stop();
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
	const stage = await setActorStage(t, { actors: [live] });
	await stage.send('live', 'GO');
	await workedOff(stage, 2);
	// XState starts the steps of a state after its entry actions.
	assert.deepEqual(inputs, [[1, 2]]);
	assert.ok(stage.sunk().includes('{"type":"T","list":[1]}'), stage.sunk().join());
	assert.deepEqual(contextOf(stage), { list: [1, 2] });
	await stage.stop();
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
	let stage = await setActorStage(t, { actors: [taking(() => seats)] });
	await stage.send('live', 'GO');
	await stage.idle('live');
	stage = await stage.crash();
	await stage.send('live', 'OK');
	await stage.idle('live');
	assert.deepStrictEqual(contextOf(stage), { seats });
	await stage.stop();
});

test('a context that cannot be stored is refused at its turn, and the path is named', async (t) => {
	const stage = await setActorStage(t, { actors: [taking(() => [{ choose: () => 1 }])] });
	const id = await stage.send('live', 'GO');
	await workedOff(stage);
	const { code, detail } = stage.ledger.get(id)?.result ?? {};
	assert.equal(code, 'max_attempts');
	assert.match(detail ?? '', /context\.seats\[0\]\.choose is a function/);
	assert.equal(contextOf(stage), undefined);
	await stage.stop();
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
	const stage = await setActorStage(t, { actors: [live] });
	await stage.send('live', 'GO');
	await stage.idle('live');
	assert.deepEqual(stage.seen('instance.failed'), []);
	assert.deepStrictEqual(contextOf(stage), { n: 1n });
	assert.deepEqual(
		stage.seen('console.printed').map(({ text }) => text),
		['{"n":"1n"}', '{"self":"(itself)"}'],
	);
	await stage.stop();
});
