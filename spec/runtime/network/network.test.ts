import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createExchange } from '../../../runtime/network/network.ts';
import { passAll } from '../../../runtime/platform/crash-points.ts';
import { packFrames, readFrames } from '../../../runtime/protocol/frame.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import type { Publication, Verdict, Wire } from '../../../runtime/network/transport.ts';
import {
	packAcknowledgement,
	readAcknowledgement,
} from '../../../runtime/protocol/acknowledgement.ts';
import { readStatus, writeStatus } from '../../../runtime/protocol/status.ts';

/** An exchange of ship1, what has arrived at the node, and wires that note what they are given. */
function exchangeOf() {
	const clock = steppedClock();
	const signals = createSignals(clock);
	const arrived: string[] = [];
	const links: boolean[] = [];
	const exchange = createExchange({
		clock,
		signals,
		bytesMax: 10_000,
		passPoint: passAll,
		self: { node: 'ship1', storeId: 'here', epoch: 4, prefix: 'reeve', methods: () => ['REQPing'] },
		arrivals: {
			frame: ({ from }, { method, kind }) => arrived.push(`frame ${from} ${method} ${kind}`),
			acknowledgement: ({ from }) => arrived.push(`ack ${from}`),
			status: ({ node, state }) => arrived.push(`${node} ${state}`),
			async foreign(payload, { method }) {
				await Promise.resolve();
				arrived.push(`foreign ${method} ${Buffer.from(payload).toString()}`);
			},
			link: (isUp) => links.push(isUp),
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
	return { clock, signals, exchange, arrived, links, wireOf };
}

const to = { node: 'central', method: 'REQPing', kind: 'EventACK' } as const;
const content = { lo: 1, first: 1, rows: [] };
const ack = { lane: 'l', epoch: 1, upTo: 1, id: 'm1', credit: 5 };
const head = { v: 1, from: 'central', storeId: 'there', epoch: 1 } as const;

test('a frame is published for its lane, with who sends it; at most once means QoS 0', async () => {
	const { exchange, clock, wireOf } = exchangeOf();
	const { wire, published } = wireOf();
	exchange.listener.up(wire);
	exchange.sendFrame(to, content);
	exchange.sendFrame(to, { ...content, lane: 'l' });
	exchange.sendFrame(to, { ...content, lane: 'k' });
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
	const { exchange, wireOf } = exchangeOf();
	const { wire, followed } = wireOf();
	exchange.follow('central');
	exchange.listener.up(wire);
	exchange.follow('central');
	assert.deepEqual(followed, ['reeve/central/_status']);
	exchange.listener.down(wire, 'lost');
	exchange.listener.up(wire);
	exchange.follow('ship2');
	const topics = ['reeve/central/_status', 'reeve/central/_status', 'reeve/ship2/_status'];
	assert.deepEqual(followed, topics);
});

test('without a wire nothing is taken, and with two the better verdict counts', async () => {
	const { exchange, wireOf, links } = exchangeOf();
	const anything = { topic: 't', payload: Buffer.from('p'), qos: 1, retain: false } as const;
	assert.equal(await exchange.publish(anything), 'not_connected');
	const [refusing, taking] = [wireOf('refused'), wireOf('taken')];
	exchange.listener.up(refusing.wire);
	assert.equal(await exchange.publish(anything), 'refused');
	exchange.listener.up(taking.wire);
	assert.equal(await exchange.publish(anything), 'taken');
	exchange.listener.down(taking.wire, 'cut');
	assert.equal(exchange.isUp(), true);
	exchange.listener.down(refusing.wire, 'cut');
	assert.equal(exchange.isUp(), false);
	assert.deepEqual(links, [true, true, true, false]);
});

test('answers of one turn leave together, one publication for each store, the last word of each lane', async () => {
	const { exchange, clock, wireOf } = exchangeOf();
	const { wire, published } = wireOf();
	exchange.listener.up(wire);
	for (let upTo = 1; upTo <= 100; upTo += 1) {
		exchange.answer({ from: 'central', storeId: 'there' }, { ...ack, upTo });
		exchange.answer({ from: 'central', storeId: 'there' }, { ...ack, lane: 'l2', upTo });
		exchange.answer({ from: 'ship2', storeId: 'other' }, { ...ack, upTo });
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
	const { exchange, clock, wireOf } = exchangeOf();
	exchange.answer({ from: 'central', storeId: 'there' }, ack);
	await clock.settle();
	const { wire, published } = wireOf();
	exchange.listener.up(wire);
	await clock.settle();
	assert.equal(published.length, 0, 'the sender sends again, and is answered again');
	exchange.answer({ from: 'central', storeId: 'there' }, ack);
	await clock.settle();
	assert.equal(published.length, 1);
});

test('what arrives goes to whom it is for, and an acknowledgement for another store to nobody', () => {
	const { exchange, arrived, signals } = exchangeOf();
	const packet = (topic: string, payload: Uint8Array) => exchange.listener.packet(topic, payload);
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
	const { exchange, arrived, signals } = exchangeOf();
	const topics = ['reeve/ship1/_lane/REQPing/EventACK', 'reeve/ship1/_ack', 'reeve/a/_status', 'x'];
	for (const topic of topics) exchange.listener.packet(topic, Buffer.from('hostile'));
	assert.deepEqual(arrived, []);
	assert.equal(signals.counts()['message.refused'], topics.length);
});

test('a node is announced on every wire, now and after a reconnect, until it says goodbye', async () => {
	const { exchange, wireOf } = exchangeOf();
	const { wire, published } = wireOf();
	const states = () => published.map(({ payload }) => readStatus(payload)?.state);
	exchange.listener.up(wire);
	assert.deepEqual(states(), [], 'it is not ready yet');
	exchange.announce();
	exchange.listener.down(wire, 'cut');
	exchange.listener.up(wire);
	await exchange.retire();
	exchange.listener.down(wire, 'cut');
	exchange.listener.up(wire);
	assert.deepEqual(states(), ['online', 'online', 'offline']);
	assert.ok(published.every(({ retain, qos }) => retain && qos === 1));
	assert.deepEqual(readStatus(exchange.will.payload)?.state, 'offline');
});

test('the late will of an earlier life of this node is answered with its birth', async () => {
	const { exchange, arrived, wireOf } = exchangeOf();
	const { wire, published } = wireOf();
	exchange.listener.up(wire);
	exchange.announce();
	const death = { v: 1, node: 'ship1', state: 'offline', storeId: 'here', epoch: 3 } as const;
	exchange.listener.packet('reeve/ship1/_status', writeStatus(death));
	const last = published.at(-1);
	assert.equal(published.length, 2);
	assert.equal(last && readStatus(last.payload)?.state, 'online');
	await exchange.retire();
	exchange.listener.packet('reeve/ship1/_status', exchange.will.payload);
	assert.equal(published.length, 3, 'the echo of its goodbye is not contradicted');
	assert.deepEqual(arrived, [], 'a node is not its own neighbour');
});

test('a foreign publication is acknowledged when it has been dealt with, and elsewhere ignored', async () => {
	const { exchange, arrived } = exchangeOf();
	await exchange.listener.foreign('reeve/ship1/REQPing/EventACK', Buffer.from('x'), {});
	await exchange.listener.foreign('reeve/ship1/_ack', Buffer.from('y'), {});
	await exchange.listener.foreign('nowhere', Buffer.from('z'), {});
	assert.deepEqual(arrived, ['foreign REQPing x']);
});
