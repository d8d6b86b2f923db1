/**
 * Invariants of who may speak and write: names, folders, signatures, and nodes that died too often.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import mqtt from 'mqtt';
import { formatTopic } from '../../runtime/message/topics.ts';
import { createSigner } from '../../runtime/security/signing.ts';
import type { RunningNode } from '../../supervisors/node/node.ts';
import { startBroker } from '../../transports/mqtt/embedded-broker.ts';
import {
	changedRows,
	createWorld,
	note,
	rawRows,
	startWorld,
	wholeJournal,
} from '../simulation/world.ts';
import { tapWire } from '../simulation/wire-tap.ts';
import { missing, startMosquitto } from '../support/broker.ts';
import { ask, send, settled, signalOf, startLocalNode } from '../support/local-nodes.ts';
import { refused, startSigningFleet } from '../support/signing-fleet.ts';
import { temporaryFolder } from '../support/temporary.ts';
import type { NodeRow } from '../../runtime/queries/question.ts';
import { packAcknowledgement } from '../../runtime/protocol/acknowledgement.ts';

/** Resolves once a node is connected, and not only its socket there. */
const onMqtt = (node: RunningNode) =>
	signalOf(node, 'transport.up', ({ transport }) => transport === 'mqtt');

/** DISCONNECT of MQTT 5 with the reason 0x8E, session taken over. */
const takenOver = Buffer.from([0xe0, 0x02, 0x8e, 0x00]);

/**
 * A way to a broker that notes who connects, and can tell them that their session was taken over.
 */
async function startTollgate(t: TestContext, port: number) {
	const connects: string[] = [];
	const sockets = new Map<string, Socket>();
	const server = createServer((socket) => {
		const onward = connect(port, '127.0.0.1');
		socket.once('data', (packet) => {
			const id = /reeve:[\w:]+/.exec(packet.toString('latin1'))?.[0] ?? '';
			connects.push(id);
			sockets.set(id, socket);
		});
		socket.pipe(onward).pipe(socket);
		for (const each of [socket, onward]) each.on('error', () => each.destroy());
		socket.on('close', () => onward.destroy());
		onward.on('close', () => socket.destroy());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => server.close());
	const { port: own } = server.address() as AddressInfo;
	return {
		address: `mqtt://127.0.0.1:${own}`,
		connects,
		takeOver: (id: string) => sockets.get(id)?.end(takenOver),
	};
}

test(
	'I26: A node that receives 0x8E does not reconnect with that client id before a claim succeeded',
	{ skip: missing('mosquitto') },
	async (t) => {
		const { port } = await startMosquitto(t);
		const gate = await startTollgate(t, port);
		const ship = await startLocalNode(t, { name: 'ship1', broker: gate.address });
		await onMqtt(ship);
		assert.ok(gate.connects.includes('reeve:ship1'), 'it goes by its name');
		const before = gate.connects.length;
		const claims = () => ship.signals.recent().filter(({ type }) => type === 'name.granted').length;
		assert.equal(claims(), 1);
		const order: string[] = [];
		const back = new Promise<void>((resolve) => {
			ship.signals.subscribe((signal) => {
				const { type } = signal;
				if (type === 'name.granted') order.push(type, ...gate.connects.slice(before));
				if (type === 'transport.up' && signal.transport === 'mqtt') resolve();
			});
		});
		gate.takeOver('reeve:ship1');
		await back;
		const [granted, ...earlier] = order;
		assert.equal(granted, 'name.granted', 'it had to claim its name again');
		assert.ok(earlier.length > 0, 'under another id');
		assert.ok(!earlier.includes('reeve:ship1'), 'and not before under its own');
		assert.ok(gate.connects.slice(before).includes('reeve:ship1'), 'and then it does');
	},
);

test('I27: Of two processes on one data directory only the one with the highest epoch can commit; the other stops sending after its first refused commit', async (t) => {
	const { fleet, world } = startWorld(t);
	const tap = tapWire(fleet);
	await fleet.start('central');
	const older = await fleet.start('ship1');
	await older.send(note('central', 'before'));
	await fleet.clock.advance(1000);
	// Another name, so that the wire does not tell the older one: it has to find out by itself.
	const newer = await fleet.start('ship2', {
		folder: fleet.folder('ship1'),
		choices: { identity: 'adopt' },
	});
	assert.equal(newer.node.storeId, older.node.storeId);
	assert.equal(newer.node.epoch, older.node.epoch + 1);
	const whole = wholeJournal(fleet.folder('ship1'));
	const mark = tap.all.length;
	await assert.rejects(older.send(note('central', 'too late', { id: 'too-late' })), {
		code: 'fenced',
	});
	await fleet.clock.advance(120_000);
	assert.equal(await older.node.ended, 'fenced');
	assert.deepEqual(changedRows(fleet.folder('ship1'), whole), [], 'it has written nothing');
	assert.deepEqual(
		tap.all.slice(mark).filter(({ from }) => from === 'ship1'),
		[],
		'and says nothing any more',
	);
	await newer.send(note('central', 'after'));
	await fleet.clock.advance(120_000);
	assert.deepEqual(world.ran('central'), ['before', 'after']);
});

test('I28: Of two hosts using one node name at most one processes data messages once both can reach the broker for claim timeout + will delay, and neither corrupts a cursor of the other', async (t) => {
	const broker = await startBroker('127.0.0.1:0');
	t.after(() => broker.stop());
	const [one, two] = [createWorld(), createWorld()];
	const at = { broker: broker.address };
	const central = await startLocalNode(t, {
		...at,
		name: 'central',
		methods: createWorld().methods,
	});
	const [oneFolder, twoFolder] = [temporaryFolder(t), temporaryFolder(t)];
	const first = await startLocalNode(t, {
		...at,
		name: 'ship1',
		host: 'one',
		methods: one.methods,
		folder: oneFolder,
	});
	await signalOf(first, 'name.granted');
	const second = await startLocalNode(t, {
		...at,
		name: 'ship1',
		host: 'two',
		methods: two.methods,
		folder: twoFolder,
	});
	await signalOf(second, 'name.denied');
	for (const arg of ['1', '2', '3']) {
		await settled(central, await send(central, note('ship1', arg, { replyMethod: 'REQNone' })));
	}
	assert.deepEqual([one.ran('ship1'), two.ran('ship1')], [['1', '2', '3'], []]);
	assert.deepEqual(rawRows(twoFolder, 'cursors'), []);
	const cursor = () =>
		rawRows(oneFolder, 'cursors').find(({ key }) => /NOTE/.test(String(key[1])))?.value['upTo'];
	assert.equal(cursor(), 3);

	await first.stop();
	await signalOf(second, 'name.granted');
	const later = await send(central, note('ship1', '4', { replyMethod: 'REQNone' }));
	assert.equal((await settled(central, later)).state, 'done');
	assert.deepEqual([one.ran('ship1'), two.ran('ship1')], [['1', '2', '3'], ['4']]);
	assert.equal(cursor(), 3, 'what the other one has is its own');
});

test('I29: A cloned data directory started on another host publishes nothing until an operator chose adopt or fork', async (t) => {
	const broker = await startBroker('127.0.0.1:0');
	t.after(() => broker.stop());
	const at = { broker: broker.address };
	const { methods } = createWorld();
	const original = await startLocalNode(t, { ...at, name: 'ship1', host: 'one', methods });
	await onMqtt(original);
	// A message to send, whose receiver starts later.
	const id = await send(original, note('central', 'inherited'));
	const clone = `${temporaryFolder(t)}/clone`;
	await ask(original, { reeve: 'backup', folder: clone });

	const heard: string[] = [];
	const client = await mqtt.connectAsync(broker.address, { protocolVersion: 4 });
	t.after(() => void client.end(true));
	client.on('message', (topic, _payload, { retain }) => void (retain || heard.push(topic)));
	await client.subscribeAsync('#', { qos: 1 });
	const before = heard.length;
	const cloned = { ...at, name: 'ship1', host: 'two', folder: clone, methods };
	const copy = await startLocalNode(t, cloned);
	assert.equal(await copy.ended, 'cloned_store');
	const said = heard.slice(before).filter((topic) => !topic.endsWith('/_claim'));
	assert.deepEqual(said, [], 'nothing but the claim of the name');

	const fork = await startLocalNode(t, { ...cloned, name: 'ship9', choices: { identity: 'fork' } });
	assert.notEqual(fork.storeId, original.storeId);
	const { world } = startWorld(t);
	const central = await startLocalNode(t, { ...at, name: 'central', methods: world.methods });
	await signalOf(central, 'name.granted');
	assert.equal((await settled(original, id)).state, 'done');
	assert.deepEqual(world.ran('central'), ['inherited'], 'once, and not by the copy');
	await original.stop();
	await fork.stop();
	const adopted = await startLocalNode(t, {
		...cloned,
		folder: temporaryFolder(t),
		choices: { identity: 'adopt' },
	});
	await onMqtt(adopted);
});

test('I51: A forged or unsigned ACK deletes no journal row when signing is on', async (t) => {
	const { start, mallory, keyring } = await startSigningFleet(t, ['central', 'ship1']);
	const central = await start('central');
	const ship = await start('ship1');
	await signalOf(central, 'node.seen');
	const { storeId } = ship;
	await ship.stop();
	await signalOf(central, 'node.gone');
	const id = await send(central, { toNode: 'ship1', method: 'REQPing' });
	const topic = formatTopic('reeve', { part: 'ack', node: 'central' });
	const lane = 'ship1/REQPing/EventACK/';
	const ack = packAcknowledgement({
		v: 1,
		from: 'ship1',
		storeId,
		epoch: ship.epoch,
		forStoreId: central.storeId,
		lanes: [{ lane, epoch: central.epoch, upTo: 1, id, credit: 99 }],
	});
	const forger = createSigner({ keyring: keyring('mallory'), signing: 'on' });
	const [row] = await ask<{ state: string }>(central, { reeve: 'messages', ids: [id] });
	for (const [payload, code] of [
		[ack, 'unsigned'],
		[forger.sign(topic, ack), 'bad_signature'],
	] as const) {
		await mallory.publish(topic, payload);
		assert.equal(await refused(central, code), topic);
		const [now] = await ask<{ state: string }>(central, { reeve: 'messages', ids: [id] });
		assert.deepEqual(now, row, code);
	}
	const again = await start('ship1');
	assert.equal((await settled(central, id)).state, 'done', 'the row was there to be sent');
	assert.ok(again.epoch > ship.epoch, 'another process');
});

test('I56: After three unclean starts within ten minutes the node comes up in safe mode, reachable, with all stored messages intact', async (t) => {
	const { fleet, world } = startWorld(t, { config: { uncleanStartsMax: 3 } });
	world.strike = ({ node, arg }) => {
		if (arg === 'deadly') fleet.kill(node);
	};
	const central = await fleet.start('central');
	await fleet.start('ship1');
	world.hold();
	const ids = [
		await central.send(note('ship1', 'deadly', { method: 'CROWD' })),
		await central.send(note('ship1', 'waits', { method: 'NOTE', key: 'a' })),
	];
	const own = await fleet
		.node('ship1')
		.send(note('ghost', 'to leave'))
		.catch(() => '');
	for (let start = 0; start < 3; start += 1) {
		await fleet.clock.advance(30_000);
		if (fleet.isAlive('ship1')) fleet.kill('ship1');
		await fleet.start('ship1').catch(() => undefined);
	}
	const stored = () =>
		(['mailbox', 'started'] as const).map((table) => [
			table,
			rawRows(fleet.folder('ship1'), table),
		]);
	const before = stored();
	const runs = world.runs.length;
	const ship = fleet.node('ship1');
	const [about] = await ship.ask<{ mode: string; uncleanStarts: number }>({ reeve: 'node' });
	assert.deepEqual([about?.mode, about?.uncleanStarts], ['safe', 3]);
	const late = await central.send(note('ship1', 'late', { key: 'a' }));
	await fleet.clock.advance(120_000);
	const nodes = await central.ask<NodeRow>({ reeve: 'nodes' });
	const row = nodes.find(({ name }) => name === 'ship1');
	assert.deepEqual([row?.state, row?.mode], ['online', 'safe'], 'it is reachable');
	assert.deepEqual(stored(), before, 'and everything is as it was');
	assert.equal(world.runs.length, runs, 'nothing runs');

	await fleet.halt('ship1');
	world.strike = () => {};
	world.release();
	await fleet.start('ship1', { choices: { mode: 'normal' } });
	await fleet.clock.advance(300_000);
	for (const id of [...ids, late]) assert.equal((await central.row(id)).state, 'done');
	assert.ok(
		own === '' || rawRows(fleet.folder('ship1'), 'outbox').length === 1,
		'and what is to leave',
	);
});
