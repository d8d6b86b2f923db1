import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, raise, setup, spawnChild } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { ask, defer } from '../../../actors/definition/effects.ts';
import { step } from '../../../actors/definition/step.ts';
import { sink, startActorNode, type ActorNode } from '../../support/actor-node.ts';

async function workedOff(node: ActorNode, rounds = 12): Promise<void> {
	for (let round = 0; round < rounds; round += 1) {
		await node.journal.commit([]);
		await node.clock.advance(1000);
	}
}

interface Loads {
	readonly orders: number;
}
type LoadEvent = { readonly type: 'ORDER' } | { readonly type: 'OTHER' };

/** An actor that loads something first; the load goes on when it is told to. */
function loading(load: () => Promise<number>) {
	return defineActor({
		name: 'shop',
		version: 1,
		machine: setup({
			types: { context: {} as Loads, events: {} as LoadEvent },
			actors: { load: step<number>({ run: load }) },
			actions: { count: assign({ orders: ({ context }) => context.orders + 1 }) },
		}).createMachine({
			id: 'shop',
			context: { orders: 0 },
			initial: 'loading',
			states: {
				loading: { meta: defer('ORDER'), invoke: { src: 'load', onDone: 'open' } },
				open: { on: { ORDER: { actions: 'count' } } },
			},
		}),
	});
}

test('the initial state of a new instance defers its very first message, also over a crash', async (t) => {
	let opened: () => void = () => {};
	const gate = new Promise<number>((resolve) => {
		opened = () => resolve(1);
	});
	let node = await startActorNode(t, { actors: [loading(() => gate)] });
	const first = await node.send('shop', 'ORDER');
	await node.send('shop', 'ORDER');
	await node.until(() => node.seen('step.started').length === 1);
	await node.journal.commit([]);
	assert.equal(node.ledger.get(first)?.result, undefined);
	node = await node.crash();
	opened();
	await node.idle('shop');
	assert.deepEqual(node.stored('shop')?.state.context, { orders: 2 });
	assert.equal(node.ledger.get(first)?.result?.outcome, 'done');
	await node.stop();
});

test('a message that is refused does not begin an instance which would have deferred others', async (t) => {
	const node = await startActorNode(t, { actors: [loading(() => Promise.resolve(1))] });
	const id = await node.send('shop', 'UNKNOWN');
	await node.idle('shop');
	assert.equal(node.ledger.get(id)?.result?.code, 'unknown_event');
	assert.equal(node.stored('shop'), undefined);
	await node.stop();
});

test('children without an id are told apart over restarts', async (t) => {
	const ends: (() => void)[] = [];
	const started: unknown[] = [];
	const pay = step<number, number>({
		run: (n) => {
			started.push(n);
			return new Promise((resolve) => {
				ends.push(() => resolve(n));
			});
		},
	});
	const shop = defineActor({
		name: 'shop',
		version: 1,
		machine: setup({
			types: {
				context: {} as { paid: number },
				events: {} as { type: 'PAY'; n: number },
			},
			actors: { pay },
		}).createMachine({
			id: 'shop',
			context: { paid: 0 },
			on: {
				PAY: {
					actions: spawnChild('pay', { input: ({ event }: { event: { n?: number } }) => event.n }),
				},
				'xstate.done.actor.*': { actions: assign({ paid: ({ context }) => context.paid + 1 }) },
			},
		} as never) as never,
	});
	let node = await startActorNode(t, { actors: [shop] });
	for (const n of [1, 2]) await node.send('shop', { type: 'PAY', n });
	await node.idle('shop');
	node = await node.crash();
	for (const n of [3, 4, 5, 6]) await node.send('shop', { type: 'PAY', n });
	await node.idle('shop');
	await node.until(() => ends.length === 8);
	const children = Object.keys(node.stored('shop')?.steps ?? {});
	assert.equal(children.length, 6);
	// XState's own ids count from 0 in each process.
	assert.deepEqual(
		children.filter((id) => /^x:\d+$/.test(id)),
		[],
	);
	for (const end of ends) end();
	await workedOff(node, 3);
	assert.deepEqual(node.stored('shop')?.state.context, { paid: 6 });
	await node.stop();
});

interface Fired {
	readonly fired: readonly string[];
}

test('timers of one instant fire in the order in which they were set', async (t) => {
	const names = Array.from({ length: 12 }, (_, at) => `R${at}`);
	const shop = defineActor({
		name: 'shop',
		version: 1,
		machine: setup({
			types: { context: {} as Fired, events: {} as { type: string } },
			delays: { zeta: 1000, alpha: 1000 },
			actions: {
				note: assign({ fired: ({ context, event }) => [...context.fired, event.type] }),
			},
		}).createMachine({
			id: 'shop',
			context: { fired: [] },
			initial: 'waiting',
			states: {
				waiting: {
					entry: names.map((type) => raise({ type }, { delay: 500 })),
					after: {
						zeta: { actions: assign({ fired: ({ context }) => [...context.fired, 'zeta'] }) },
						alpha: { actions: assign({ fired: ({ context }) => [...context.fired, 'alpha'] }) },
					},
					on: { GO: {}, ...Object.fromEntries(names.map((type) => [type, { actions: 'note' }])) },
				},
			},
		} as never) as never,
	});
	let node = await startActorNode(t, { actors: [shop] });
	await node.send('shop', 'GO');
	await node.idle('shop');
	node = await node.crash();
	await workedOff(node, 3);
	await node.until(() => node.stored('shop')?.timers === undefined);
	assert.deepEqual(node.stored('shop')?.state.context, { fired: [...names, 'zeta', 'alpha'] });
	await node.stop();
});

for (const delay of [NaN, Infinity, undefined, 1e300]) {
	test(`a delay of ${delay} is refused at its turn`, async (t) => {
		const shop = defineActor({
			name: 'shop',
			version: 1,
			machine: setup({
				types: { context: {}, events: {} as { type: 'GO' | 'OK' } },
				delays: { wait: () => delay as number },
			}).createMachine({
				id: 'shop',
				context: {},
				initial: 'idle',
				states: { idle: { on: { GO: 'waiting', OK: {} } }, waiting: { after: { wait: 'idle' } } },
			}),
		});
		const node = await startActorNode(t, { actors: [shop] });
		await node.send('shop', 'OK');
		const id = await node.send('shop', 'GO');
		await workedOff(node);
		assert.match(
			node.ledger.get(id)?.result?.detail ?? '',
			new RegExp(`delay .* is ${String(delay).replace('+', '.')}`),
		);
		assert.equal(node.stored('shop')?.state.value, 'idle');
		await node.stop();
	});
}

test('the timeout of an ask that is no number is refused at its turn', async (t) => {
	const shop = defineActor({
		name: 'shop',
		version: 1,
		machine: setup({
			types: { context: {}, events: {} as { type: 'GO' } },
		}).createMachine({
			id: 'shop',
			context: {},
			on: { GO: { actions: ask({ id: 'load', method: sink, timeoutMs: NaN }) } },
		}),
	});
	const node = await startActorNode(t, { actors: [shop] });
	const id = await node.send('shop', 'GO');
	await workedOff(node);
	assert.match(node.ledger.get(id)?.result?.detail ?? '', /delay of timeout\.load is NaN/);
	await node.stop();
});
