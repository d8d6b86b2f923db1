import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createHub, loopback } from '../../../transports/loopback/loopback.ts';
import type { Faults } from '../../../transports/loopback/faulty-network.ts';
import { createContext } from '../../support/transport-context.ts';

const lane = 'reeve/ship1/_lane/REQPing/EventACK';
const publicTopic = 'reeve/ship1/REQPing/EventACK';

/** A hub with central, ship1 and ship2, all up. */
async function startHub(faults: Partial<Faults> = {}, seed = 1) {
	const clock = steppedClock(seed);
	const hub = createHub(clock, faults);
	const join = async (nodeName: string) => {
		const noted = createContext({ nodeName }, { clock });
		await loopback(hub).start(noted.context);
		return noted;
	};
	const nodes = {
		central: await join('central'),
		ship1: await join('ship1'),
		ship2: await join('ship2'),
	};
	await clock.settle();
	/** Publishes as one of the nodes. */
	const publish = async (from: keyof typeof nodes, text: string, topic = lane) => {
		const [wire] = nodes[from].wires;
		if (!wire) return 'not_connected';
		return wire.publish({ topic, payload: Buffer.from(text), qos: 1, retain: false });
	};
	const heard = () => nodes.ship1.packets.all.map(({ text }) => text);
	return { clock, hub, ...nodes, publish, heard };
}

const texts = (count: number) => Array.from({ length: count }, (_, number) => String(number));

test('no configuration asks for the loopback wire, which is passed to the node', () => {
	const { context } = createContext();
	assert.equal(loopback(createHub(steppedClock())).wanted(context.config), false);
});

test('a link that is cut goes down, has its will published, and comes up again', async () => {
	const { clock, hub, central, ship1, publish, heard } = await startHub();
	hub.cut('ship1');
	await clock.settle();
	assert.deepEqual(ship1.link.all, ['up', 'down: the link was cut']);
	assert.deepEqual(central.packets.all, [{ topic: 'reeve/ship1/_status', text: 'offline' }]);
	assert.equal(await publish('ship1', 'x'), 'not_connected');
	assert.equal(await publish('central', 'lost'), 'nobody');
	hub.restore('ship1');
	await clock.settle();
	assert.equal(await publish('central', 'after'), 'taken');
	await clock.settle();
	assert.deepEqual(heard().slice(-1), ['after']);
});

test('what is under way to a link that is cut does not arrive over the next one', async () => {
	const { clock, hub, publish, heard } = await startHub({ delayMs: [100, 100] });
	await publish('central', 'under way');
	hub.cut('ship1');
	hub.restore('ship1');
	await clock.advance(1000);
	assert.equal(heard().includes('under way'), false);
});

test('partitioned nodes get nothing from one another, while their links stay up', async () => {
	const { clock, hub, ship1, publish, heard } = await startHub();
	hub.part('central', 'ship1');
	assert.equal(await publish('central', 'lost'), 'taken');
	await publish('ship2', 'seen');
	await clock.settle();
	assert.deepEqual(heard(), ['seen']);
	assert.deepEqual(ship1.link.all, ['up']);
	hub.heal();
	await publish('central', 'after');
	await clock.settle();
	assert.deepEqual(heard(), ['seen', 'after']);
	assert.equal(hub.counts().parted, 1);
});

test('a node can be partitioned from all others', async () => {
	const { clock, hub, central, publish, heard } = await startHub();
	hub.part('ship1');
	await publish('central', 'lost');
	await publish('ship2', 'lost');
	await publish('ship1', 'lost', 'reeve/central/_ack');
	await publish('ship2', 'seen', 'reeve/central/_ack');
	await clock.settle();
	assert.deepEqual(heard(), []);
	assert.deepEqual(central.packets.all, [{ topic: 'reeve/central/_ack', text: 'seen' }]);
});

test('a packet on its way when a partition begins does not arrive', async () => {
	const { clock, hub, publish, heard } = await startHub({ delayMs: [10, 10] });
	await publish('central', 'lost');
	hub.part('ship1');
	await clock.advance(100);
	assert.deepEqual(heard(), []);
});

test('a share is lost, and a share arrives twice', async () => {
	const { clock, hub, publish, heard } = await startHub({ loss: 0.2, double: 0.1 });
	for (const text of texts(1000)) await publish('central', text);
	await clock.settle();
	const { lost, doubled, delivered } = hub.counts();
	assert.ok(lost > 120 && lost < 280, `${lost} lost`);
	assert.ok(doubled > 40 && doubled < 130, `${doubled} doubled`);
	assert.equal(delivered, 1000 - lost + doubled);
	assert.equal(heard().length, delivered);
});

test('delays keep the order, unless reordering is asked for', async () => {
	const { clock, hub, publish, heard } = await startHub({ delayMs: [0, 100] });
	for (const text of texts(100)) await publish('central', text);
	await clock.advance(50);
	assert.ok(heard().length < 100, 'some are still on their way');
	await clock.advance(50);
	assert.deepEqual(heard(), texts(100));
	hub.disturb({ reorder: 0.5 });
	for (const text of texts(100)) await publish('central', text);
	await clock.advance(100);
	const later = heard().slice(100);
	assert.notDeepEqual(later, texts(100));
	assert.deepEqual(
		later.toSorted((a, b) => Number(a) - Number(b)),
		texts(100),
		'none is lost',
	);
});

test('the same seed does the same, another one does not', async () => {
	const run = async (seed: number) => {
		const faults = { loss: 0.3, double: 0.3, reorder: 0.3, delayMs: [1, 50] } as const;
		const { clock, publish, heard } = await startHub(faults, seed);
		for (const text of texts(200)) await publish('central', text);
		await clock.advance(1000);
		return heard();
	};
	assert.deepEqual(await run(7), await run(7));
	assert.notDeepEqual(await run(7), await run(8));
});

test('a broker that is restarted has forgotten what was retained', async () => {
	const { clock, hub, central, ship1 } = await startHub();
	const [wire] = ship1.wires;
	const payload = Buffer.from('born');
	await wire?.publish({ topic: 'reeve/ship1/_status', payload, qos: 1, retain: true });
	await clock.settle();
	assert.equal(central.packets.all.length, 1);
	hub.restart();
	await clock.settle();
	assert.deepEqual(central.link.all, ['up', 'down: the broker was restarted', 'up']);
	assert.equal(central.packets.all.length, 1, 'neither the birth nor a will was told');
});

test('an MQTT client is answered when the node has taken its message', async () => {
	const { clock, hub, ship1 } = await startHub();
	const answers: string[] = [];
	const properties = { responseTopic: 'my/answers' };
	const publication = { topic: publicTopic, payload: Buffer.from('{}'), qos: 1, retain: false };
	void hub.publish({ ...publication, qos: 1 }, properties).then((verdict) => answers.push(verdict));
	await clock.settle();
	assert.deepEqual(answers, []);
	const publicMessage = await ship1.publicMessage.first();
	assert.deepEqual(publicMessage.properties, properties);
	publicMessage.settle();
	await clock.settle();
	assert.deepEqual(answers, ['taken']);
});

test('messages of MQTT clients wait for a node that is away, up to a limit', async () => {
	const { clock, hub, ship1 } = await startHub();
	hub.cut('ship1');
	for (const text of texts(1200)) {
		await hub.publish({ topic: publicTopic, payload: Buffer.from(text), qos: 1, retain: false });
	}
	await hub.publish({ topic: publicTopic, payload: Buffer.from('x'), qos: 0, retain: false });
	hub.restore('ship1');
	await clock.settle();
	assert.deepEqual(
		ship1.publicMessage.all.map(({ text }) => text),
		texts(1000),
	);
});
