import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTo, createServer } from 'node:net';
import test, { after, before, type TestContext } from 'node:test';
import { realClock, steppedClock, type Clock } from '../../../runtime/platform/clock.ts';
import type { Wire } from '../../../runtime/network/transport.ts';
import { startBroker } from '../../../transports/mqtt/embedded-broker.ts';
import mqtt from '../../../transports/mqtt/mqtt.ts';
import { freePort, missing, startMosquitto } from '../../support/broker.ts';
import { startProxy as startBadNetwork } from '../../support/proxy.ts';
import { publicClient } from '../../support/public-client.ts';
import { createContext, type NotedContext } from '../../support/transport-context.ts';

const skip = missing('mosquitto');
const timeout = 20_000;
const lane = 'reeve/ship1/_lane/REQPing/EventACK';
const publicTopic = 'reeve/ship1/REQPing/EventACK';

// The timers of a clock keep no process alive while a line waits for its broker; this does.
const vigil = createServer();
before(async () => void (await once(vigil.listen(0, '127.0.0.1'), 'listening')));
after(() => vigil.close());

type Values = Parameters<typeof createContext>[0];

interface Node extends NotedContext {
	stop(): Promise<void>;
	/** Resolves with the wire, as soon as it is up, or up again. */
	wire(): Promise<Wire>;
}

/** Starts the wire of a node, without waiting for the broker. */
async function start(
	t: TestContext,
	brokerAddress: string,
	{ clock, ...values }: Values & { clock?: Clock } = {},
): Promise<Node> {
	const all = { brokerAddress, resendMsMin: 20, resendMsMax: 100, ...values };
	const noted = createContext(all, clock ? { clock } : {});
	const running = await mqtt.start(noted.context);
	t.after(() => running.stop());
	return {
		...noted,
		stop: () => running.stop(),
		async wire() {
			await noted.link.first(() => noted.wires.size > 0);
			const [link] = noted.wires;
			assert.ok(link);
			return link;
		},
	};
}

function publish(wire: Wire, text: string | Uint8Array, topic = lane) {
	return wire.publish({ topic, payload: Buffer.from(text), qos: 1, retain: false });
}

test('a broker that speaks only 3.1.1 is spoken to in 3.1.1', { timeout }, async (t) => {
	const broker = await startBroker('127.0.0.1:0');
	t.after(() => broker.stop());
	const central = await start(t, broker.address);
	await central.wire();
	assert.deepEqual(central.link.all, ['up'], 'the fall-back is no loss of the link');
});

test(
	'a broker that just hangs up on 5.0 is spoken to in 3.1.1, again and again',
	{ timeout },
	async (t) => {
		const broker = await startBroker('127.0.0.1:0');
		t.after(() => broker.stop());
		const versions: number[] = [];
		const guard = createServer((near) => {
			const far = connectTo(Number(new URL(broker.address).port), '127.0.0.1');
			near.once('data', (bytes: Buffer) => {
				const version = bytes[bytes.indexOf('MQTT') + 4] ?? 0;
				versions.push(version);
				if (version === 5) near.destroy();
				else far.write(bytes);
				near.pipe(far).pipe(near);
			});
			for (const socket of [near, far]) socket.on('error', () => socket.destroy());
			near.once('close', () => far.destroy());
			far.once('close', () => near.destroy());
		}).listen(0, '127.0.0.1');
		t.after(() => void guard.close());
		await once(guard, 'listening');
		const address = guard.address();
		assert.ok(typeof address === 'object' && address);
		const node = await start(t, `mqtt://127.0.0.1:${address.port}`);
		await node.wire();
		assert.deepEqual(new Set(versions), new Set([5, 4]));
		assert.deepEqual(node.link.all, ['up'], 'the fall-back is no loss of the link');
	},
);

test(
	'with mqttVersion 5 there is no fall-back, and the reason is reported',
	{ timeout },
	async (t) => {
		const broker = await startBroker('127.0.0.1:0');
		t.after(() => broker.stop());
		const central = await start(t, broker.address, { mqttVersion: '5' });
		assert.match(await central.link.first(), /^down: .*protocol version/i);
	},
);

test('a broker that is killed and started again is found again', { timeout, skip }, async (t) => {
	const broker = await startMosquitto(t);
	const central = await start(t, broker.address);
	const ship1 = await start(t, broker.address, { nodeName: 'ship1' });
	await ship1.wire();
	const before = await central.wire();
	await broker.kill();
	await central.link.first((news) => news.startsWith('down'));
	await ship1.link.first((news) => news.startsWith('down'));
	assert.equal(await publish(before, 'lost'), 'not_connected');
	await broker.start();
	const [again] = await Promise.all([central.wire(), ship1.wire()]);
	assert.equal(await publish(again, 'after'), 'taken');
	assert.equal((await ship1.packets.first()).text, 'after');
	assert.equal(ship1.packets.all.length, 1, 'what was not taken is not sent behind our back');
});

test(
	'publications that are under way when the broker dies are answered',
	{ timeout, skip },
	async (t) => {
		const broker = await startMosquitto(t);
		const central = await start(t, broker.address);
		const wire = await central.wire();
		const verdicts = Array.from({ length: 50 }, () => publish(wire, Buffer.alloc(100_000)));
		await broker.kill();
		for (const verdict of await Promise.all(verdicts)) {
			assert.ok(['not_connected', 'nobody'].includes(verdict), verdict);
		}
	},
);

test('a node waits for a broker that comes late, and reports it once', { timeout }, async (t) => {
	const port = await freePort();
	const central = await start(t, `127.0.0.1:${port}`);
	assert.match(await central.link.first(), /^down: .*ECONNREFUSED/);
	const broker = await startBroker(`127.0.0.1:${port}`);
	t.after(() => broker.stop());
	await central.wire();
	assert.equal(central.link.all.length, 2, central.link.all.join(', '));
});

test('a node that dies has its will published at once', { timeout, skip }, async (t) => {
	const broker = await startMosquitto(t);
	const proxy = await startProxy(t, broker.port);
	const central = await start(t, broker.address);
	await central.wire();
	const ship1 = await start(t, proxy.address, { nodeName: 'ship1' });
	await ship1.wire();
	proxy.cut();
	const death = await central.packets.first();
	assert.deepEqual(death, { topic: 'reeve/ship1/_status', text: 'offline' });
	await ship1.link.first((news) => news.startsWith('down'));
	await ship1.wire();
});

/** A way to the broker that can be cut. */
async function startProxy(t: TestContext, port: number) {
	const pairs = new Set<() => void>();
	const server = createServer((near) => {
		const far = connectTo(port, '127.0.0.1');
		const end = () => {
			near.destroy();
			far.destroy();
			pairs.delete(end);
		};
		pairs.add(end);
		near.pipe(far).pipe(near);
		for (const socket of [near, far]) socket.on('error', end).on('close', end);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const cut = () => {
		for (const end of pairs) end();
	};
	t.after(() => {
		server.close();
		cut();
	});
	const address = server.address();
	assert.ok(typeof address === 'object' && address);
	return { address: `mqtt://127.0.0.1:${address.port}`, cut };
}

test(
	'an MQTT client has its PUBACK only when its message is taken',
	{ timeout, skip },
	async (t) => {
		const { address } = await startMosquitto(t);
		const ship1 = await start(t, address, { nodeName: 'ship1' });
		await ship1.wire();
		const client = await publicClient(t, address);
		await client.publish(publicTopic, 'first');
		await client.publish(publicTopic, 'second');
		const first = await ship1.publicMessage.first();
		assert.equal(ship1.publicMessage.all.length, 1, 'one is taken after the other');
		await ship1.stop();
		const again = await start(t, address, { nodeName: 'ship1' });
		const repeated = await again.publicMessage.first();
		assert.equal(repeated.text, 'first', 'it was not acknowledged, so it comes again');
		assert.equal(repeated.properties.isRepeat, true);
		repeated.settle();
		const second = await again.publicMessage.first(({ text }) => text === 'second');
		second.settle();
		await again.stop();
		first.settle();
		const last = await start(t, address, { nodeName: 'ship1' });
		await last.wire();
		await client.publish(publicTopic, 'third');
		assert.equal((await last.publicMessage.first()).text, 'third', 'what was acknowledged is over');
	},
);

test('response topic and correlation data are passed on', { timeout, skip }, async (t) => {
	const { address } = await startMosquitto(t);
	const ship1 = await start(t, address, { nodeName: 'ship1' });
	await ship1.wire();
	const client = await publicClient(t, address);
	const correlationData = Buffer.from([1, 2, 3]);
	await client.publish(publicTopic, '{}', { responseTopic: 'my/answers', correlationData });
	const { properties, settle } = await ship1.publicMessage.first();
	assert.equal(properties.responseTopic, 'my/answers');
	assert.deepEqual(Buffer.from(properties.correlationData ?? []), correlationData);
	settle();
});

test('a public message that is not taken does not delay a stop', { timeout, skip }, async (t) => {
	const { address } = await startMosquitto(t);
	const ship1 = await start(t, address, { nodeName: 'ship1' });
	await ship1.wire();
	const client = await publicClient(t, address);
	await client.publish(publicTopic, 'first');
	await ship1.publicMessage.first();
	await ship1.stop();
	assert.equal(ship1.link.all.at(-1), 'down: stopped');
});

test(
	'a packet that makes the node throw is reported, and the next one is handed over',
	{ timeout },
	async (t) => {
		const broker = await startBroker('127.0.0.1:0');
		t.after(() => broker.stop());
		const central = await start(t, broker.address);
		const ship1 = createContext({ brokerAddress: broker.address, nodeName: 'ship1' });
		const packet = (topic: string, payload: Uint8Array) => {
			if (Buffer.from(payload).toString() === 'poison') throw new Error('choked');
			ship1.context.listener.packet(topic, payload);
		};
		const running = await mqtt.start({
			...ship1.context,
			listener: { ...ship1.context.listener, packet },
		});
		t.after(() => running.stop());
		await ship1.link.first();
		const wire = await central.wire();
		assert.equal(await publish(wire, 'poison'), 'taken');
		assert.equal(await publish(wire, 'good'), 'taken');
		assert.equal((await ship1.packets.first()).text, 'good');
		const refused = await ship1.signals.first(({ type }) => type === 'message.refused');
		assert.ok(refused.type === 'message.refused' && refused.detail.includes('choked'));
		assert.deepEqual(ship1.link.all, ['up']);
	},
);

test(
	'a frame that the broker would not take is said to be too large',
	{ timeout, skip },
	async (t) => {
		const { address } = await startMosquitto(t, { lines: ['max_packet_size 10000'] });
		const central = await start(t, address);
		const wire = await central.wire();
		assert.equal(await publish(wire, Buffer.alloc(20_000)), 'too_large');
		assert.equal(await publish(wire, Buffer.alloc(9000)), 'nobody');
		assert.deepEqual(central.link.all, ['up'], 'the broker had no reason to end the connection');
	},
);

test(
	'a connection on which the broker says nothing more is broken after half a minute',
	{ timeout, skip },
	async (t) => {
		const { port } = await startMosquitto(t);
		const proxy = await startBadNetwork(realClock, () => [port]);
		t.after(() => proxy.close());
		const clock = steppedClock();
		const central = await start(t, `mqtt://127.0.0.1:${proxy.port}`, { clock });
		const wire = await central.wire();
		const verdicts: string[] = [];
		proxy.silence();
		const dropped = publish(wire, 'nobody answers').then((verdict) => verdicts.push(verdict));
		await clock.advance(29_000);
		assert.deepEqual(verdicts, []);
		await clock.advance(2000);
		await dropped;
		assert.equal(verdicts.length, 1);
		const news = await central.link.first((each) => each.startsWith('down'));
		assert.equal(news, 'down: the broker does not acknowledge');
		proxy.heal();
		await clock.advance(1000);
		assert.equal(await publish(await central.wire(), 'small'), 'nobody');
		await central.stop();
		assert.equal(clock.pending(), 0, 'no timer is left');
	},
);

test(
	'one publication that breaks the connection: an answer that cannot be read breaks it at once',
	{ timeout, skip },
	async (t) => {
		const { address } = await startMosquitto(t, { lines: ['message_size_limit 10000'] });
		const central = await start(t, address);
		assert.equal(await publish(await central.wire(), Buffer.alloc(20_000)), 'hung_up');
		assert.equal(await publish(await central.wire(), 'small'), 'nobody');
	},
);

test('a publication that the broker forbids is refused', { timeout, skip }, async (t) => {
	const { address } = await startMosquitto(t, {
		acl: 'topic read #\ntopic write reeve/+/_status\n',
	});
	const central = await start(t, address);
	assert.equal(await publish(await central.wire(), 'x'), 'refused');
});

test('an address without a broker is reported with the reason', { timeout }, async (t) => {
	const server = createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400\r\n\r\n'));
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => server.close());
	const address = server.address();
	assert.ok(typeof address === 'object' && address);
	const central = await start(t, `127.0.0.1:${address.port}`);
	assert.match(await central.link.first(), /^down: /);
	const signal = await central.signals.first(({ type }) => type === 'transport.down');
	assert.ok(signal.type === 'transport.down' && signal.address.endsWith(`:${address.port}`));
});

test(
	'a stop while the broker is still being called leaves nothing behind',
	{ timeout },
	async (t) => {
		const server = createServer((socket) => socket.on('error', () => {}));
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		const connections: Promise<unknown>[] = [];
		const both = new Promise<void>((resolve) => {
			server.on('connection', (socket) => {
				connections.push(once(socket.resume(), 'close'));
				if (connections.length === 2) resolve();
			});
		});
		const address = server.address();
		assert.ok(typeof address === 'object' && address);
		const central = await start(t, `127.0.0.1:${address.port}`);
		await both;
		await central.stop();
		await central.stop();
		await Promise.all(connections);
		assert.deepEqual(central.link.all, []);
		await new Promise((resolve) => server.close(resolve));
	},
);

test('an address that is none is refused, and its password is not shown', async () => {
	for (const brokerAddress of ['ftp://me:secret@host:4222', 'mqtt://', 'mqtt://me:secret@ho st']) {
		const { context } = createContext({ brokerAddress });
		await assert.rejects(mqtt.start(context), (thrown: Error & { code?: string }) => {
			assert.equal(thrown.code, 'bad_config');
			assert.ok(!thrown.message.includes('secret'), thrown.message);
			return true;
		});
	}
});

test('name and password of the broker are not shown', { timeout }, async (t) => {
	const broker = await startBroker('127.0.0.1:0');
	t.after(() => broker.stop());
	const central = await start(t, broker.address.replace('//', '//me:secret@'));
	await central.wire();
	const text = JSON.stringify(central.signals.all);
	assert.ok(text.includes('transport.up') && !text.includes('secret'), text);
});

test('a topic that is followed brings what is retained there', { skip, timeout }, async (t) => {
	const { address } = await startMosquitto(t);
	const node = await start(t, address);
	const wire = await node.wire();
	const topic = 'another/ship2/_status';
	await wire.publish({ topic, payload: Buffer.from('birth'), qos: 1, retain: true });
	await publish(wire, 'first', 'reeve/central/_lane/REQPing/EventACK');
	assert.ok(node.packets.all.every(({ text }) => text !== 'birth'));
	wire.follow?.(topic);
	await node.packets.first(({ text }) => text === 'birth');
});

test(
	'a node that asks for presence hears of those it follows, and this one takes no public message',
	{ skip, timeout },
	async (t) => {
		const { address } = await startMosquitto(t);
		const other = await (await start(t, address, { nodeName: 'ship2' })).wire();
		const status = 'reeve/ship2/_status';
		await other.publish({ topic: status, payload: Buffer.from('born'), qos: 1, retain: true });
		const own = { nodeName: 'ship1', presence: 'asked', takePublic: false } as const;
		const node = await start(t, address, own);
		const wire = await node.wire();
		assert.equal(await publish(wire, '{}', publicTopic), 'nobody', 'no connection takes it');
		await publish(other, 'self', 'reeve/ship1/_status');
		await node.packets.first(({ text }) => text === 'self');
		assert.deepEqual(
			node.packets.all.filter(({ topic }) => topic === status),
			[],
			'what the broker keeps comes before what is published later',
		);
		wire.follow?.(status);
		const { text } = await node.packets.first(({ topic }) => topic === status);
		assert.equal(text, 'born');
	},
);
