/**
 * Invariants of the instances of declared actors: steps, passivation, deferral, and dead
 * incarnations.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../actors/definition/definition.ts';
import { defer, reply, send } from '../../actors/definition/effects.ts';
import { step } from '../../actors/definition/step.ts';
import { seededChance } from '../../runtime/platform/clock.ts';
import { forSeeds, rawRows, startWorld, storedContexts } from '../simulation/world.ts';
import { sink, startActorNode } from '../support/actor-node.ts';

interface Sums {
	readonly total: number;
	readonly order: readonly string[];
}

/** Adds, multiplies, keeps some events for later, and tells the sink of all of it. */
const adder = defineActor({
	name: 'adder',
	version: 1,
	machine: setup({
		types: {
			context: {} as Sums,
			events: {} as
				| { type: 'ADD'; by: number }
				| { type: 'LATER'; name: string }
				| { type: 'CLOSE' }
				| { type: 'OPEN' },
		},
		actions: {
			tell: send(({ context }) => ({
				method: sink,
				args: [`${context.total}`],
				data: `total ${context.total}`,
			})),
			add: assign({
				total: ({ context, event }) => context.total * 3 + (event.type === 'ADD' ? event.by : 0),
				order: ({ context, event }) => [...context.order, event.type],
			}),
			note: assign({
				order: ({ context, event }) => [
					...context.order,
					event.type === 'LATER' ? event.name : event.type,
				],
			}),
		},
	}).createMachine({
		id: 'adder',
		context: { total: 0, order: [] },
		initial: 'open',
		states: {
			open: {
				on: {
					ADD: { actions: ['add', 'tell'] },
					LATER: { actions: 'note' },
					CLOSE: { target: 'closed', actions: 'note' },
				},
			},
			closed: {
				meta: defer('LATER'),
				on: {
					ADD: { actions: ['add', 'tell', reply(({ context }) => context.total)] },
					OPEN: { target: 'open', actions: 'note' },
				},
				after: { 60_000: { target: 'open', actions: 'tell' } },
			},
		},
	}),
});

test('I46: A step (external side effect) starts with the same idempotency key on every retry and is not started again once its result is committed', async (t) => {
	const keys: string[] = [];
	const payer = defineActor({
		name: 'payer',
		version: 1,
		machine: setup({
			types: { context: {} as { paid: number }, events: {} as { type: 'PAY' } },
			actors: {
				pay: step<number>({
					run(_input, { idempotencyKey }) {
						keys.push(idempotencyKey);
						return 1;
					},
				}),
			},
		}).createMachine({
			id: 'payer',
			context: { paid: 0 },
			initial: 'idle',
			states: {
				idle: { on: { PAY: 'paying' } },
				paying: {
					invoke: {
						src: 'pay',
						onDone: {
							target: 'idle',
							actions: assign({ paid: ({ context }) => context.paid + 1 }),
						},
					},
				},
			},
		}),
	});
	const { fleet } = startWorld(t, { actors: [payer] });
	await fleet.start('ship1', { crashAt: 'step.ran' });
	const pay = { toNode: 'ship1', method: 'payer', methodArgs: ['PAY'] };
	await fleet.node('ship1').send(pay);
	await fleet.clock.advance(1000);
	for (let start = 1; start <= 3; start += 1) {
		assert.ok(!fleet.isAlive('ship1'), 'it died with the result in its hands');
		assert.equal(keys.length, start);
		const crashAt = start < 3 ? { crashAt: 'step.ran' } : {};
		await fleet.start('ship1', crashAt).catch(() => undefined);
		await fleet.clock.advance(1000);
	}
	assert.equal(keys.length, 4);
	assert.equal(new Set(keys).size, 1, 'one key');
	const paid = () => storedContexts<{ paid: number }>(fleet.folder('ship1'), 'payer')['']?.paid;
	assert.equal(paid(), 1);

	// From the commit of its result on, wherever the node dies, it is not started again.
	for (let count = 1; count <= 8; count += 1) {
		const before: number = keys.length;
		fleet.kill('ship1');
		const next = await fleet
			.start('ship1', { crashAt: `journal.committed:${count}` })
			.catch(() => undefined);
		await next?.send(pay).catch(() => undefined);
		await fleet.clock.advance(1000);
		const rows = rawRows(fleet.folder('ship1'), 'steps');
		const hasResult = rows.some(({ value }) => value['result'] !== undefined);
		const ran: number = keys.length - before;
		fleet.kill('ship1');
		await fleet.start('ship1');
		await fleet.clock.advance(1000);
		if (hasResult) assert.equal(keys.length - before, ran, `committed, ${count}`);
		assert.ok(new Set(keys.slice(before)).size <= 1, 'and never with another key');
	}
	assert.equal(paid(), new Set(keys).size, 'each payment once');
});

test('I48: Passivating and reactivating an actor between any two messages gives the same state and outputs as never passivating it', async (t) => {
	await forSeeds(3, async (seed) => {
		const found: object[] = [];
		for (const passivateAfter of [86_400, 1]) {
			const chance = seededChance(seed);
			const { fleet, world } = startWorld(t, {
				seed,
				actors: [adder],
				config: { passivateAfter },
			});
			const ship = await fleet.start('ship1');
			let most = 0;
			for (let count = 0; count < 60; count += 1) {
				const key = `k${Math.floor(chance() * 3)}`;
				const event = [
					{ type: 'ADD', by: count },
					{ type: 'LATER', name: `later ${count}` },
					{ type: 'CLOSE' },
					{ type: 'OPEN' },
				][Math.floor(chance() * 4)];
				const methodArgs = [JSON.stringify(event)];
				await ship.send({ toNode: 'ship1', method: 'adder', key, methodArgs });
				await fleet.clock.advance(3000);
				const [row] = await ship.ask<{ active: number }>({ reeve: 'actors' });
				most = Math.max(most, row?.active ?? 0);
			}
			await fleet.clock.advance(120_000);
			const folder = fleet.folder('ship1');
			if (passivateAfter === 1) assert.ok(most < 3, 'they were put away between their messages');
			else assert.equal(most, 3, 'none was put away');
			found.push({
				stored: storedContexts<Sums>(folder, 'adder'),
				values: rawRows(folder, 'snapshots').length,
				told: world.ran('ship1'),
			});
			await fleet.stop();
		}
		assert.deepEqual(found[1], found[0]);
	});
});

test("I49: A killed actor's old incarnation can neither commit nor send", async (t) => {
	await forSeeds(4, async (seed) => {
		const chance = seededChance(seed);
		// Each death of a host counts as a start of what it was about, and that is not the point here.
		const config = { attemptsMax: 1000 };
		const node = await startActorNode(t, { actors: [adder], config });
		const total = 40;
		const old = [node.hostRuntimes.get('adder')];
		const sent: Promise<string>[] = [];
		for (let count = 0; count < total; count += 1) {
			sent.push(node.send('adder', { type: 'ADD', by: 1 }, { key: 'k' }));
			// At any instant of its work the host is killed, and another one replaces it.
			for (let turns = Math.floor(chance() * 4); turns > 0; turns -= 1) await node.clock.settle();
			if (chance() < 0.3) {
				await node.replaceHost('adder');
				old.push(node.hostRuntimes.get('adder'));
			}
		}
		await Promise.all(sent);
		await node.idle('adder');
		assert.ok(old.length > 4, 'several incarnations');
		const stored = node.stored('adder', 'k');
		assert.equal(stored?.turn, total, 'each message moved it once, in one incarnation');
		const wanted: string[] = [];
		for (let count = 0, sum = 0; count < total; count += 1)
			wanted.push(`total ${(sum = sum * 3 + 1)}`);
		const totals = node.sunk().filter((text) => text.startsWith('total'));
		assert.deepEqual(totals, wanted, 'nothing was sent by two');
		await node.stop();
	});
});

test('I52: A deferred message is retried after the next state change, before any later message of its lane', async (t) => {
	await forSeeds(3, async (seed) => {
		const { fleet } = startWorld(t, { seed, actors: [adder] });
		const central = await fleet.start('central');
		await fleet.start('ship1');
		const tell = (word: string, payload: object = {}) =>
			central.send({
				toNode: 'ship1',
				method: 'adder',
				methodArgs: [word, JSON.stringify(payload)],
			});
		await tell('CLOSE');
		const deferred = [
			await tell('LATER', { name: 'first' }),
			await tell('LATER', { name: 'second' }),
		];
		await tell('ADD', { by: 1 });
		await fleet.clock.advance(1000);
		for (const id of deferred) assert.equal((await central.row(id)).settled, false, 'it waits');
		if (seed > 1) {
			fleet.kill('ship1');
			await fleet.start('ship1');
		}
		// While they wait, and in one go, so that later ones stand behind them.
		fleet.hub.part('central');
		for (const word of ['OPEN', 'LATER', 'ADD']) await tell(word, { name: 'third', by: 2 });
		fleet.hub.heal();
		await fleet.clock.advance(50_000);
		const { order } = storedContexts<Sums>(fleet.folder('ship1'), 'adder')[''] ?? {};
		assert.deepEqual(order, ['CLOSE', 'ADD', 'OPEN', 'first', 'second', 'third', 'ADD']);
		for (const id of deferred) assert.equal((await central.row(id)).state, 'done');
		await fleet.stop();
	});
});

test('I53: Restart of a node with N queued messages and M idle actors creates no more actor objects than have work due', async (t) => {
	const [idle, busy, queued] = [300, 7, 70];
	const first = await startActorNode(t, { actors: [adder] });
	for (let key = 0; key < idle; key += 1) {
		void first.send('adder', { type: 'ADD', by: 1 }, { key: `k${key}` });
	}
	await first.idle('adder');
	assert.equal(first.journal.count('snapshots'), idle);
	// The host is away while its mail is filed.
	first.hostRuntimes.get('adder')?.fence();
	for (let count = 0; count < queued; count += 1) {
		await first.send('adder', { type: 'ADD', by: 1 }, { key: `k${count % busy}` });
	}
	const node = await first.crash();
	let most = 0;
	await node.until(() => {
		most = Math.max(most, node.hostRuntimes.get('adder')?.counts().active ?? 0);
		return node.mailbox('adder').size() === 0;
	});
	assert.equal(most, busy, 'those with mail and no others');
	await node.idle('adder');
	assert.equal(node.stored('adder', 'k0')?.turn, 1 + queued / busy);
	assert.equal(node.stored('adder', 'k100')?.turn, 1);
	await node.stop();
});
