/**
 * Invariants of declared actors: turns, replies, steps, monitors of their ends, and passivation.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../actors/definition/definition.ts';
import { ask, publish, reply, send, toActor } from '../../actors/definition/effects.ts';
import { step } from '../../actors/definition/step.ts';
import { note, rawRows, startWorld, storedContexts } from '../simulation/world.ts';
import { tapWire } from '../simulation/wire-tap.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';

interface Ledger {
	readonly heard: readonly string[];
}

/** Writes down what it hears, tells central of it, and answers with how much it has heard. */
const ledger = defineActor({
	name: 'ledger',
	version: 1,
	machine: setup({
		types: {
			context: {} as Ledger,
			events: {} as { type: 'HEAR'; what: string } | { type: 'LEAVE' },
		},
	}).createMachine({
		id: 'ledger',
		context: { heard: [] },
		initial: 'open',
		states: {
			open: {
				on: {
					HEAR: {
						actions: [
							assign({ heard: ({ context, event }) => [...context.heard, event.what] }),
							send(({ event }) => ({ to: 'central', method: 'NOTE', args: [event.what] })),
							reply(({ context }) => `${context.heard.length} heard`),
						],
					},
					LEAVE: 'closed',
				},
			},
			closed: { type: 'final' },
		},
	}),
});

const hear = (what: string, more: object = {}) => ({
	toNode: 'ship1',
	method: 'ledger',
	methodArgs: ['HEAR', JSON.stringify({ what })],
	...more,
});

const crashPoints = ['journal.committed', 'journal.flushed', 'frame.accepted', 'frame.sent'];

test('I35: A request gets at most one reply event at the requester, and the reply commits in the same transaction as the state change it reports', async (t) => {
	for (const point of crashPoints) {
		for (const count of [1, 2, 3, 4, 6]) {
			const { fleet } = startWorld(t, { actors: [ledger], seed: count });
			const central = await fleet.start('central');
			await fleet.start('ship1');
			await fleet.halt('ship1');
			const ids = [await central.send(hear('one')), await central.send(hear('two'))];
			await fleet.start('ship1', { crashAt: `${point}:${count}` }).catch(() => undefined);
			// The replies are found where they were written.
			fleet.hub.part('central');
			await fleet.clock.advance(5000);
			fleet.kill('ship1');
			const folder = fleet.folder('ship1');
			const heard = storedContexts<Ledger>(folder, 'ledger')['']?.heard ?? [];
			const lanes = rawRows(folder, 'lanes').filter(({ key }) => /REQNone/.test(String(key[0])));
			const replies = lanes.reduce((sum, { value }) => sum + Number(value['next']) - 1, 0);
			assert.equal(replies, heard.length, `${point}:${count}`);
			fleet.hub.heal();
			await fleet.start('ship1');
			await fleet.clock.advance(180_000);
			const settled = central.node.signals
				.recent()
				.flatMap((signal) => (signal.type === 'message.settled' ? [signal.id] : []));
			assert.deepEqual(settled.toSorted(), ids.toSorted(), 'each once');
			const outputs = await Promise.all(ids.map(async (id) => (await central.row(id)).output));
			assert.deepEqual(outputs, ['1 heard', '2 heard'], `${point}:${count}`);
			await fleet.stop();
		}
	}
});

test("I36: A duplicate of an answered request gets the stored reply without running the handler while the reply cache entry lives, which is at least the request's deadline", async (t) => {
	const { fleet, world } = startWorld(t, { actors: [ledger] });
	const tap = tapWire(fleet);
	const ship = await fleet.start('ship1');
	const central = await fleet.start('central');
	const longest = { ttl: 2_592_000, id: 'asked' };
	await central.send(hear('once', longest));
	await fleet.clock.advance(5000);
	const answered = await central.row('asked');
	assert.equal(answered.output, '1 heard');
	const heard = () => storedContexts<Ledger>(fleet.folder('ship1'), 'ledger')['']?.heard;

	// From an MQTT client: the answer is published again, and the handler does not run.
	const answers: string[] = [];
	fleet.hub.watch((_from, { topic, payload }) => {
		if (topic === 'me/answers') answers.push(Buffer.from(payload).toString());
	});
	const question = {
		topic: 'reeve/ship1/NOTE/CommandACK',
		payload: Buffer.from(JSON.stringify({ methodArgs: ['asked'] })),
		qos: 1 as const,
		retain: false,
	};
	const from = { responseTopic: 'me/answers', correlationData: Buffer.from('7') };
	for (let times = 1; times <= 3; times += 1) {
		await fleet.hub.publish(question, { ...from, isRepeat: times > 1 });
		await fleet.clock.advance(5000);
		assert.equal(answers.length, times);
		assert.equal(answers[times - 1], answers[0], 'the same answer');
		fleet.kill('ship1');
		await fleet.start('ship1');
		await fleet.clock.advance(5000);
	}
	const copy = tap.frames.find(({ frame }) => frame.rows.some(({ id }) => id === 'asked'));
	assert.ok(copy, 'the frame of the request');
	for (const afterMs of [1000, 10 * 86_400_000, 19 * 86_400_000]) {
		fleet.clock.jump(afterMs);
		await tap.replay(copy.publication);
		await central.send(hear('once', longest));
		await fleet.clock.advance(5000);
		assert.deepEqual(heard(), ['once'], 'the handler has not run again');
		assert.equal((await central.row('asked')).output, '1 heard', 'and the answer is known');
	}
	assert.deepEqual(
		world.runs.filter(({ node }) => node === 'ship1').map(({ arg }) => arg),
		['asked'],
	);
	assert.ok(!ship.isAlive(), 'over several lives');
});

const seeker = defineActor({
	name: 'seeker',
	version: 1,
	machine: setup({
		types: {
			context: {} as { got: readonly string[] },
			events: {} as { type: 'SEEK' } | { type: 'reply.wisdom'; outcome: string; data?: string },
		},
	}).createMachine({
		id: 'seeker',
		context: { got: [] },
		on: {
			SEEK: {
				actions: ask({
					id: 'wisdom',
					...toActor(ledger, { type: 'HEAR', what: 'a question' }, { to: 'ship1' }),
				}),
			},
			'reply.wisdom': {
				actions: assign({
					got: ({ context, event }) => [...context.got, `${event.outcome}: ${event.data}`],
				}),
			},
		},
	}),
});

test('I37: A requester that crashed and restarted receives the reply of a durable request exactly as if it had not crashed', async (t) => {
	for (const crashAt of [
		'',
		'journal.committed:3',
		'frame.sent',
		'ack.received',
		'frame.accepted',
	]) {
		const { fleet } = startWorld(t, { actors: [ledger, seeker], seed: 3 });
		await fleet.start('ship1');
		const central = await fleet.start('central', crashAt === '' ? {} : { crashAt });
		central
			.send({ toNode: 'central', method: 'seeker', methodArgs: ['SEEK'], id: 'seek' })
			.catch(() => undefined);
		await fleet.clock.advance(1000);
		if (!central.isAlive()) await fleet.start('central');
		else assert.equal(crashAt, '', 'it should have crashed');
		await fleet.clock.advance(120_000);
		const { got } = storedContexts<{ got: string[] }>(fleet.folder('central'), 'seeker')[''] ?? {};
		assert.deepEqual(got, ['done: 1 heard'], crashAt);
		assert.deepEqual(rawRows(fleet.folder('central'), 'asks'), []);
		await fleet.stop();
	}
});

test('I41: Every message sent to a stopped, unknown or killed actor is visible in the dead letters with its target', async (t) => {
	// What could not be delivered is in the ledger of its sender, by its target and with the reason.
	const { fleet, world } = startWorld(t, { actors: [ledger] });
	world.strike = ({ arg }) => {
		if (arg === 'deadly') throw new TypeError('its actor dies of it');
	};
	const central = await fleet.start('central');
	const poor = { methods: world.methods.filter(({ name }) => name !== 'CROWD') };
	await fleet.start('ship1', poor);
	await central.send({ toNode: 'ship1', method: 'ledger', methodArgs: ['LEAVE'] });
	await fleet.clock.advance(1000);
	const wanted: [id: string, toNode: string, method: string, code: string][] = [
		[await central.send(hear('too late')), 'ship1', 'ledger', 'actor_done'],
		[
			await central.send(note('ship1', 'x', { method: 'CROWD' })),
			'ship1',
			'CROWD',
			'unknown_method',
		],
		[await central.send(note('ship1', 'deadly')), 'ship1', 'NOTE', 'max_attempts'],
		[
			await central.send(note('ghost', 'x', { ttl: 20, ACKTimeout: 5 })),
			'ghost',
			'NOTE',
			'expired',
		],
	];
	await fleet.clock.advance(120_000);
	const all = await central.ask<MessageRow>({ reeve: 'messages' });
	for (const [id, toNode, method, code] of wanted) {
		const row = all.find((each) => each.id === id);
		assert.deepEqual([row?.toNode, row?.method, row?.code], [toNode, method, code]);
		assert.ok(row?.settled && row.state !== 'done', code);
	}
	const dead = await fleet.node('ship1').ask<{ id: string; method: string }>({ reeve: 'dead' });
	assert.deepEqual(
		dead.map(({ id, method }) => [id, method]),
		[[wanted[2]?.[0], 'NOTE']],
	);
});

test("I44: No effect of a turn (publish, step, reply, timer) is observable outside the process before the turn's commit is flushed", async (t) => {
	const steps: string[] = [];
	const turn = { begins: () => {} };
	const noisy = defineActor({
		name: 'noisy',
		version: 1,
		machine: setup({
			types: { events: {} as { type: 'GO' } },
			actors: {
				work: step<string, string>({
					run(input) {
						steps.push(input);
						return input;
					},
				}),
			},
			guards: {
				begun: () => {
					turn.begins();
					return true;
				},
			},
		}).createMachine({
			id: 'noisy',
			initial: 'idle',
			states: {
				idle: {
					on: {
						GO: {
							guard: 'begun',
							target: 'working',
							actions: [
								publish('out/there', 'published'),
								send({ to: 'central', method: 'NOTE', args: ['sent'] }),
								reply('replied'),
							],
						},
					},
				},
				working: {
					type: 'parallel',
					states: {
						stepping: { invoke: { src: 'work', input: 'step' } },
						waiting: {
							initial: 'early',
							states: {
								early: {
									after: {
										1000: {
											target: 'late',
											actions: send({ to: 'central', method: 'NOTE', args: ['timer'] }),
										},
									},
								},
								late: {},
							},
						},
					},
				},
			},
		}),
	});
	for (const what of ['transactions', 'flushes'] as const) {
		steps.length = 0;
		const { fleet, world } = startWorld(t, { actors: [noisy] });
		const tap = tapWire(fleet);
		const outside = () =>
			tap.all.flatMap(({ from, publication: { topic } }) =>
				from === 'ship1' && !/_status|_ack/.test(topic) ? [topic] : [],
			);
		const central = await fleet.start('central');
		const ship = await fleet.start('ship1');
		let turns = 0;
		turn.begins = () => {
			turns += 1;
			ship.disk.hold(what);
		};
		const id = await central.send({ toNode: 'ship1', method: 'noisy', methodArgs: ['GO'] });
		await fleet.clock.advance(60_000);
		assert.equal(turns, 1, 'the turn was taken');
		const isCommitted = rawRows(fleet.folder('ship1'), 'snapshots').length === 1;
		assert.equal(isCommitted, what === 'flushes');
		assert.deepEqual([outside(), steps, world.ran('central')], [[], [], []], what);
		turn.begins = () => {};
		ship.disk.release();
		await fleet.clock.advance(60_000);
		assert.ok(outside().includes('out/there'), 'then it is published');
		assert.deepEqual(steps, ['step']);
		assert.equal((await central.row(id)).output, 'replied');
		assert.deepEqual(world.ran('central'), ['sent', 'timer']);
		await fleet.stop();
	}
});

test('I45: After kill -9 at any point of a turn, restart reaches the state and outbox of either before or after that turn, never between', async (t) => {
	const seen = new Set<number>();
	for (const point of [
		'journal.committed',
		'journal.flushed',
		'frame.received',
		'frame.accepted',
	]) {
		for (let count = 1; count <= 7; count += 2) {
			const { fleet } = startWorld(t, { actors: [ledger], seed: count });
			const central = await fleet.start('central');
			await fleet.start('ship1');
			await fleet.halt('ship1');
			for (const what of ['one', 'two', 'three']) {
				await central.send(hear(what));
				await fleet.clock.advance(10);
			}
			await fleet.start('ship1', { crashAt: `${point}:${count}` }).catch(() => undefined);
			fleet.hub.part('central');
			await fleet.clock.advance(5000);
			fleet.kill('ship1');
			const folder = fleet.folder('ship1');
			const { length } = storedContexts<Ledger>(folder, 'ledger')['']?.heard ?? [];
			const [lane] = rawRows(folder, 'lanes').filter(({ key }) => /NOTE/.test(String(key[0])));
			assert.equal(Number(lane?.value['next'] ?? 1) - 1, length, `${point}:${count}`);
			seen.add(length);
			fleet.hub.heal();
			await fleet.start('ship1');
			await fleet.clock.advance(180_000);
			const { heard } = storedContexts<Ledger>(folder, 'ledger')[''] ?? {};
			assert.deepEqual(heard, ['one', 'two', 'three'], `${point}:${count}`);
			await fleet.stop();
		}
	}
	assert.ok(seen.size > 1, 'some died before, and some after');
});
