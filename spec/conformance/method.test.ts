/**
 * Every method that reeve brings along, found by folder scan, through every way in: its example is
 * sent, and ends as done. A further way is a further row of `ways`.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import type { MethodDefinition } from '../../runtime/method/method.ts';
import { authorizationMethods } from '../../runtime/security/access-rules.ts';
import type { Answer } from '../../runtime/network/transport.ts';
import { freePort } from '../support/broker.ts';
import { builtInMethods } from '../support/composed-node.ts';
import { type Fleet, startFleet } from '../support/processes.ts';

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
	/**
	 * Whether a client that comes this way may do anything; others may hand out keys only signed.
	 */
	readonly isTrusted?: true;
	send(message: Example): Promise<Told>;
}

type Example = ReturnType<typeof exampleOf>;

let fleet: Fleet;
let client: MqttClient;
let tcpPort = 0;
let httpPort = 0;
before(async () => {
	fleet = await startFleet(['central']);
	tcpPort = await freePort();
	httpPort = await freePort();
	await writeStartupMessages();
	await mkdir(fleet.data('ship1'), { recursive: true });
	await writeFile(join(fleet.data('ship1'), 'report.txt'), 'a report');
	await fleet.start('ship1', [
		'--tcpListener',
		`127.0.0.1:${tcpPort}`,
		'--httpListener',
		`127.0.0.1:${httpPort}`,
		'--listenerLogin',
		'false',
		'--readFolder',
		inbox(),
		'--readFolderSettleMs',
		'50',
		'--startupFolder',
		join(fleet.folder, 'startup'),
	]);
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
	{ name: 'TCP', isTrusted: true, send: throughTcp },
	{ name: 'HTTP', isTrusted: true, send: throughHttp },
	{ name: 'the read folder', isTrusted: true, send: throughReadFolder },
	{ name: 'the startup folder', isTrusted: true, send: throughStartupFolder },
	{ name: 'another node', send: (message) => throughSocket('central', message) },
	{ name: 'a public topic of MQTT', send: throughTopic },
];

async function throughSocket(node: string, message: Example): Promise<Told> {
	return toldOf(node, await fleet.send(node, [message]));
}

/** What becomes of a message that was answered so. */
async function toldOf(node: string, [answer]: readonly Answer[]): Promise<Told> {
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	const [row] = await fleet.settled(node, [answer.id]);
	assert.ok(row);
	return row;
}

async function throughTcp(message: Example): Promise<Told> {
	const socket = createConnection(tcpPort, '127.0.0.1');
	socket.write(JSON.stringify([message]));
	let text = '';
	for await (const chunk of socket) text += String(chunk);
	return toldOf('ship1', [JSON.parse(text) as Answer]);
}

async function throughHttp(message: Example): Promise<Told> {
	const url = `http://127.0.0.1:${httpPort}/messages?wait=1`;
	const answer = await fetch(url, { method: 'POST', body: JSON.stringify(message) });
	const { messages = [] } = (await answer.json()) as { messages?: Told[] };
	assert.equal(answer.status, 200);
	return messages[0] ?? { state: 'unknown' };
}

const inbox = () => join(fleet.folder, 'inbox');

async function throughReadFolder(message: Example): Promise<Told> {
	const path = join(inbox(), `${message.method}.json`);
	await writeFile(`${path}.tmp`, JSON.stringify(message));
	await rename(`${path}.tmp`, path);
	for (;;) {
		const names = await readdir(join(inbox(), 'done'));
		const name = names.find((each) => each.endsWith(`.${message.method}.json.answer.json`));
		if (name !== undefined && !existsSync(path)) {
			const text = await readFile(join(inbox(), 'done', name), 'utf8');
			return toldOf('ship1', (JSON.parse(text) as { answers: Answer[] }).answers);
		}
		assert.deepEqual(await readdir(join(inbox(), 'refused')), []);
		await fleet.ask('ship1', { reeve: 'node' });
	}
}

/** All examples at once: they were sent when ship1 started. */
async function writeStartupMessages(): Promise<void> {
	const folder = join(fleet.folder, 'startup');
	await mkdir(folder, { recursive: true });
	await writeFile(join(folder, 'examples'), JSON.stringify(atStart.map(exampleOf)));
}

/** What stops a process at the start would stop the examples behind it. */
const atStart = builtInMethods.list().filter(({ name }) => name !== 'REQOpProcessStop');

async function throughStartupFolder(message: Example): Promise<Told> {
	const place = atStart.findIndex(({ name }) => name === message.method);
	if (place < 0) return throughSocket('ship1', message);
	const mark = createHash('sha256').update('examples').digest('hex').slice(0, 16);
	return toldOf('ship1', [{ id: `startup:1:${mark}:${place}`, toNode: 'ship1' }]);
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
			for (const way of ways.filter(
				({ isTrusted }) => isTrusted || !authorizationMethods.has(name),
			)) {
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
