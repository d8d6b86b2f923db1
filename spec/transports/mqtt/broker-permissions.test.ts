import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { configOf } from '../../../runtime/config/config.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { nodeFilters, publicFilter } from '../../../runtime/message/topics.ts';
import { nodePassword } from '../../../transports/mqtt/broker-login.ts';
import type { BrokerRefusal } from '../../../transports/mqtt/broker-permissions.ts';
import { createNotes } from '../../support/transport-context.ts';
import { startBroker } from '../../../transports/mqtt/embedded-broker.ts';

const timeout = 20_000;
const login = { username: 'reeve', password: 'word-of-the-broker' };
const single = { reconnectPeriod: 0, protocolVersion: 4 } as const;

async function brokerOf(t: TestContext) {
	const clock = steppedClock();
	const refusals: BrokerRefusal[] = [];
	const onRefused = (refusal: BrokerRefusal): void => void refusals.push(refusal);
	const limits = configOf({ brokerSessionBytesMax: 100_000 });
	const running = await startBroker('127.0.0.1:0', { login, clock, onRefused, limits });
	t.after(() => running.stop());
	const enter = (options: IClientOptions): Promise<MqttClient> =>
		mqtt.connectAsync(running.address, { ...single, ...options });
	/** Logs in as a node, by default over the connection for its frames. */
	const asNode = (name: string, options: IClientOptions = {}): Promise<MqttClient> =>
		enter({
			username: name,
			password: nodePassword(login.password, name),
			clientId: `reeve:${name}`,
			...options,
		});
	const central = await enter({ ...login, clientId: 'observer' });
	t.after(() => central.end(true));
	return { address: running.address, clock, refusals, enter, asNode, central };
}

/** Whether the broker takes this; it ends the connection of who may not publish. */
async function takes(client: MqttClient, topic: string, retain = false): Promise<boolean> {
	client.on('error', () => {});
	const closed = new Promise<boolean>((resolve) => client.once('close', () => resolve(false)));
	const published = client.publishAsync(topic, 'x', { qos: 1, retain }).then(
		() => true,
		() => false,
	);
	const isTaken = await Promise.race([published, closed]);
	await client.endAsync(true);
	return isTaken;
}

test(
	'a node logs in with the password that is derived for its name, and with no other',
	{ timeout },
	async (t) => {
		const { asNode, enter } = await brokerOf(t);
		const ship1 = await asNode('ship1');
		await ship1.endAsync();
		const password = nodePassword(login.password, 'ship1');
		assert.match(password, /^[\w-]{43}$/);
		assert.notEqual(nodePassword('another word', 'ship1'), password);
		for (const given of [
			{ username: 'ship2', password },
			{ username: 'ship1', password: login.password },
			{ username: 'reeve', password: nodePassword(login.password, 'reeve') },
			{ username: '_lane', password: nodePassword(login.password, '_lane') },
			{ username: 'a/b', password: nodePassword(login.password, 'a/b') },
		]) {
			await assert.rejects(enter(given), /Bad username or password/, JSON.stringify(given));
		}
	},
);

test(
	'a node may publish frames, acknowledgements and answers, and nothing in the name of others',
	{ timeout },
	async (t) => {
		const { asNode, refusals } = await brokerOf(t);
		const table: readonly (readonly [topic: string, isTaken: boolean, isRetained?: boolean])[] = [
			['reeve/central/_lane/REQHello/EventACK', true],
			['reeve/ship2/_lane/REQCliCommand/CommandACK', true],
			['reeve/ship2/_ack', true],
			['reeve/ship1/_status', true, true],
			['reeve/ship1/_claim', true],
			['me/answers', true],
			['reeve/central/REQCliCommand/CommandACK', false],
			['reeve/ship1/REQPing/EventACK', false],
			['reeve/ship2/_status', false, true],
			['reeve/ship2/_status', false],
			['reeve/ship2/_claim', false],
			['reeve/ship2/_other', false],
			['reeve/ship2/_lane/REQPing', false],
			['$SYS/x', false],
			// What the broker keeps would come again at each start of its receiver.
			['reeve/ship2/_lane/REQPing/EventACK', false, true],
			['reeve/ship2/_ack', false, true],
			['me/answers', false, true],
		];
		for (const [topic, isTaken, isRetained = false] of table) {
			const about = `${topic}${isRetained ? ', retained' : ''}`;
			assert.equal(await takes(await asNode('ship1'), topic, isRetained), isTaken, about);
		}
		const [first] = refusals;
		assert.deepEqual(first, {
			user: 'ship1',
			action: 'publish',
			topic: 'reeve/central/REQCliCommand/CommandACK',
			count: 1,
		});
	},
);

test('the login of the administrator may do everything, as before', { timeout }, async (t) => {
	const { enter, refusals } = await brokerOf(t);
	for (const topic of ['reeve/ship1/REQPing/EventACK', 'reeve/ship1/_status', 'a/b']) {
		assert.equal(await takes(await enter(login), topic, true), true, topic);
	}
	const client = await enter(login);
	const granted = await client.subscribeAsync(['#', 'reeve/ship1/_lane/+/+']);
	assert.deepEqual(
		granted.map(({ qos }) => qos),
		[0, 0],
	);
	await client.endAsync();
	assert.deepEqual(refusals, []);
});

test(
	'a node hears its own topics and the presence of others, and nothing else',
	{ timeout },
	async (t) => {
		const { asNode, refusals } = await brokerOf(t);
		const own = [
			...nodeFilters('reeve', 'ship1'),
			...nodeFilters('reeve', 'ship1', 'asked'),
			publicFilter('reeve', 'ship1'),
			'reeve/ship2/_status',
		];
		const others = [
			'#',
			'+/+/+/+',
			'reeve/#',
			'reeve/+/+/+',
			'reeve/ship2/_lane/+/+',
			'reeve/ship2/_ack',
			'reeve/ship2/_claim',
			'reeve/+/_claim',
			'reeve/ship2/+/+',
			'reeve/ship1/#',
			'$SYS/#',
		];
		const client = await asNode('ship1');
		t.after(() => client.end(true));
		for (const filter of own) {
			const [granted] = await client.subscribeAsync(filter, { qos: 1 });
			assert.equal(granted?.qos, 1, filter);
		}
		for (const filter of others) {
			const refused = await client.subscribeAsync(filter, { qos: 1 }).then(
				([granted]) => (granted?.qos ?? 0) > 2,
				() => true,
			);
			assert.ok(refused, filter);
			assert.ok(client.connected, 'a refused subscription ends no connection');
		}
		assert.deepEqual(refusals[0], { user: 'ship1', action: 'subscribe', topic: '#', count: 1 });
	},
);

test(
	'a session keeps no subscription that was refused, also if it comes with one that is granted',
	{ timeout },
	async (t) => {
		const { address, asNode, central } = await brokerOf(t);
		const session = { clientId: 'reeve:ship1:in', clean: false };
		const first = await asNode('ship1', session);
		await first.subscribeAsync(['reeve/ship1/+/+', 'reeve/ship2/+/+'], { qos: 1 }).catch(() => {});
		await first.endAsync();
		await central.publishAsync('reeve/ship2/REQPing/EventACK', 'secret', { qos: 1 });
		await central.publishAsync('reeve/ship1/REQPing/EventACK', 'own', { qos: 1 });
		const later = mqtt.connect(address, {
			...single,
			...session,
			username: 'ship1',
			password: nodePassword(login.password, 'ship1'),
		});
		t.after(() => later.end(true));
		const topic = await new Promise((resolve) => later.once('message', resolve));
		assert.equal(topic, 'reeve/ship1/REQPing/EventACK');
	},
);

test(
	'a node takes over no connection of another one, and leaves no death in its name',
	{ timeout },
	async (t) => {
		const { asNode, refusals } = await brokerOf(t);
		const ship2 = await asNode('ship2');
		t.after(() => ship2.end(true));
		const will = (topic: string) =>
			({ will: { topic, payload: Buffer.from('x'), qos: 1 } }) as const;
		for (const options of [
			{ clientId: 'reeve:ship2' },
			{ clientId: 'reeve:ship2:in', clean: false },
			{ clientId: 'observer' },
			will('reeve/ship2/_status'),
			will('reeve/ship2/REQPing/EventACK'),
			will('me/answers'),
		]) {
			await assert.rejects(asNode('ship1', options), /Not authorized/, JSON.stringify(options));
		}
		assert.ok(ship2.connected);
		assert.ok(
			refusals.some(({ action, topic }) => action === 'connect' && topic === 'reeve:ship2'),
		);
		for (const options of [
			{ clientId: 'reeve:ship1:in', clean: false },
			{ clientId: 'reeve:ship1:claim:0123' },
			will('reeve/ship1/_status'),
		]) {
			const client = await asNode('ship1', options);
			await client.endAsync();
		}
	},
);

test(
	'refusals are counted, and told once in ten seconds for each login',
	{ timeout },
	async (t) => {
		const { asNode, refusals, clock } = await brokerOf(t);
		const client = await asNode('ship1');
		t.after(() => client.end(true));
		const ask = () => client.subscribeAsync('#').catch(() => {});
		for (let at = 0; at < 5; at += 1) await ask();
		assert.deepEqual(
			refusals.map(({ count }) => count),
			[1],
		);
		await clock.advance(10_000);
		await ask();
		assert.deepEqual(
			refusals.map(({ count }) => count),
			[1, 5],
		);
	},
);

test(
	'what the broker keeps for the login of a node is limited: one session, its bytes, and no QoS 2',
	{ timeout },
	async (t) => {
		const { address, asNode, central, refusals } = await brokerOf(t);
		const hoard = { clean: false, clientId: 'reeve:ship1:hoard' };
		await assert.rejects(asNode('ship1', hoard), /[Nn]ot authorized/);
		const once = await asNode('ship1');
		once.on('error', () => {});
		const closed = new Promise<void>((resolve) => once.once('close', resolve));
		once.publish('reeve/ship2/_ack', 'x', { qos: 2 });
		await closed;

		const inbound = { clean: false, clientId: 'reeve:ship1:in' };
		const [filter = ''] = nodeFilters('reeve', 'ship1');
		const away = await asNode('ship1', inbound);
		await away.subscribeAsync(filter, { qos: 1 });
		await away.endAsync();
		const topic = 'reeve/ship1/_lane/REQPing/EventACK';
		for (let count = 0; count < 20; count += 1) {
			await central.publishAsync(topic, Buffer.alloc(10_000, count), { qos: 1 });
		}
		const full = refusals.find(({ action }) => action === 'queue');
		assert.deepEqual(
			{ ...full, count: 1 },
			{ user: 'reeve:ship1:in', action: 'queue', topic, count: 1 },
		);

		const received = createNotes<number>();
		const back = mqtt.connect(address, {
			...single,
			...inbound,
			username: 'ship1',
			password: nodePassword(login.password, 'ship1'),
		});
		back.on('message', (_topic, payload) => received.add(payload[0] ?? -1));
		await received.count(9);
		assert.deepEqual(received.all, [0, 1, 2, 3, 4, 5, 6, 7, 8], 'the first ones, in their order');
		await central.publishAsync(topic, Buffer.alloc(10_000, 99), { qos: 1 });
		await received.first((item) => item === 99);
		await back.endAsync(true);
	},
);
