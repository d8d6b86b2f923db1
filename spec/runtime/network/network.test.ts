import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createInboundRouter } from '../../../runtime/network/inbound-router.ts';
import { createNetwork } from '../../../runtime/network/network.ts';
import { configOf } from '../../../runtime/config/config.ts';
import { passAll } from '../../../runtime/platform/crash-points.ts';
import { packFrames, readFrames } from '../../../runtime/protocol/frame.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import type { Publication, Verdict, Wire } from '../../../runtime/network/transport.ts';
import {
	packAcknowledgement,
	readAcknowledgement,
} from '../../../runtime/protocol/acknowledgement.ts';
import { readStatus, writeStatus } from '../../../runtime/protocol/status.ts';

/** A network of ship1, what has arrived at the node, and wires that note what they are given. */
function networkOf() {
	const clock = steppedClock();
	const signals = createSignals(clock);
	const arrived: string[] = [];
	const links: boolean[] = [];
	const self = {
		node: 'ship1',
		storeId: 'here',
		epoch: 4,
		prefix: 'reeve',
		methods: () => ['REQPing'],
	};
	const fencing = new AbortController();
	const network = createNetwork({
		clock,
		config: configOf({ frameBytesMax: 10_000 }),
		signals,
		passPoint: passAll,
		self,
		fenced: fencing.signal,
	});
	network.onLink((isUp) => links.push(isUp));
	const listener = createInboundRouter({
		self,
		network,
		signals,
		handlers: {
			frame: ({ from }, { method, kind }) => arrived.push(`frame ${from} ${method} ${kind}`),
			acknowledgement: ({ from }) => arrived.push(`ack ${from}`),
			status: ({ node, state }) => arrived.push(`${node} ${state}`),
			async publicMessage(payload, { method }) {
				await Promise.resolve();
				arrived.push(`public ${method} ${Buffer.from(payload).toString()}`);
			},
		},
	});
	const wireOf = (verdict: Verdict = 'taken') => {
		const published: Publication[] = [];
		const followed: string[] = [];
		const wire: Wire = {
			name: 'noted',
			follow: (topic) => void followed.push(topic),
			publish(publication) {
				published.push(publication);
				return Promise.resolve(verdict);
			},
		};
		return { wire, published, followed };
	};
	return { clock, signals, network, listener, fencing, arrived, links, wireOf };
}

const to = { node: 'central', method: 'REQPing', kind: 'EventACK' } as const;
const content = { lo: 1, first: 1, rows: [] };
const ack = { lane: 'l', epoch: 1, upTo: 1, id: 'm1', credit: 5 };
const head = { v: 1, from: 'central', storeId: 'there', epoch: 1 } as const;

test('a frame is published for its lane, with who sends it; at most once means QoS 0', async () => {
	const { network, clock, wireOf, listener } = networkOf();
	const { wire, published } = wireOf();
	listener.up(wire);
	network.sendFrame(to, content);
	network.sendFrame(to, { ...content, lane: 'l' });
	network.sendFrame(to, { ...content, lane: 'k' });
	await clock.settle();
	const [once, lanes] = published;
	assert.equal(lanes?.topic, 'reeve/central/_lane/REQPing/EventACK');
	assert.deepEqual([lanes?.qos, lanes?.retain, once?.qos], [1, false, 0]);
	const read = readFrames(lanes?.payload ?? Buffer.alloc(0));
	const who = { v: 1, from: 'ship1', storeId: 'here', epoch: 4 } as const;
	assert.deepEqual(read, [
		{ ...who, ...content, lane: 'l' },
		{ ...who, ...content, lane: 'k' },
	]);
	assert.equal(published.length, 2);
});

test('a node that is followed is asked for by its full topic, once on each wire and again after a reconnect', () => {
	const { network, wireOf, listener } = networkOf();
	const { wire, followed } = wireOf();
	network.follow('central');
	listener.up(wire);
	network.follow('central');
	assert.deepEqual(followed, ['reeve/central/_status']);
	listener.down(wire, 'lost');
	listener.up(wire);
	network.follow('ship2');
	const topics = ['reeve/central/_status', 'reeve/central/_status', 'reeve/ship2/_status'];
	assert.deepEqual(followed, topics);
});

test('what one broker found too large is sent whole after a reconnect: it may be another', async () => {
	const { network, clock, wireOf, listener } = networkOf();
	const small = wireOf('too_large');
	const large = wireOf();
	const rows = [{ id: 'm1', ttlMs: 1000, body: new Uint8Array(3000) }];
	const send = async () => {
		for (const lane of ['l', 'k']) network.sendFrame(to, { ...content, lane, rows });
		await clock.settle();
	};
	listener.up(small.wire);
	await send();
	assert.equal(small.published.length, 3, 'both together, and then each by itself');
	listener.down(small.wire, 'lost');
	listener.up(large.wire);
	await send();
	assert.equal(large.published.length, 1);
});

test('a process that was replaced says nothing more, on no wire', async () => {
	const { network, clock, wireOf, listener, fencing, links } = networkOf();
	const { wire, published } = wireOf();
	listener.up(wire);
	fencing.abort();
	assert.deepEqual([network.isUp(), links], [false, [true, false]]);
	listener.up(wire);
	network.announce();
	network.sendFrame(to, { ...content, lane: 'l' });
	network.tell('topic', 'text');
	const said = { topic: 'topic', payload: Buffer.from('text'), qos: 1, retain: false } as const;
	assert.equal(await network.publish(said), 'not_connected');
	await clock.settle();
	assert.deepEqual(published, []);
});

test('without a wire nothing is taken, and with two the better verdict counts', async () => {
	const { network, wireOf, links, listener } = networkOf();
	const anything = { topic: 't', payload: Buffer.from('p'), qos: 1, retain: false } as const;
	assert.equal(await network.publish(anything), 'not_connected');
	const [refusing, taking] = [wireOf('refused'), wireOf('taken')];
	listener.up(refusing.wire);
	assert.equal(await network.publish(anything), 'refused');
	listener.up(taking.wire);
	assert.equal(await network.publish(anything), 'taken');
	listener.down(taking.wire, 'cut');
	assert.equal(network.isUp(), true);
	listener.down(refusing.wire, 'cut');
	assert.equal(network.isUp(), false);
	assert.deepEqual(links, [true, true, true, false]);
});

test('answers of one turn leave together, one publication for each store, the last word of each lane', async () => {
	const { network, clock, wireOf, listener } = networkOf();
	const { wire, published } = wireOf();
	listener.up(wire);
	for (let upTo = 1; upTo <= 100; upTo += 1) {
		network.answer({ from: 'central', storeId: 'there' }, { ...ack, upTo });
		network.answer({ from: 'central', storeId: 'there' }, { ...ack, lane: 'l2', upTo });
		network.answer({ from: 'ship2', storeId: 'other' }, { ...ack, upTo });
	}
	assert.equal(published.length, 0);
	await clock.settle();
	assert.deepEqual(
		published.map(({ topic }) => topic),
		['reeve/central/_ack', 'reeve/ship2/_ack'],
	);
	const { lanes, forStoreId } = readAcknowledgement(published[0]?.payload ?? Buffer.alloc(0));
	assert.equal(forStoreId, 'there');
	assert.deepEqual(
		lanes.map(({ lane, upTo }) => [lane, upTo]),
		[
			['l', 100],
			['l2', 100],
		],
	);
});

test('an answer that finds no wire is dropped, and the next one leaves', async () => {
	const { network, clock, wireOf, listener } = networkOf();
	network.answer({ from: 'central', storeId: 'there' }, ack);
	await clock.settle();
	const { wire, published } = wireOf();
	listener.up(wire);
	await clock.settle();
	assert.equal(published.length, 0, 'the sender sends again, and is answered again');
	network.answer({ from: 'central', storeId: 'there' }, ack);
	await clock.settle();
	assert.equal(published.length, 1);
});

test('what arrives goes to its receiver, and an acknowledgement for another store is dropped', () => {
	const { arrived, signals, listener } = networkOf();
	const packet = (topic: string, payload: Uint8Array) => listener.packet(topic, payload);
	packet('reeve/ship1/_lane/REQPing/EventACK', packFrames(head, [{ ...content, lane: 'l' }]));
	packet('reeve/ship1/_ack', packAcknowledgement({ ...head, forStoreId: 'here', lanes: [ack] }));
	packet('reeve/ship1/_ack', packAcknowledgement({ ...head, forStoreId: 'lost', lanes: [ack] }));
	const birth = { v: 1, node: 'central', state: 'online', storeId: 's', epoch: 1 } as const;
	packet('reeve/central/_status', writeStatus(birth));
	packet('reeve/ship2/_status', writeStatus(birth));
	packet('reeve/central/_status', new Uint8Array(0));
	assert.deepEqual(arrived, ['frame central REQPing EventACK', 'ack central', 'central online']);
	assert.equal(signals.recent().length, 0);
});

test('what cannot be read is reported, and never thrown at the wire', () => {
	const { arrived, signals, listener } = networkOf();
	const topics = ['reeve/ship1/_lane/REQPing/EventACK', 'reeve/ship1/_ack', 'reeve/a/_status', 'x'];
	for (const topic of topics) listener.packet(topic, Buffer.from('hostile'));
	assert.deepEqual(arrived, []);
	assert.equal(signals.counts()['message.refused'], topics.length);
});

test('a node is announced on every wire, now and after a reconnect, until it says goodbye', async () => {
	const { network, wireOf, listener } = networkOf();
	const { wire, published } = wireOf();
	const states = () => published.map(({ payload }) => readStatus(payload)?.state);
	listener.up(wire);
	assert.deepEqual(states(), [], 'it is not ready yet');
	network.announce();
	listener.down(wire, 'cut');
	listener.up(wire);
	await network.retire();
	listener.down(wire, 'cut');
	listener.up(wire);
	assert.deepEqual(states(), ['online', 'online', 'offline']);
	assert.ok(published.every(({ retain, qos }) => retain && qos === 1));
	assert.deepEqual(readStatus(network.will.payload)?.state, 'offline');
});

test('the late will of an earlier run of this node is answered with its birth', async () => {
	const { network, arrived, wireOf, listener } = networkOf();
	const { wire, published } = wireOf();
	listener.up(wire);
	network.announce();
	const death = { v: 1, node: 'ship1', state: 'offline', storeId: 'here', epoch: 3 } as const;
	listener.packet('reeve/ship1/_status', writeStatus(death));
	const last = published.at(-1);
	assert.equal(published.length, 2);
	assert.equal(last && readStatus(last.payload)?.state, 'online');
	await network.retire();
	listener.packet('reeve/ship1/_status', network.will.payload);
	assert.equal(published.length, 3, 'the echo of its goodbye is not contradicted');
	assert.deepEqual(arrived, [], 'a node is not its own neighbour');
});

test('a public message is acknowledged when it has been dealt with, and elsewhere ignored', async () => {
	const { arrived, listener } = networkOf();
	await listener.publicMessage('reeve/ship1/REQPing/EventACK', Buffer.from('x'), {});
	await listener.publicMessage('reeve/ship1/_ack', Buffer.from('y'), {});
	await listener.publicMessage('nowhere', Buffer.from('z'), {});
	assert.deepEqual(arrived, ['public REQPing x']);
});

test('a replay of the broker is refused on all topics of a node but births', async () => {
	const { listener, arrived, signals, clock } = networkOf();
	const frame = (lane?: string) =>
		packFrames(head, [{ ...(lane ? { lane } : {}), lo: 1, first: 1, rows: [] }]);
	const acknowledged = packAcknowledgement({ ...head, forStoreId: 'here', lanes: [] });
	const birth = writeStatus({ v: 1, state: 'online', node: 'central', storeId: 'there', epoch: 1 });
	const retained = { isRetained: true };
	listener.packet('reeve/ship1/_lane/REQPing/EventACK', frame('l'), retained);
	listener.packet('reeve/ship1/_lane/REQPing/EventNACK', frame(), retained);
	listener.packet('reeve/ship1/_ack', acknowledged, retained);
	listener.packet('reeve/ship1/_claim', Buffer.from('{}'), retained);
	listener.packet('reeve/central/_status', birth, retained);
	await listener.publicMessage('reeve/ship1/REQPing/EventACK', Buffer.from('{}'), retained);
	await clock.settle();
	assert.deepEqual(arrived, ['central online']);
	const codes = signals.recent().flatMap((one) => (one.type === 'message.refused' ? one.code : []));
	assert.deepEqual(
		codes,
		Array.from({ length: 5 }, () => 'retained'),
	);
	const row = { id: 'once', ttlMs: 1, body: Buffer.from('') };
	const repeat = packFrames(head, [{ lo: 1, first: 1, rows: [row] }]);
	listener.packet('reeve/ship1/_lane/REQPing/EventNACK', repeat, { isRepeat: true });
	assert.equal(signals.counts()['message.dropped'], 1, 'it may have been started already');
});
