import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type TestContext } from 'node:test';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { configOf, type Config } from '../../../runtime/config/config.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { nodePassword } from '../../../transports/mqtt/broker-login.ts';
import type { BrokerRefusal } from '../../../transports/mqtt/broker-permissions.ts';
import { limitSessions } from '../../../transports/mqtt/broker-sessions.ts';
import { startBroker } from '../../../transports/mqtt/embedded-broker.ts';
import { createNotes } from '../../support/transport-context.ts';

const timeout = 20_000;
const login = { username: 'reeve', password: 'word-of-the-broker' };
const single = { reconnectPeriod: 0, protocolVersion: 4 } as const;

async function brokerOf(t: TestContext, values: Partial<Config>) {
	const clock = steppedClock();
	const refusals = createNotes<BrokerRefusal>();
	const running = await startBroker('127.0.0.1:0', {
		login,
		clock,
		onRefused: (refusal) => refusals.add(refusal),
		limits: configOf(values),
	});
	t.after(() => running.stop());
	const enter = async (options: IClientOptions): Promise<MqttClient> => {
		const client = await mqtt.connectAsync(running.address, { ...single, ...options });
		client.on('error', () => {});
		t.after(() => client.end(true));
		return client;
	};
	const central = (clientId = 'central') => enter({ ...login, clientId });
	const asNode = (name: string, end = '') =>
		enter({
			username: name,
			password: nodePassword(login.password, name),
			clientId: `reeve:${name}${end}`,
		});
	const port = Number(new URL(running.address).port);
	return { clock, refusals, central, asNode, port };
}

const closed = (client: MqttClient): Promise<void> =>
	new Promise((resolve) => client.once('close', () => resolve()));

const field = (text: string): Buffer => {
	const bytes = Buffer.from(text);
	return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

/** The first byte of a packet, and its length as MQTT writes it. */
function header(first: number, length: number): Buffer {
	const bytes = [first];
	let rest = length;
	do {
		bytes.push((rest & 127) | (rest > 127 ? 128 : 0));
		rest >>= 7;
	} while (rest > 0);
	return Buffer.from(bytes);
}

/** A connection that has logged in, and does with what arrives what the spec says. */
async function rawLogin(port: number, user: string, end = ':raw') {
	const [name, password] =
		user === 'reeve'
			? [login.username, login.password]
			: [user, nodePassword(login.password, user)];
	const socket = connect(port, '127.0.0.1');
	socket.on('error', () => {});
	const body = Buffer.concat([
		field('MQTT'),
		Buffer.from([4, 0xc2, 0, 0]),
		...[`reeve:${user}${end}`, name, password].map((text) => field(text)),
	]);
	socket.write(Buffer.concat([header(0x10, body.length), body]));
	const [answer] = (await once(socket, 'data')) as [Buffer];
	assert.deepEqual([...answer], [0x20, 2, 0, 0]);
	socket.resume();
	return { socket, closed: once(socket, 'close') };
}

test(
	'a packet that is too large ends its connection when its length is known, before it is there',
	{ timeout },
	async (t) => {
		const { port, refusals, asNode } = await brokerOf(t, {
			brokerControlBytesMax: 1000,
			brokerRetainedBytesMax: 500,
			brokerPacketBytesMax: 70_000,
			messageBytesMax: 1600,
		});
		const other = await asNode('ship2');
		for (const [what, first, length] of [
			['SUBSCRIBE', 0x82, 170_000],
			['SUBSCRIBE', 0x82, 1000],
			['UNSUBSCRIBE', 0xa2, 1000],
			['PUBLISH', 0x32, 80_000],
			['retained PUBLISH', 0x33, 1000],
			['PUBACK', 0x40, 10_000_000],
			['PINGREQ', 0xc0, 2000],
		] as const) {
			const { socket, closed: isClosed } = await rawLogin(port, 'ship1');
			socket.write(header(first, length));
			await isClosed;
			const told = await refusals.first(({ action }) => action === 'packet');
			assert.equal(told.user, 'ship1', what);
		}
		assert.deepEqual(refusals.all[0], {
			user: 'ship1',
			action: 'packet',
			topic: 'SUBSCRIBE of 170004 bytes',
			count: 1,
		});
		await other.publishAsync('me/answers', Buffer.alloc(69_000), { qos: 1 });
		await other.publishAsync('reeve/ship2/_status', Buffer.alloc(400), { qos: 1, retain: true });
	},
);

test(
	'the login of the broker may send long lists of filters, and takes as large a message as others',
	{ timeout },
	async (t) => {
		const { port, central } = await brokerOf(t, {
			brokerControlBytesMax: 1000,
			brokerRetainedBytesMax: 500,
			brokerPacketBytesMax: 70_000,
			messageBytesMax: 1600,
		});
		const client = await central();
		const filters = Array.from({ length: 100 }, (_, at) => `reeve/ship${at}/_status`);
		assert.equal((await client.subscribeAsync(filters, { qos: 1 })).length, 100);
		await client.publishAsync('a', Buffer.alloc(69_000), { qos: 1, retain: true });
		const { socket, closed: isClosed } = await rawLogin(port, 'reeve');
		socket.write(header(0x32, 80_000));
		await isClosed;
	},
);

test(
	'a larger messageBytesMax makes room for its messages at the broker, without a second setting',
	{ timeout },
	async (t) => {
		const values = { brokerPacketBytesMax: 1000, messageBytesMax: 100_000 };
		const { asNode } = await brokerOf(t, values);
		const ship = await asNode('ship1');
		await ship.publishAsync('me/answers', Buffer.alloc(100_000), { qos: 1 });
	},
);

test(
	'a connection of a node has so many subscriptions, and an end of one makes room for another',
	{ timeout },
	async (t) => {
		const { asNode, central, refusals } = await brokerOf(t, { brokerSubscriptionsMax: 3 });
		const ship = await asNode('ship1');
		const topics = Array.from({ length: 5 }, (_, at) => `reeve/n${at}/_status`);
		const [n0 = '', n1 = '', n2 = '', n3 = '', n4 = ''] = topics;
		const isGranted = async (filter: string): Promise<boolean> =>
			ship.subscribeAsync(filter, { qos: 1 }).then(
				([granted]) => (granted?.qos ?? 128) < 3,
				() => false,
			);
		for (const filter of [n0, n1, n2]) assert.ok(await isGranted(filter), filter);
		assert.equal(await isGranted(n3), false);
		assert.ok(await isGranted(n0), 'one that it has is none more');
		await ship.unsubscribeAsync(n1);
		assert.ok(await isGranted(n3));
		assert.equal(await isGranted(n4), false);
		assert.deepEqual(refusals.all[0], {
			user: 'ship1',
			action: 'subscribe',
			topic: `${n3}: more than 3 subscriptions`,
			count: 1,
		});
		const client = await central();
		const granted = await client.subscribeAsync(topics, { qos: 1 });
		assert.ok(granted.every(({ qos }) => qos === 1));
	},
);

test('the filters of one packet are looked at once each, however many they are', async () => {
	const kept: string[] = [];
	const persistence = {
		addSubscriptions: async (_client: object, subscriptions: readonly { topic: string }[]) => {
			kept.push(...subscriptions.map(({ topic }) => topic));
			await Promise.resolve();
		},
		outgoingEnqueueCombi: () => Promise.resolve(),
		outgoingClearMessageId: () => Promise.resolve(undefined),
	};
	let asked = 0;
	limitSessions<{ id: string }>(
		{ persistence },
		{
			maySubscribe(_client, filter) {
				asked += 1;
				return filter !== 'n7';
			},
			bytesMax: 1000,
			onDropped: () => {},
		},
	);
	const subscriptions = Array.from({ length: 100 }, (_, at) => ({ topic: `n${at}` }));
	// As the broker does: once for each filter, with all of them.
	for (const { topic } of subscriptions) {
		assert.ok(topic);
		await persistence.addSubscriptions({ id: 'a' }, subscriptions);
	}
	assert.equal(asked, 100);
	assert.equal(kept.length, 99);
});

test(
	'a node leaves no claim at the broker: only its birth and its death are kept',
	{ timeout },
	async (t) => {
		const { asNode } = await brokerOf(t, {});
		const ship = await asNode('ship1');
		await ship.publishAsync('reeve/ship1/_status', 'x', { qos: 1, retain: true });
		const isClosed = closed(ship);
		ship.publish('reeve/ship1/_claim', 'x', { qos: 1, retain: true });
		await isClosed;
	},
);

test(
	'what is kept is found by its name and by patterns, in its last state, until it is removed',
	{ timeout },
	async (t) => {
		const { central } = await brokerOf(t, {});
		const client = await central();
		for (const [topic, payload] of [
			['a/b', 'old'],
			['a/b', 'new'],
			['a/c', 'c'],
			['a/gone', 'x'],
			['a/gone', ''],
			['z', 'z'],
		] as const) {
			await client.publishAsync(topic, payload, { qos: 1, retain: true });
		}
		for (const [filters, wanted] of [
			[['a/b'], ['a/b new']],
			[['a/gone', 'z', 'nothing'], ['z z']],
			[['a/+'], ['a/b new', 'a/c c']],
			[['#'], ['a/b new', 'a/c c', 'z z']],
		] as const) {
			const hearer = await central(`hearer ${filters.join(' ')}`);
			const heard = createNotes<string>();
			hearer.on('message', (topic, payload, { retain }) => {
				if (retain) heard.add(`${topic} ${payload.toString()}`);
			});
			await hearer.subscribeAsync([...filters], { qos: 1 });
			assert.deepEqual((await heard.count(wanted.length)).toSorted(), wanted);
		}
	},
);

test(
	'the login of a node takes its share of the connections, and leaves room for the administrator',
	{ timeout },
	async (t) => {
		const { asNode, central, refusals } = await brokerOf(t, {
			brokerConnectionsMax: 8,
			brokerConnectionsPerLoginMax: 3,
			brokerConnectionsReserved: 2,
		});
		const first = await asNode('ship1', ':0');
		const isClosed = closed(first);
		for (const end of [':1', ':2', ':3']) await asNode('ship1', end);
		await isClosed;
		assert.deepEqual(refusals.all[0], {
			user: 'ship1',
			action: 'connect',
			topic: 'reeve:ship1:3: more than 3 connections',
			count: 1,
		});
		for (const end of [':1', ':2', ':3']) await asNode('ship2', end);
		await assert.rejects(asNode('ship3'), /unavailable/i);
		await central('one');
		const two = await central('two');
		await two.publishAsync('a', 'b', { qos: 1 });
	},
);

test(
	'a reader that stands still stalls no other: what does not fit is dropped, and it is ended',
	{ timeout },
	async (t) => {
		const { port, asNode, central, refusals, clock } = await brokerOf(t, {
			brokerWaitingBytesMax: 100_000,
			brokerStillMs: 3000,
		});
		const still = await rawLogin(port, 'ship1');
		const filter = field('reeve/ship1/_ack');
		const body = Buffer.concat([Buffer.from([0, 1]), filter, Buffer.from([0])]);
		still.socket.write(Buffer.concat([header(0x82, body.length), body]));
		await once(still.socket, 'data');
		still.socket.pause();
		const other = await asNode('ship2');
		const heard = createNotes<string>();
		other.on('message', (_topic, payload) => heard.add(payload.toString()));
		await other.subscribeAsync('reeve/ship2/_ack', { qos: 1 });
		const publisher = await central();
		// More than the machine itself holds for a connection.
		for (let count = 0; count < 40; count += 1) {
			await publisher.publishAsync('reeve/ship1/_ack', Buffer.alloc(1_000_000), { qos: 1 });
		}
		await publisher.publishAsync('reeve/ship2/_ack', 'heard', { qos: 1 });
		assert.equal(await heard.first(), 'heard');
		const dropped = await refusals.first(({ action }) => action === 'queue');
		assert.deepEqual([dropped.user, dropped.topic], ['reeve:ship1:raw', 'reeve/ship1/_ack']);
		await clock.advance(3000);
		await clock.advance(3000);
		const ended = await refusals.first(({ action }) => action === 'read');
		assert.equal(ended.user, 'reeve:ship1:raw');
		still.socket.resume();
		await still.closed;
	},
);

test(
	'a slow reader that goes on reading is not ended, and hears again when it has caught up',
	{ timeout },
	async (t) => {
		const { port, central, refusals, clock } = await brokerOf(t, {
			brokerWaitingBytesMax: 100_000,
			brokerStillMs: 3000,
		});
		const slow = await rawLogin(port, 'ship1');
		const body = Buffer.concat([Buffer.from([0, 1]), field('reeve/ship1/_ack'), Buffer.from([0])]);
		slow.socket.write(Buffer.concat([header(0x82, body.length), body]));
		await once(slow.socket, 'data');
		slow.socket.pause();
		const publisher = await central();
		for (let count = 0; count < 40; count += 1) {
			await publisher.publishAsync('reeve/ship1/_ack', Buffer.alloc(1_000_000), { qos: 1 });
		}
		await refusals.first(({ action }) => action === 'queue');
		let isOver = false;
		const last = new Promise<void>((resolve) => {
			slow.socket.on('data', (chunk: Buffer) => {
				if (chunk.includes('the last one')) resolve();
				// It is sent again until it passes, as the lanes of nodes do.
				else publisher.publish('reeve/ship1/_ack', 'the last one');
			});
			void slow.closed.then(() => (isOver = true));
		});
		slow.socket.resume();
		await last;
		await clock.advance(10_000);
		assert.equal(isOver, false);
		assert.deepEqual(
			refusals.all.filter(({ action }) => action === 'read'),
			[],
		);
	},
);
