/** Invariants of the sending end: what was accepted is on disk, and leaves it only when it may. */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { defineActor } from '../../actors/definition/definition.ts';
import { send } from '../../actors/definition/effects.ts';
import { turnOfTheLoop } from '../../runtime/platform/clock.ts';
import { setup } from 'xstate';
import {
	changedRows,
	forSeeds,
	note,
	rawRows,
	startWorld,
	wholeJournal,
} from '../simulation/world.ts';
import { tapWire } from '../simulation/wire-tap.ts';
import { startHosts } from '../support/processes.ts';
import { laneName } from '../../runtime/protocol/lane.ts';

const inOutbox = (folder: string) =>
	rawRows(folder, 'outbox').map(({ value }) => String(value['id']));
const inLedger = (folder: string) => rawRows(folder, 'ledger').map(({ key }) => String(key[0]));

test('I1: A message whose send promise resolved is found in the journal after kill -9 at any later instant', async (t) => {
	const hosts = await startHosts(t, 'mqtt://127.0.0.1:9');
	const central = hosts.start({ node: 'central', host: 'shore' });
	await central.ready;
	const messages = Array.from({ length: 100 }, (_, at) => ({
		toNode: 'ship1',
		method: 'REQPing',
		id: `m${at}`,
	}));
	const answered: string[] = [];
	await new Promise<void>((resolve) => {
		const socket = createConnection(central.socket, () => {
			for (const message of messages) socket.write(`${JSON.stringify(message)}\n`);
		});
		socket.on('error', () => {});
		// It reports the errors of its input a second time.
		const lines = createInterface({ input: socket }).on('error', () => {});
		lines.on('line', (line) => {
			const { id } = JSON.parse(line) as { id?: string };
			if (id !== undefined) answered.push(id);
			// As soon as it is known that it was taken, in the middle of the others.
			if (answered.length === 1) central.child.kill('SIGKILL');
		});
		socket.once('close', () => resolve());
	});
	await central.ended;
	assert.ok(answered.length > 0, 'something was answered');
	const kept = inOutbox(central.databaseFolder);
	for (const id of answered) assert.ok(kept.includes(id), id);

	for (const crashAt of [
		'intake.flushed:2',
		'journal.committed:6',
		'frame.sent:2',
		'ack.received',
	]) {
		const { fleet } = startWorld(t);
		await fleet.start('ship1');
		const sender = await fleet.start('central', { crashAt });
		const taken: string[] = [];
		for (let count = 0; count < 8 && sender.isAlive(); count += 1) {
			await sender.send(note('ship1', `${count}`)).then(
				(id) => taken.push(id),
				() => undefined,
			);
			await fleet.clock.advance(50);
		}
		assert.ok(!sender.isAlive(), crashAt);
		const ledger = inLedger(fleet.folder('central'));
		for (const id of taken) assert.ok(ledger.includes(id), `${id} after ${crashAt}`);
	}
});

test('I2: No PUBLISH of kind data leaves before its journal row is flushed', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	await fleet.start('ship1');
	const central = await fleet.start('central');
	await central.send(note('ship1', 'first'));
	await fleet.clock.advance(1000);
	const before = tap.frames.filter(({ from }) => from === 'central').length;
	assert.equal(before, 1);
	for (const [hold, arg] of [
		[() => central.disk.hold(), 'not committed'],
		[() => central.disk.hold('flushes'), 'not flushed'],
	] as const) {
		hold();
		const sent = central.send(note('ship1', arg));
		await fleet.clock.advance(120_000);
		const ids = tap.frames.flatMap(({ frame }) => frame.rows.map(({ id }) => id));
		central.disk.release();
		const id = await sent;
		assert.ok(!ids.includes(id), arg);
		await fleet.clock.advance(1000);
	}
	assert.deepEqual(world.ran('ship1'), ['first', 'not committed', 'not flushed']);
});

test('I3: If the turn that called send does not commit, no copy of the message is ever published', async (t) => {
	const turns = { count: 0, now: () => {} };
	const courier = defineActor({
		name: 'courier',
		version: 1,
		machine: setup({
			types: { events: {} as { type: 'GO' } },
			guards: {
				counted: () => {
					turns.count += 1;
					turns.now();
					return true;
				},
			},
		}).createMachine({
			id: 'courier',
			on: {
				GO: {
					guard: 'counted',
					actions: send({ to: 'central', method: 'NOTE', args: ['from a turn'] }),
				},
			},
		}),
	});
	const { fleet, world } = startWorld(t, { actors: [courier] });
	const tap = tapWire(fleet);
	const central = await fleet.start('central');
	const ship = await fleet.start('ship1');
	const sent = () =>
		tap.frames.flatMap(({ from, method, frame }) =>
			from === 'ship1' && method === 'NOTE' ? frame.rows.map(({ id }) => id) : [],
		);
	turns.now = () => ship.disk.fill();
	const id = await central.send({ toNode: 'ship1', method: 'courier', methodArgs: ['GO'] });
	await fleet.clock.advance(30_000);
	assert.equal(turns.count, 1);
	assert.ok(ship.disk.counts().failures > 0, 'the commit of the turn has failed');
	assert.deepEqual(sent(), []);
	fleet.kill('ship1');
	await fleet.clock.advance(30_000);
	turns.now = () => {};
	await fleet.start('ship1');
	await fleet.clock.advance(60_000);
	assert.equal(turns.count, 2, 'the turn was taken again');
	assert.equal(new Set(sent()).size, 1);
	assert.deepEqual(world.ran('central'), ['from a turn']);
	assert.equal((await central.row(id)).state, 'done');
});

test('I4: A journal row is deleted only after an application ACK whose msgId matches, never after a PUBACK, a NACK or a give-up', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	tap.swallowAcks(({ to }) => to === 'central');
	await fleet.start('ship1');
	const central = await fleet.start('central');
	const id = await central.send(note('ship1', 'x', { retries: 3, ACKTimeout: 5 }));
	const kept = () => inOutbox(fleet.folder('central')).includes(id);
	await fleet.clock.advance(20_000);
	assert.ok(tap.frames.length >= 3, 'the broker has acknowledged it several times');
	assert.ok(kept(), 'after PUBACKs');

	const real = tap.acks.find(({ to }) => to === 'central')?.ack;
	const [lane] = real?.lanes ?? [];
	assert.ok(real && lane?.upTo === 1, 'its acknowledgement is known');
	const forged = async (change: object) => {
		await tap.forgeAck('central', { ...real, lanes: [{ ...lane, ...change }] });
		await fleet.settle();
	};
	await forged({ upTo: 0, id: '', nack: 'mailbox_full', retryMs: 1000 });
	assert.ok(kept(), 'after a NACK');
	await fleet.clock.advance(120_000);
	const [row] = rawRows(fleet.folder('central'), 'outbox');
	assert.equal(row?.value['skip'], true);
	assert.ok(kept(), 'after it was given up');
	await forged({ id: 'another', epoch: 0 });
	assert.ok(kept(), 'after an ACK about another message');
	await forged({});
	assert.ok(!kept(), 'and it goes with its own');
	await fleet.clock.advance(60_000);
	assert.deepEqual(world.ran('ship1'), ['x']);
});

test('I5: An ACK for seq n is published only after the mailbox row, or the durable refusal, of every seq <= n of that lane is flushed', async (t) => {
	const { fleet } = startWorld(t);
	const tap = tapWire(fleet);
	const ship = await fleet.start('ship1');
	const central = await fleet.start('central');
	await central.send(note('ship1', 'first'));
	await fleet.clock.advance(1000);
	const wrong = { toNode: 'ship1', method: 'CROWD', methodArgs: ['x'] };
	await central.send(wrong);
	await fleet.clock.advance(1000);
	const highest = (method: string) =>
		Math.max(0, ...tap.laneAcks(`ship1/${method}/CommandACK/`).map(({ upTo }) => upTo));
	assert.deepEqual([highest('NOTE'), highest('CROWD')], [1, 1]);

	// From here on CROWD is not taken at ship1 any more, which is a refusal for good.
	await fleet.halt('ship1');
	const { methods } = startWorld(t).world;
	const poor = await fleet.start('ship1', {
		methods: methods.filter(({ name }) => name === 'NOTE'),
	});
	await fleet.clock.advance(1000);
	poor.disk.hold('flushes');
	await central.send(note('ship1', 'second'));
	await central.send(wrong);
	await fleet.clock.advance(120_000);
	assert.deepEqual([highest('NOTE'), highest('CROWD')], [1, 1], 'nothing is flushed yet');
	assert.equal(rawRows(fleet.folder('ship1'), 'refusals').length, 1, 'though it is committed');
	poor.disk.release();
	await fleet.clock.advance(120_000);
	assert.deepEqual([highest('NOTE'), highest('CROWD')], [2, 2]);
	assert.deepEqual(tap.laneAcks('ship1/CROWD/CommandACK/').at(-1)?.except, [[2, 'unknown_method']]);
	assert.ok(!ship.isAlive(), 'it was another process');

	// While one transaction is flushed the next one waits, and what it is about must not be told with
	// it.
	await fleet.start('ship1');
	await fleet.clock.advance(1000);
	const { disk } = fleet.node('ship1');
	disk.hold('transactions');
	for (const arg of ['third', 'fourth']) {
		await central.send(note('ship1', arg));
		await fleet.clock.advance(20);
	}
	disk.release();
	await turnOfTheLoop();
	disk.hold('transactions');
	await fleet.clock.advance(20);
	const onDisk = rawRows(fleet.folder('ship1'), 'cursors').find(({ key }) =>
		/NOTE/.test(`${key[1]}`),
	);
	assert.equal(onDisk?.value['upTo'], 3, 'only the third is on disk');
	assert.equal(highest('NOTE'), 3);
	disk.release();
	await fleet.clock.advance(1000);
	assert.equal(highest('NOTE'), 4);
});

test('I6: Within one lane mailbox rows are appended in strictly increasing seq without a hole, except seqs the sender declared resolved', async (t) => {
	await forSeeds(4, async (seed) => {
		const faults = { loss: 0.2, double: 0.3, reorder: 0.5, delayMs: [1, 800] } as const;
		const { fleet, world } = startWorld(t, { seed, faults });
		world.hold();
		await fleet.start('ship1');
		const central = await fleet.start('central');
		const ids: string[] = [];
		for (let count = 0; count < 60; count += 1) {
			const key = count % 2 === 0 ? 'a' : 'b';
			// Some are given up on the way, and resolved as skipped.
			const more = count % 7 === 0 ? { retries: 1, ACKTimeout: 1 } : {};
			ids.push(await central.send(note('ship1', `${count}`, { method: 'LATER', key, ...more })));
			await fleet.clock.advance(fleet.clock.random() * 300);
			if (count === 30) {
				fleet.kill('ship1');
				await fleet.clock.advance(5000);
				await fleet.start('ship1');
			}
		}
		fleet.hub.disturb({ loss: 0, double: 0, reorder: 0, delayMs: [0, 0] });
		await fleet.clock.advance(300_000);
		const rows = rawRows(fleet.folder('ship1'), 'mailbox').filter(({ key }) => key[0] === 'LATER');
		const refused = rawRows(fleet.folder('ship1'), 'refusals');
		for (const key of ['a', 'b']) {
			const lane = laneName({ toNode: 'ship1', method: 'LATER', kind: 'CommandACK', key });
			const seqs = rows.flatMap(({ value }) =>
				value['lane'] === lane ? [Number(value['seq'])] : [],
			);
			const wanted = ids.filter((_, at) => (at % 2 === 0 ? 'a' : 'b') === key);
			const states = await Promise.all(wanted.map((id) => central.row(id)));
			const skipped = states.flatMap(({ state }, at) => (state === 'expired' ? [at + 1] : []));
			const all = Array.from({ length: 30 }, (_, at) => at + 1);
			assert.deepEqual(
				seqs,
				all.filter((seq) => !skipped.includes(seq)),
				lane,
			);
			assert.ok(
				refused.every(({ value }) => JSON.stringify(value) === '"skipped"'),
				'skips only',
			);
		}
	});
});

test('I7: Delivering any accepted message k extra times, in any order, changes no byte of receiver state except counters', async (t) => {
	await forSeeds(3, async (seed) => {
		const { fleet, world } = startWorld(t, { seed });
		const tap = tapWire(fleet);
		world.hold();
		await fleet.start('ship1');
		const central = await fleet.start('central');
		for (let count = 0; count < 12; count += 1) {
			const method = count % 3 === 0 ? 'LATER' : 'NOTE';
			await central.send(note('ship1', `${count}`, { method, key: `k${count % 2}` }));
			await fleet.clock.advance(100);
		}
		const packets = tap.frames.filter(({ to }) => to === 'ship1');
		assert.ok(packets.length >= 12, 'something to deliver again');
		for (const isAtRest of [false, true]) {
			if (isAtRest) world.release();
			await fleet.clock.advance(10_000);
			const before = wholeJournal(fleet.folder('ship1'));
			const runs = world.runs.length;
			const acks = tap.acks.length;
			for (let extra = 0; extra < 60; extra += 1) {
				const passing = packets[Math.floor(fleet.clock.random() * packets.length)];
				if (passing) await tap.replay(passing.publication);
				if (extra % 5 === 0) await fleet.clock.advance(10);
			}
			await fleet.clock.advance(1000);
			assert.deepEqual(changedRows(fleet.folder('ship1'), before), []);
			assert.equal(world.runs.length, runs);
			assert.ok(tap.acks.length > acks, 'each of them was answered');
		}
	});
});

test('I8: Cursor and mailbox row of a message are both present or both absent after a crash at any instruction', async (t) => {
	const points = ['frame.received', 'journal.committed', 'journal.flushed', 'frame.accepted'];
	let found = 0;
	for (const point of points) {
		for (const count of [1, 2, 3, 5]) {
			const { fleet, world } = startWorld(t, { seed: count });
			world.hold();
			const central = await fleet.start('central');
			await fleet.start('ship1');
			await fleet.halt('ship1');
			for (let at = 0; at < 6; at += 1) {
				await central.send(note('ship1', `${at}`, { method: 'LATER' }));
			}
			const started = fleet.start('ship1', { crashAt: `${point}:${count}` });
			await started.catch(() => undefined);
			await fleet.clock.advance(20_000);
			const folder = fleet.folder('ship1');
			const [cursor] = rawRows(folder, 'cursors').filter(({ key }) =>
				String(key[1]).includes('LATER'),
			);
			const rows = rawRows(folder, 'mailbox').map(({ value }) => Number(value['seq']));
			const upTo = Number(cursor?.value['upTo'] ?? 0);
			found += upTo;
			assert.deepEqual(
				rows,
				Array.from({ length: upTo }, (_, at) => at + 1),
				`${point}:${count}`,
			);
			world.release();
			await fleet.stop();
		}
	}
	assert.ok(found > 0, 'some crashed after it was accepted');
});
