/**
 * Invariants of what lies between two nodes: brokers that forget, links that break, MQTT
 * clients.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { createPresence } from '../../runtime/network/presence.ts';
import { createSignals } from '../../runtime/observability/signals.ts';
import { monitorRemote } from '../../supervisors/otp/monitors.ts';
import type { SimulatedFleet, SimulatedNode } from '../../supervisors/testing/simulated-fleet.ts';
import { startBroker } from '../../transports/mqtt/embedded-broker.ts';
import { forSeeds, note, rawRows, startWorld, type World } from '../simulation/world.ts';
import { tapWire } from '../simulation/wire-tap.ts';
import { signalOf, startLocalNode } from '../support/local-nodes.ts';
import type { NodeRow } from '../../runtime/queries/question.ts';

/** Sends to both lanes of a ship for a while, and returns what was sent. */
async function traffic(fleet: SimulatedFleet, disturb: (round: number) => void) {
	const central = fleet.node('central');
	const ids: string[] = [];
	for (let round = 0; round < 40; round += 1) {
		disturb(round);
		ids.push(await central.send(note('ship1', `${round}`, { key: `k${round % 2}` })));
		await fleet.clock.advance(fleet.clock.random() * 2000);
	}
	return ids;
}

/** All is done, once, and in the order of each lane. */
async function assertComplete(central: SimulatedNode, ids: readonly string[], world: World) {
	for (const id of ids) assert.equal((await central.row(id)).state, 'done', id);
	for (const rest of [0, 1]) {
		const ran = world.ran('ship1').filter((arg) => Number(arg) % 2 === rest);
		const sent = ids.map((_, at) => `${at}`).filter((arg) => Number(arg) % 2 === rest);
		assert.deepEqual(ran, sent);
	}
}

test('I23: kill -9 of the broker with its state wiped loses no data message and causes no second processing', async (t) => {
	let lost = 0;
	await forSeeds(3, async (seed) => {
		const { fleet, world } = startWorld(t, { seed, faults: { delayMs: [1, 500] } });
		const central = await fleet.start('central');
		await fleet.start('ship1');
		const ids = await traffic(fleet, (round) => {
			if (round % 3 === 0) fleet.hub.restart();
		});
		await fleet.clock.advance(60_000);
		lost += fleet.hub.counts().lost;
		await assertComplete(central, ids, world);
		await fleet.stop();
	});
	assert.ok(lost > 0, 'something was under way when the broker died');
});

test('I24: A broker that drops, duplicates, delays or reorders any subset of PUBLISH packets for a time, then behaves, loses nothing and breaks no order within a lane', async (t) => {
	// How much goes wrong is chance, and how busy the disk is: over all seeds, each kind does.
	const wrong = { lost: 0, doubled: 0, reordered: 0, parted: 0 };
	await forSeeds(5, async (seed) => {
		const faults = { loss: 0.35, double: 0.3, reorder: 0.5, delayMs: [0, 4000] } as const;
		const { fleet, world } = startWorld(t, { seed, faults });
		const central = await fleet.start('central');
		await fleet.start('ship1');
		const ids = await traffic(fleet, (round) => {
			if (round % 8 === 3) fleet.hub.part('ship1');
			if (round % 8 === 6) fleet.hub.heal();
			// Its birth is a PUBLISH like any other.
			if (round === 20) fleet.kill('ship1');
			if (round === 22) void fleet.start('ship1');
		});
		fleet.hub.heal();
		fleet.hub.disturb({ loss: 0, double: 0, reorder: 0, delayMs: [0, 0] });
		await fleet.clock.advance(3_600_000);
		const counts = fleet.hub.counts();
		for (const kind of ['lost', 'doubled', 'reordered', 'parted'] as const) {
			wrong[kind] += counts[kind];
		}
		await assertComplete(central, ids, world);
		await fleet.stop();
	});
	for (const [kind, count] of Object.entries(wrong)) assert.ok(count > 0, `none was ${kind}`);
});

test('I25: After reconnect with session-present false, subscriptions are restored and unresolved messages resent within one second, without waiting for a timer', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	await fleet.start('ship1');
	const sender = await fleet.start('central');
	tap.swallowFrames(({ from }) => from === 'central');
	await sender.send(note('ship1', 'lost', { ACKTimeout: 3600 }));
	await fleet.clock.advance(10_000);
	tap.swallowFrames();
	fleet.hub.restart();
	await fleet.settle();
	assert.deepEqual(world.ran('ship1'), ['lost'], 'no time has passed');

	// Only a real broker knows what a subscription is.
	const broker = await startBroker('127.0.0.1:0');
	const { host } = new URL(broker.address);
	const values = { resendMsMin: 60_000, resendMsMax: 60_000 };
	const start = (name: string) => startLocalNode(t, { name, broker: broker.address, values });
	const [central, ship] = await Promise.all([start('central'), start('ship1')]);
	await Promise.all([signalOf(central, 'node.seen'), signalOf(ship, 'node.seen')]);
	await broker.stop();
	const ping = { toNode: 'ship1', method: 'REQPing', ACKTimeout: 3600 };
	const [answer] = await central.api.accept(ping, 'spec');
	assert.ok(answer && 'id' in answer, 'it was taken');
	const again = await startBroker(host);
	t.after(() => again.stop());
	const acked = await signalOf(central, 'delivery.acked');
	const ups = [central, ship].flatMap(({ signals }) =>
		signals
			.recent()
			.filter((signal) => signal.type === 'transport.up' && signal.transport === 'mqtt'),
	);
	assert.ok(ups.length >= 4, 'both have connected again');
	const tookMs = acked.at - Math.max(...ups.map(({ at }) => at));
	assert.ok(tookMs < 1000, `${tookMs} ms after both were there`);
});

const onceTopic = 'reeve/ship1/NOTE/CommandNACK';
const publication = (topic: string, message: object) => ({
	topic,
	payload: Buffer.from(JSON.stringify(message)),
	qos: 1 as const,
	retain: false,
});

test('I38: An at-most-once message is started at most once, also when the broker redelivers it with DUP and the process is killed during the handler', async (t) => {
	const { fleet, world } = startWorld(t);
	world.strike = ({ node, arg }) => {
		if (arg === 'deadly') fleet.kill(node);
	};
	const central = await fleet.start('central');
	await fleet.start('ship1');
	const kind = 'CommandNACK';
	const deadly = publication(onceTopic, { methodArgs: ['deadly'] });
	await central.send(note('ship1', 'harmless', { kind }));
	await fleet.clock.advance(1000);
	void fleet.hub.publish(deadly);
	await fleet.clock.advance(1000);
	assert.ok(!fleet.isAlive('ship1'), 'it was killed in the handler');
	await fleet.start('ship1');
	await fleet.hub.publish(deadly, { isRepeat: true });
	await fleet.clock.advance(60_000);
	assert.deepEqual(world.ran('ship1'), ['harmless', 'deadly']);
	await central.send(note('ship1', 'deadly', { kind }));
	await fleet.clock.advance(1000);
	await fleet.start('ship1');
	await fleet.clock.advance(60_000);
	assert.deepEqual(
		world.ran('ship1'),
		['harmless', 'deadly', 'deadly'],
		'two messages, two starts',
	);
	assert.equal(fleet.node('ship1').node.signals.counts()['message.dropped'], undefined);
});

test('I39: A dropped at-most-once message raises a counter; while the process lives, started plus dropped plus queued equals received', async (t) => {
	await forSeeds(2, async (seed) => {
		const { fleet, world } = startWorld(t, { seed, config: { mailboxMessagesMax: 5 } });
		const tap = tapWire(fleet);
		const ship = await fleet.start('ship1');
		const central = await fleet.start('central');
		let dropped = 0;
		for (let round = 0; round < 60; round += 1) {
			if (round % 12 === 0) world.hold();
			if (round % 12 === 9) world.release();
			await central.send(note('ship1', `${round}`, { method: 'LATER', kind: 'CommandNACK' }));
			await fleet.clock.advance(fleet.clock.random() * 100);
			const [box] = (
				await ship.ask<{ name: string; waiting: number }>({ reeve: 'processes' })
			).filter(({ name }) => name === 'LATER.subscriber');
			dropped = ship.node.signals.counts()['message.dropped'] ?? 0;
			const received = tap.frames.filter(({ frame }) => frame.lane === undefined).length;
			assert.equal(received, round + 1);
			assert.equal(world.runs.length + dropped + (box?.waiting ?? 0), received);
		}
		assert.ok(dropped > 5, 'some were dropped');
		await fleet.stop();
	});
});

test('I40: A message from a plain MQTT client with QoS 1 is PUBACKed only after it is flushed; with an id property it is processed once, without one at least once', async (t) => {
	const { fleet, world } = startWorld(t);
	const ship = await fleet.start('ship1');
	const topic = 'reeve/ship1/NOTE/CommandACK';
	const named = publication(topic, { id: 'named', methodArgs: ['named'] });
	const nameless = publication(topic, { methodArgs: ['nameless'] });
	for (const what of ['transactions', 'flushes'] as const) {
		ship.disk.hold(what);
		let isAcked = false;
		const acked = fleet.hub.publish(named).then(() => (isAcked = true));
		await fleet.clock.advance(60_000);
		assert.ok(!isAcked, `the ${what} wait`);
		ship.disk.release();
		await acked;
	}
	await fleet.clock.advance(1000);
	assert.deepEqual(world.ran('ship1'), ['named']);

	// Without its PUBACK the broker delivers it again to the next process.
	ship.disk.hold('flushes');
	void fleet.hub.publish(nameless);
	void fleet.hub.publish(named);
	await fleet.settle();
	fleet.kill('ship1');
	await fleet.start('ship1');
	await Promise.all([
		fleet.hub.publish(nameless, { isRepeat: true }),
		fleet.hub.publish(named, { isRepeat: true }),
	]);
	await fleet.clock.advance(10_000);
	const ran = world.ran('ship1');
	assert.equal(ran.filter((arg) => arg === 'named').length, 1);
	assert.ok(ran.includes('nameless'), 'at least once');
});

test('I42: A death of an older epoch never marks a node of a newer epoch as gone', async (t) => {
	const { fleet } = startWorld(t);
	const wills: Parameters<typeof fleet.hub.publish>[0][] = [];
	fleet.hub.watch((from, passing) => {
		const isWill =
			from === 'ship1' && /"state":"offline"/.test(Buffer.from(passing.payload).toString());
		if (isWill) wills.push(passing);
		// As if the broker had noticed none of the deaths in time.
		return !isWill;
	});
	const central = await fleet.start('central');
	for (let start = 0; start < 3; start += 1) {
		await fleet.start('ship1');
		await fleet.clock.advance(1000);
		if (start < 2) fleet.kill('ship1');
	}
	const state = async () =>
		(await central.ask<NodeRow>({ reeve: 'nodes' })).find(({ name }) => name === 'ship1');
	assert.equal(wills.length, 2);
	const gone = central.node.signals.counts()['node.gone'] ?? 0;
	for (const will of wills.toReversed()) {
		await fleet.hub.publish({ ...will, retain: false });
		await fleet.settle();
		const row = await state();
		assert.deepEqual([row?.state, row?.epoch], ['online', 3]);
	}
	assert.equal(central.node.signals.counts()['node.gone'] ?? 0, gone);
});

test('I43: A monitor of a remote actor fires exactly once: with the exit reason if known, else noconnection, within session expiry + will delay', async (t) => {
	// In the simulation the broker tells of a death at once: both delays are nothing.
	for (const end of ['kill', 'halt', 'cut', 'exit'] as const) {
		const { fleet } = startWorld(t);
		const central = await fleet.start('central');
		await fleet.start('ship1');
		const { clock } = fleet;
		const presence = createPresence({ clock, signals: createSignals(clock) });
		const births = await central.ask<NodeRow>({ reeve: 'nodes' });
		for (const { name: node, ...row } of births) presence.learn({ v: 1, node, ...row });
		central.node.signals.subscribe((signal) => {
			if (signal.type === 'node.seen') {
				const { name: node, storeId, epoch } = signal;
				presence.learn({ v: 1, node, storeId, epoch, state: 'online' });
			}
			const known = signal.type === 'node.gone' && presence.get(signal.name);
			if (known) presence.learn({ v: 1, node: known.name, ...known, state: 'offline' });
		});
		const fired: string[] = [];
		let tell: (reason: 'shutdown') => void = () => {};
		const exits = (_target: object, see: typeof tell) => {
			tell = see;
			return () => {};
		};
		monitorRemote({ node: 'ship1', name: 'x' }, { presence, exits }, ({ reason }) => {
			fired.push(typeof reason === 'string' ? reason : 'an error');
		});
		await fleet.clock.advance(60_000);
		assert.deepEqual(fired, [], 'it lives');
		if (end === 'exit') tell('shutdown');
		if (end === 'cut') fleet.hub.cut('ship1');
		if (end === 'halt') await fleet.halt('ship1');
		else fleet.kill('ship1');
		await fleet.settle();
		assert.deepEqual(fired, [end === 'exit' ? 'shutdown' : 'noconnection'], end);
		await fleet.start('ship1');
		await fleet.clock.advance(60_000);
		fleet.kill('ship1');
		await fleet.clock.advance(60_000);
		assert.equal(fired.length, 1, 'once and for all');
		await fleet.stop();
	}
});

test('I54: No refusal of kind lane stop resolves, expires or dead-letters a message', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	const ship = await fleet.start('ship1');
	const central = await fleet.start('central');
	let mayPass = false;
	tap.swallowFrames(({ from }) => from === 'central' && !mayPass);
	const id = await central.send(note('ship1', 'x', { ACKTimeout: 3 }));
	for (const nack of ['stale_epoch', 'wrong_store', 'seq_reused']) {
		await fleet.clock.advance(5000);
		const { storeId: forStoreId, epoch } = tap.frames.at(-1)?.frame ?? assert.fail('no frame');
		const lane = 'ship1/NOTE/CommandACK/';
		await tap.forgeAck('central', {
			v: 1,
			from: 'ship1',
			storeId: ship.node.storeId,
			epoch: 1,
			forStoreId,
			lanes: [{ lane, epoch, upTo: 1, id, credit: 9, except: [[1, 'unknown_method']], nack }],
		});
		await fleet.clock.advance(5000);
		const stopped = central.node.signals.recent().filter(({ type }) => type === 'delivery.stopped');
		assert.ok(
			stopped.some((signal) => 'code' in signal && signal.code === nack),
			nack,
		);
		assert.equal((await central.row(id)).settled, false, nack);
		assert.equal(rawRows(fleet.folder('central'), 'outbox').length, 1, nack);
	}
	assert.equal(rawRows(fleet.folder('central'), 'dead').length, 0);
	mayPass = true;
	await fleet.clock.advance(120_000);
	assert.equal((await central.row(id)).state, 'done');
	assert.deepEqual(world.ran('ship1'), ['x']);
});
