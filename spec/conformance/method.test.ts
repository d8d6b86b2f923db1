/**
 * Every method that reeve brings along, found by folder scan, through every way in: its example is sent, and
 * ends as done. A further way is a further row of `ways`.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import type { MethodDefinition } from '../../runtime/define.ts';
import { trustMethods } from '../../runtime/trust.ts';
import { startFleet, type Fleet } from '../support/fleet.ts';
import { builtInMethods } from '../support/method-context.ts';

/** What came of a message, as far as every way tells it. */
interface Told {
	readonly state: string;
	readonly code?: string;
	readonly detail?: string;
	readonly output?: string;
}

/** A way in, to ship1. */
interface Way {
	readonly name: string;
	/** Whether whoever comes this way may do anything; others may not hand out keys, unless they sign. */
	readonly isTrusted?: true;
	send(message: Example): Promise<Told>;
}

type Example = ReturnType<typeof exampleOf>;

let fleet: Fleet;
let client: MqttClient;
before(async () => {
	fleet = await startFleet(['central', 'ship1']);
	client = await mqtt.connectAsync(fleet.broker, { reconnectPeriod: 0 });
	await client.subscribeAsync('conformance/+', { qos: 1 });
});
after(async () => {
	await client?.endAsync(true);
	await fleet?.stop();
});

const ways: readonly Way[] = [
	{
		name: 'the socket of the node itself',
		isTrusted: true,
		send: (message) => throughSocket('ship1', message),
	},
	{ name: 'another node', send: (message) => throughSocket('central', message) },
	{ name: 'a public topic of MQTT', send: throughTopic },
];

async function throughSocket(node: string, message: Example): Promise<Told> {
	const [answer] = await fleet.send(node, [message]);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	const [row] = await fleet.settled(node, [answer.id]);
	assert.ok(row);
	return row;
}

async function throughTopic({ toNode, method, kind, ...fields }: Example): Promise<Told> {
	const replyTopic = `conformance/${method}`;
	const answered = new Promise<Told>((resolve) => {
		client.on('message', (topic, text) => {
			const told = JSON.parse(text.toString()) as Told & { settled?: boolean };
			if (topic === replyTopic && told.settled !== false) resolve(told);
		});
	});
	const payload = JSON.stringify({ ...fields, replyTopic });
	await client.publishAsync(`reeve/${toNode}/${method}/${kind}`, payload, { qos: 1 });
	const told = await answered;
	client.removeAllListeners('message');
	return told;
}

/** The example of a method as a message, of a kind whose outcome is told, and soon over. */
function exampleOf({ name, kind, example, untilTimeout, scheduleOf }: MethodDefinition) {
	return {
		...example,
		toNode: 'ship1',
		method: name,
		kind: kind.replace('NACK', 'ACK'),
		directory: 'conformance',
		fileName: name,
		methodTimeout: untilTimeout ? 1 : 30,
		...(scheduleOf ? { schedule: { every: 1, times: 1 } } : {}),
	};
}

for (const definition of builtInMethods.list()) {
	const { name, replies } = definition;
	test(
		`${name}: its example is done through every way in that it has`,
		{ timeout: 60_000 },
		async () => {
			for (const way of ways.filter(({ isTrusted }) => isTrusted || !trustMethods.has(name))) {
				const { state, code, detail, output } = await way.send(exampleOf(definition));
				assert.equal(state, 'done', `${way.name}: ${code}, ${detail}`);
				if (replies === true && !definition.scheduleOf) {
					assert.equal(typeof output, 'string', `${way.name}: output comes back`);
				}
			}
			// What it has stopped is needed further on.
			if (name !== 'REQOpProcessStop') return;
			const start = { toNode: 'ship1', method: 'REQOpProcessStart' };
			const [answer] = await fleet.send('ship1', [
				{ ...start, methodArgs: definition.example.methodArgs?.slice(0, 1) },
			]);
			assert.ok(answer && 'id' in answer);
			const [row] = await fleet.settled('ship1', [answer.id]);
			assert.equal(row?.state, 'done');
		},
	);
}
