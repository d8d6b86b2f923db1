/** Invariants of flow: how much may be under way or wait, and what a full disk means. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../actors/definition/definition.ts';
import { packMessage } from '../../runtime/message/codec.ts';
import { forSeeds, note, rawRows, startWorld, storedContexts } from '../simulation/world.ts';
import { tapWire } from '../simulation/wire-tap.ts';
import { messageOf } from '../support/messages.ts';

test('I18: Unresolved data messages per lane never exceed the last credit granted', async (t) => {
	await forSeeds(3, async (seed) => {
		const { fleet, world } = startWorld(t, { seed, config: { mailboxMessagesMax: 6 } });
		const tap = tapWire(fleet);
		await fleet.start('ship1');
		const central = await fleet.start('central');
		// Acknowledgements are brought by hand, so that it is known what has been granted and when.
		tap.swallowAcks(({ to }) => to === 'central');
		/** The last grant of each lane, and those before it under which frames may be on their way. */
		const granted = new Map<string, readonly number[]>();
		let [seen, brought, lowered] = [0, 0, 0];
		const check = (): void => {
			for (const { frame, to } of tap.frames.slice(seen)) {
				if (to !== 'ship1') continue;
				const { lane = '', first, rows } = frame;
				const upTo = Math.max(...(granted.get(lane) ?? [1]));
				assert.ok(
					first + rows.length - 1 <= upTo,
					`${lane}: ${first + rows.length - 1} of ${upTo}`,
				);
			}
			seen = tap.frames.length;
			for (const [lane, grants] of granted) granted.set(lane, grants.slice(-1));
		};
		for (let round = 0; round < 60; round += 1) {
			if (round % 10 === 0) world.hold();
			if (round % 10 === 6) world.release();
			for (let count = 0; count < 3; count += 1) {
				await central.send(note('ship1', `${round}`, { method: 'LATER', key: `k${count % 2}` }));
			}
			await fleet.clock.advance(fleet.clock.random() * 1500);
			check();
			for (const { to, ack, publication } of tap.acks.slice(brought)) {
				if (to !== 'central') continue;
				for (const { lane, upTo, credit } of ack.lanes) {
					// Without room a receiver is asked again with a single message.
					const grant = upTo + Math.max(credit, 1);
					if (grant < Math.max(...(granted.get(lane) ?? [1]))) lowered += 1;
					granted.set(lane, [...(granted.get(lane) ?? [1]), grant]);
				}
				await tap.replay(publication);
			}
			brought = tap.acks.length;
		}
		assert.ok(world.runs.length > 40, `${world.runs.length} have run`);
		assert.ok(lowered > 0, 'a grant is at times lower than the one before');
		await fleet.stop();
	});
});

test('I19: Total mailbox bytes never exceed high-water + one window per lane, whatever the senders do', async (t) => {
	const [highWater, rowBytes, windowRows, lanes] = [50_000, 1000, 20, 8];
	const { fleet, world } = startWorld(t, {
		config: { mailboxBytesMax: highWater, windowMessagesMax: windowRows },
	});
	const tap = tapWire(fleet);
	world.hold();
	await fleet.start('ship1');
	const central = await fleet.start('central');
	const bytes = () =>
		rawRows(fleet.folder('ship1'), 'mailbox').reduce((sum, { value }) => {
			assert.equal(typeof value['bytes'], 'number', 'a size');
			return sum + Number(value['bytes']);
		}, 0);
	const data = 'x'.repeat(rowBytes);
	const most = highWater + lanes * windowRows * (rowBytes + 300);
	for (let round = 0; round < 12; round += 1) {
		for (let lane = 0; lane < lanes / 2; lane += 1) {
			await central.send(note('ship1', 'x', { method: 'LATER', data, key: `k${lane}` }));
			// And others who care about no credit.
			const first = round * windowRows + 1;
			const rows = Array.from({ length: windowRows }, (_, at) => {
				const id = `rogue-${lane}-${first + at}`;
				const body = packMessage(messageOf({ id, method: 'LATER', kind: 'CommandACK', data }));
				return { id, ttlMs: 1e8, body };
			});
			await tap.forgeFrame(
				{ node: 'ship1', method: 'LATER' },
				{
					v: 1,
					from: 'rogue',
					storeId: 'rogue',
					epoch: 1,
					lane: `ship1/LATER/CommandACK/${lane}`,
					lo: 1,
					first,
					rows,
				},
			);
		}
		await fleet.clock.advance(2000);
		assert.ok(bytes() <= most, `${bytes()} bytes, of ${most}`);
	}
	assert.ok(bytes() >= highWater, 'it was filled');
	const nacks = tap.acks.flatMap(({ ack }) => ack.lanes.map(({ nack }) => nack));
	assert.ok(nacks.includes('mailbox_full'), 'and said so');
});

test('I20: Below low-water, credit is granted without any action of the sender within one second', async (t) => {
	const { fleet, world } = startWorld(t, { config: { mailboxMessagesMax: 6 } });
	const tap = tapWire(fleet);
	world.hold();
	await fleet.start('ship1');
	const central = await fleet.start('central');
	for (let count = 0; count < 12; count += 1) {
		await central.send(note('ship1', `${count}`, { method: 'LATER' }));
	}
	await fleet.clock.advance(5000);
	const lane = 'ship1/LATER/CommandACK/';
	assert.equal(tap.laneAcks(lane).at(-1)?.credit, 0);
	tap.swallowFrames(({ from }) => from === 'central');
	await fleet.clock.advance(300);
	const before = tap.laneAcks(lane).length;
	const asked = tap.frames.filter(({ from }) => from === 'central').length;
	world.release();
	await fleet.clock.advance(1000);
	const grants = tap.laneAcks(lane).slice(before);
	assert.ok(
		grants.some(({ credit }) => credit >= 3),
		JSON.stringify(grants),
	);
	const first = tap.acks.findIndex(({ ack }) => ack.lanes.some((each) => each === grants[0]));
	assert.ok(first >= 0 && asked <= tap.frames.length, 'the receiver did not have to ask');
	tap.swallowFrames();
	await fleet.clock.advance(60_000);
	assert.equal(world.runs.length, 12);
});

test("I21: With the receiver's disk full nothing is ACKed, nothing already accepted is lost, reads and acknowledgement of duplicates go on, and delivery resumes unaided when space returns", async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	world.hold();
	const ship = await fleet.start('ship1');
	const central = await fleet.start('central');
	const accepted = await central.send(note('ship1', 'accepted', { method: 'LATER' }));
	await fleet.clock.advance(1000);
	ship.disk.fill();
	const lane = 'ship1/LATER/CommandACK/';
	const later = [];
	for (const arg of ['one', 'two', 'three']) {
		later.push(await central.send(note('ship1', arg, { method: 'LATER' })));
		await fleet.clock.advance(30_000);
	}
	assert.ok(ship.disk.counts().failures > 0, 'it has tried to write');
	assert.equal(Math.max(...tap.laneAcks(lane).map(({ upTo }) => upTo)), 1, 'nothing new is ACKed');
	const nodes = await ship.ask<{ name: string }>({ reeve: 'nodes' });
	assert.deepEqual(
		nodes.map(({ name }) => name),
		['central'],
		'reads go on',
	);

	const duplicate = tap.frames.find(({ frame }) => frame.rows.some(({ id }) => id === accepted));
	assert.ok(duplicate, 'the frame of what was accepted');
	const before = tap.laneAcks(lane).length;
	await tap.replay(duplicate.publication);
	await fleet.settle();
	const [answer] = tap.laneAcks(lane).slice(before);
	assert.equal(answer?.upTo, 1, 'a duplicate is acknowledged');
	await assert.rejects(ship.send(note('central', 'x')), /disk is full/);

	ship.disk.free();
	world.release();
	await fleet.clock.advance(120_000);
	for (const id of [accepted, ...later]) assert.equal((await central.row(id)).state, 'done');
	assert.deepEqual(world.ran('ship1'), ['accepted', 'one', 'two', 'three']);
});

test("I22: With the sender's disk full send rejects with STORAGE_FULL, the caller's turn leaves no trace, and messages already journaled keep flowing", async (t) => {
	const { fleet, world } = startWorld(t);
	await fleet.start('ship1');
	const central = await fleet.start('central');
	await central.send(note('ship1', 'first'));
	await fleet.clock.advance(1000);
	await fleet.halt('ship1');
	for (const arg of ['second', 'third']) await central.send(note('ship1', arg));
	central.disk.fill();
	// The first message to meet the full disk waits: it gets no answer yet.
	const unlucky = central.send(note('ship1', 'unlucky', { id: 'unlucky' }));
	await fleet.clock.advance(2000);
	for (let count = 0; count < 5; count += 1) {
		await assert.rejects(central.send(note('ship1', 'refused', { id: `refused${count}` })), {
			code: 'storage_full',
		});
	}
	await fleet.start('ship1');
	await fleet.clock.advance(60_000);
	assert.deepEqual(world.ran('ship1'), ['first', 'second', 'third'], 'what was journaled flows');
	central.disk.free();
	await fleet.clock.advance(60_000);
	assert.equal(await unlucky, 'unlucky');
	assert.deepEqual(world.ran('ship1'), ['first', 'second', 'third', 'unlucky']);
	const known = await central.ask<{ id: string }>({ reeve: 'messages' });
	assert.ok(
		known.every(({ id }) => !id.startsWith('refused')),
		'no trace of what was refused',
	);
});

interface Sums {
	readonly heard: readonly number[];
}

test('I47: After a failed commit every actor of its batch is reloaded from disk, its messages run again in the original order, and no restart is counted', async (t) => {
	// We repeat the transaction instead: no actor has to be reloaded, and no message to run again.
	const moves = { count: 0 };
	const summer = defineActor({
		name: 'summer',
		version: 1,
		machine: setup({
			types: { context: {} as Sums, events: {} as { type: 'ADD'; by: number } },
			guards: {
				counted: () => {
					moves.count += 1;
					return true;
				},
			},
		}).createMachine({
			id: 'summer',
			context: { heard: [] },
			on: {
				ADD: {
					guard: 'counted',
					actions: assign({ heard: ({ context, event }) => [...context.heard, event.by] }),
				},
			},
		}),
	});
	const { fleet } = startWorld(t, { actors: [summer] });
	const ship = await fleet.start('ship1');
	const central = await fleet.start('central');
	const ids: string[] = [];
	for (let by = 0; by < 20; by += 1) {
		if (by === 5 || by === 12) ship.disk.fill();
		if (by === 9 || by === 16) ship.disk.free();
		const methodArgs = ['ADD', JSON.stringify({ by })];
		ids.push(
			await central.send({ toNode: 'ship1', method: 'summer', methodArgs, key: `k${by % 2}` }),
		);
		await fleet.clock.advance(3000);
	}
	await fleet.clock.advance(120_000);
	assert.ok(ship.disk.counts().failures > 4, 'commits have failed');
	const stored = storedContexts<Sums>(fleet.folder('ship1'), 'summer');
	const wanted = (rest: number) =>
		Array.from({ length: 20 }, (_, by) => by).filter((by) => by % 2 === rest);
	assert.deepEqual([stored['k0']?.heard, stored['k1']?.heard], [wanted(0), wanted(1)]);
	assert.equal(moves.count, 20, 'no message ran a second time');
	for (const id of ids) assert.equal((await central.row(id)).state, 'done');
	assert.equal(ship.node.signals.counts()['child.restarted'], undefined);
});

test('I55: With a full disk no supervisor reaches its restart intensity because of it', async (t) => {
	await forSeeds(2, async (seed) => {
		const { fleet, world } = startWorld(t, { seed, config: { startPubREQHello: 5 } });
		const nodes = [await fleet.start('central'), await fleet.start('ship1')];
		const [central, ship] = nodes;
		assert.ok(central && ship, 'two nodes');
		const taken: string[] = [];
		for (let round = 0; round < 40; round += 1) {
			const which = nodes[Math.floor(fleet.clock.random() * nodes.length)];
			if (round % 4 === 0) which?.disk.fill();
			if (round % 4 === 3) for (const { disk } of nodes) disk.free();
			const method = round % 2 === 0 ? 'NOTE' : 'CROWD';
			void central.send(note('ship1', `${round}`, { method })).then(
				(id) => taken.push(id),
				() => undefined,
			);
			await fleet.clock.advance(15_000);
		}
		await fleet.clock.advance(300_000);
		assert.ok(taken.length > 10, 'some were taken');
		for (const id of taken) assert.equal((await central.row(id)).state, 'done');
		assert.ok(world.runs.length >= taken.length, 'and ran');
		for (const { node, disk } of nodes) {
			assert.ok(disk.counts().failures > 10, 'the disk was full for long');
			for (const type of ['supervisor.gaveUp', 'child.restarted', 'node.stopping']) {
				assert.equal(node.signals.counts()[type], undefined, `${node.name}: ${type}`);
			}
		}
		await fleet.stop();
	});
});
