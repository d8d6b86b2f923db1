import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test, { after, before, type TestContext } from 'node:test';
import { steppedClock } from '../../runtime/platform/clock.ts';
import type { Publication, TransportDefinition } from '../../runtime/network/transport.ts';
import { startBroker } from '../../transports/mqtt/embedded-broker.ts';
import { createHub, loopback } from '../../transports/loopback/loopback.ts';
import mqtt from '../../transports/mqtt/mqtt.ts';
import { missing, startMosquitto } from '../support/broker.ts';
import { createContext, type NotedContext } from '../support/transport-context.ts';

// The timers of a clock keep no process alive while a line waits for its broker; this does.
const vigil = createServer();
before(async () => void (await once(vigil.listen(0, '127.0.0.1'), 'listening')));
after(() => vigil.close());

/** Where the wires of one test meet. */
interface Meeting {
	readonly wire: TransportDefinition;
	readonly values: Parameters<typeof createContext>[0];
}

interface Kind {
	readonly name: string;
	readonly skip: string | false;
	/** MQTT 3.1.1 cannot say that there is no subscriber. */
	readonly knowsReceivers: boolean;
	readonly meet: (t: TestContext) => Promise<Meeting>;
}

const kinds: readonly Kind[] = [
	{
		name: 'loopback',
		skip: false,
		knowsReceivers: true,
		async meet() {
			await Promise.resolve();
			return { wire: loopback(createHub(steppedClock(1))), values: {} };
		},
	},
	{
		name: 'MQTT over the embedded broker',
		skip: false,
		knowsReceivers: false,
		async meet(t) {
			const broker = await startBroker('127.0.0.1:0');
			t.after(() => broker.stop());
			return { wire: mqtt, values: { brokerAddress: broker.address } };
		},
	},
	...(['5', '3.1.1'] as const).map((mqttVersion) => ({
		name: `MQTT ${mqttVersion} over Mosquitto`,
		skip: missing('mosquitto'),
		knowsReceivers: mqttVersion === '5',
		async meet(t: TestContext) {
			const { address } = await startMosquitto(t);
			return { wire: mqtt, values: { brokerAddress: address, mqttVersion } };
		},
	})),
];

interface Node extends NotedContext {
	publish(publication: Partial<Publication> & { topic: string; text?: string }): Promise<string>;
	stop(): Promise<void>;
}

/** Plugs a node into the meeting; resolves when its wire is up. */
async function join(t: TestContext, { wire, values }: Meeting, nodeName: string): Promise<Node> {
	const noted = createContext({ ...values, nodeName });
	const running = await wire.start(noted.context);
	t.after(() => running.stop());
	await noted.link.first((news) => news === 'up');
	return {
		...noted,
		async publish({ topic, text = 'text', qos = 1, retain = false }) {
			const [link] = noted.wires;
			assert.ok(link, `the wire of ${nodeName} is up`);
			return link.publish({ topic, payload: Buffer.from(text), qos, retain });
		},
		stop: () => running.stop(),
	};
}

const lane = (node: string) => `reeve/${node}/_lane/REQPing/EventACK`;
const status = (node: string) => `reeve/${node}/_status`;
const timeout = 20_000;

for (const { name, skip, knowsReceivers, meet } of kinds) {
	const each = (title: string, run: (t: TestContext, meeting: Meeting) => Promise<void>) =>
		void test(`${name}: ${title}`, { skip, timeout }, async (t) => run(t, await meet(t)));

	each('a frame arrives at the node that it is for, and at no other', async (t, meeting) => {
		const central = await join(t, meeting, 'central');
		const ship1 = await join(t, meeting, 'ship1');
		const ship2 = await join(t, meeting, 'ship2');
		assert.equal(await central.publish({ topic: lane('ship1'), text: 'one' }), 'taken');
		assert.equal(await central.publish({ topic: lane('ship2'), text: 'two' }), 'taken');
		assert.deepEqual(await ship1.packets.first(), { topic: lane('ship1'), text: 'one' });
		assert.deepEqual(await ship2.packets.first(), { topic: lane('ship2'), text: 'two' });
		assert.deepEqual(central.packets.all, []);
	});

	each('frames and acknowledgements between two nodes keep their order', async (t, meeting) => {
		const central = await join(t, meeting, 'central');
		const ship1 = await join(t, meeting, 'ship1');
		const texts = Array.from({ length: 200 }, (_, number) => String(number));
		await Promise.all(texts.map((text) => central.publish({ topic: lane('ship1'), text, qos: 1 })));
		const heard = await ship1.packets.count(200);
		assert.deepEqual(
			heard.map(({ text }) => text),
			texts,
		);
		await ship1.publish({ topic: 'reeve/central/_ack', text: 'ack', qos: 0 });
		assert.equal((await central.packets.first()).topic, 'reeve/central/_ack');
	});

	each('bytes arrive as they were sent', async (t, meeting) => {
		const central = await join(t, meeting, 'central');
		const ship1 = createContext({ ...meeting.values, nodeName: 'ship1' });
		const payload = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256);
		const arrived = new Promise<Uint8Array>((resolve) => {
			const packet = (_topic: string, bytes: Uint8Array) => resolve(bytes);
			const listener = { ...ship1.context.listener, packet };
			void meeting.wire.start({ ...ship1.context, listener }).then((running) => {
				t.after(() => running.stop());
			});
		});
		await ship1.link.first();
		const [link] = central.wires;
		await link?.publish({ topic: lane('ship1'), payload, qos: 1, retain: false });
		assert.deepEqual(Buffer.from(await arrived), Buffer.from(payload));
	});

	each(
		'a retained birth reaches nodes that connect later, and those that are connected',
		async (t, meeting) => {
			const ship1 = await join(t, meeting, 'ship1');
			await ship1.publish({ topic: status('ship1'), text: 'born', retain: true });
			const central = await join(t, meeting, 'central');
			assert.deepEqual(await central.packets.first(), { topic: status('ship1'), text: 'born' });
			await ship1.publish({ topic: status('ship1'), text: 'again', retain: true });
			const news = await central.packets.first(({ text }) => text === 'again');
			assert.equal(news.topic, status('ship1'));
		},
	);

	each(
		'a second node of the same name takes over, and the will of the first is published',
		async (t, meeting) => {
			const central = await join(t, meeting, 'central');
			const first = await join(t, meeting, 'ship1');
			await join(t, meeting, 'ship1');
			await first.link.first((news) => news.startsWith('down'));
			const death = await central.packets.first(({ topic }) => topic === status('ship1'));
			assert.equal(death.text, 'offline');
			await first.stop();
		},
	);

	each('a clean stop publishes no will, and reports that the wire is down', async (t, meeting) => {
		const central = await join(t, meeting, 'central');
		const ship1 = await join(t, meeting, 'ship1');
		const [link] = ship1.wires;
		await ship1.stop();
		assert.equal(ship1.link.all.at(-1), 'down: stopped');
		assert.equal(ship1.wires.size, 0);
		const payload = Buffer.from('late');
		const late = { topic: lane('central'), payload, qos: 1, retain: false } as const;
		assert.equal(await link?.publish(late), 'not_connected');
		const ship2 = await join(t, meeting, 'ship2');
		await ship2.publish({ topic: lane('central'), text: 'after' });
		await central.packets.first(({ text }) => text === 'after');
		assert.deepEqual(
			central.packets.all.filter(({ topic }) => topic === status('ship1')),
			[],
		);
	});

	each(
		'the verdict on a frame for an absent node is "nobody", if the wire can know',
		async (t, meeting) => {
			const central = await join(t, meeting, 'central');
			const verdict = await central.publish({ topic: lane('nowhere') });
			assert.equal(verdict, knowsReceivers ? 'nobody' : 'taken');
			const ship1 = await join(t, meeting, 'ship1');
			assert.equal(await central.publish({ topic: lane('ship1') }), 'taken');
			await ship1.packets.first();
		},
	);

	each('a message on a public topic is handed over with its topic', async (t, meeting) => {
		const central = await join(t, meeting, 'central');
		const ship1 = await join(t, meeting, 'ship1');
		const topic = 'reeve/ship1/REQPing/EventACK';
		const published = central.publish({ topic, text: '{}' });
		const publicMessage = await ship1.publicMessage.first();
		assert.equal(publicMessage.topic, topic);
		assert.equal(publicMessage.text, '{}');
		publicMessage.settle();
		assert.equal(await published, 'taken');
		assert.deepEqual(ship1.packets.all, []);
	});

	each('frames go on while a public message waits to be taken', async (t, meeting) => {
		const central = await join(t, meeting, 'central');
		const ship1 = await join(t, meeting, 'ship1');
		void central.publish({ topic: 'reeve/ship1/REQPing/EventACK', text: 'client' });
		const publicMessage = await ship1.publicMessage.first();
		await central.publish({ topic: lane('ship1'), text: 'frame' });
		assert.equal((await ship1.packets.first()).text, 'frame');
		publicMessage.settle();
	});

	each('a public message for a node that is away waits for its return', async (t, meeting) => {
		const central = await join(t, meeting, 'central');
		const ship1 = await join(t, meeting, 'ship1');
		const topic = 'reeve/ship1/REQPing/EventACK';
		void central.publish({ topic, text: 'first' });
		(await ship1.publicMessage.first()).settle();
		await ship1.stop();
		await central.publish({ topic, text: 'second' });
		const again = await join(t, meeting, 'ship1');
		const publicMessage = await again.publicMessage.first(({ text }) => text === 'second');
		publicMessage.settle();
	});

	each('two fleets with different prefixes do not hear of one another', async (t, meeting) => {
		const other = { ...meeting, values: { ...meeting.values, topicPrefix: 'other' } };
		const ours = await join(t, meeting, 'ship1');
		const theirs = await join(t, other, 'ship1');
		if (name !== 'loopback') assert.equal(ours.wires.size, 1, 'one name at two prefixes are two');
		await theirs.publish({ topic: 'other/ship1/_status', text: 'theirs', retain: true });
		await theirs.packets.first(({ text }) => text === 'theirs');
		assert.deepEqual(ours.packets.all, []);
	});
}
