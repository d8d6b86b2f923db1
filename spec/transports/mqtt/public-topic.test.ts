import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import mqtt from 'mqtt';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configOf } from '../../../runtime/config/config.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { signAsClient, withSignatureLine } from '../../../runtime/security/client-signature.ts';
import { keyText, makeKey, openKeyring } from '../../../runtime/security/keyring.ts';
import { startNode, type RunningNode } from '../../../supervisors/node/node.ts';
import { missing, startMosquitto } from '../../support/broker.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const skip = missing('mosquitto') || missing('mosquitto_pub') || missing('mosquitto_rr');
const topic = 'reeve/ship1/REQCliCommand/CommandACK';

type Values = Parameters<typeof configOf>[0] & { readonly folder?: string };

/** A started ship1 whose public topics are subscribed. */
async function startShip(
	t: TestScope,
	brokerAddress: string,
	{ folder = temporaryFolder(t), ...values }: Values = {},
): Promise<RunningNode> {
	const node = await startNode(
		configOf({
			nodeName: 'ship1',
			brokerAddress,
			socketFolder: folder,
			databaseFolder: folder,
			subscribersDataFolder: join(folder, 'data'),
			startPubREQHello: 0,
			logLevel: 'silent',
			claimMs: 100,
			...values,
		}),
	);
	t.after(() => node.stop());
	return node;
}

/** Runs one of Mosquitto's clients; returns how it ended and what it printed. */
async function client(program: string, port: number, words: readonly string[]) {
	const child = spawn(program, ['-h', '127.0.0.1', '-p', String(port), '-q', '1', ...words]);
	let text = '';
	child.stdout.on('data', (chunk) => (text += String(chunk)));
	child.stderr.on('data', (chunk) => (text += String(chunk)));
	const [code] = await once(child, 'close');
	return { code: Number(code), text };
}

/** Waits for answers on a topic; resolves when the subscription is there. */
async function listen(t: TestScope, address: string, count = 1) {
	const listener = await mqtt.connectAsync(address);
	t.after(() => void listener.end(true));
	const rows: Row[] = [];
	const ended = new Promise<readonly Row[]>((resolve) => {
		listener.on('message', (_topic, payload) => {
			rows.push(JSON.parse(payload.toString()) as Row);
			if (rows.length === count) resolve(rows);
		});
	});
	await listener.subscribeAsync('me/answer', { qos: 1 });
	return { ended };
}

/**
 * The node is subscribed once it answers. Before that the broker keeps no message for it.
 */
async function ready(port: number): Promise<void> {
	const ask = ['-V', '5', '-t', 'reeve/ship1/REQPing/EventACK', '-e', 'spec/ready', '-m', '{}'];
	for (let tries = 0; tries < 20; tries += 1) {
		const { text } = await client('mosquitto_rr', port, [...ask, '-W', '1']);
		if (text.includes('done')) return;
	}
	throw new Error('ship1 does not answer');
}

interface Row {
	readonly id: string;
	readonly state: string;
	readonly output: string;
	readonly correlation?: string;
	readonly error?: string;
}

test(
	'one line of mosquitto_pub runs a command, and the answer comes to a topic',
	{ skip },
	async (t) => {
		const broker = await startMosquitto(t);
		await startShip(t, broker.address);
		await ready(broker.port);
		const { ended } = await listen(t, broker.address, 2);
		const message = '{"methodArgs":["echo","hello"],"replyTopic":"me/answer","correlation":"c1"}';
		const wrong = '{"methodArgs":[],"replyTopic":"me/answer"}';
		for (const text of [message, wrong]) {
			const { code } = await client('mosquitto_pub', broker.port, [
				'-V',
				'311',
				'-t',
				topic,
				'-m',
				text,
			]);
			assert.equal(code, 0);
		}
		const rows = await ended;
		const done = rows.find(({ state }) => state === 'done');
		assert.deepEqual([done?.output, done?.correlation], ['hello\n', 'c1']);
		assert.ok(rows.some(({ error }) => error === 'bad_arguments'));
	},
);

test('a request of MQTT 5 is answered with its correlation data', { skip }, async (t) => {
	const broker = await startMosquitto(t);
	await startShip(t, broker.address);
	await ready(broker.port);
	const asked = [
		'-V',
		'5',
		'-t',
		topic,
		'-e',
		'me/answer',
		'-D',
		'publish',
		'correlation-data',
		'c7',
	];
	const shown = ['-F', '%D %p', '-W', '20'];
	const message = ['-m', 'methodArgs: [sh, -c, "echo from yaml"]'];
	const { code, text } = await client('mosquitto_rr', broker.port, [
		...asked,
		...shown,
		...message,
	]);
	assert.equal(code, 0, text);
	const [correlation = '', ...rest] = text.trim().split(' ');
	assert.equal(correlation, 'c7');
	assert.equal((JSON.parse(rest.join(' ')) as Row).output, 'from yaml\n');
});

test(
	'an outcome reaches its asker after the node was stopped before it ran',
	{ skip },
	async (t) => {
		const broker = await startMosquitto(t);
		const folder = temporaryFolder(t);
		const first = await startShip(t, broker.address, { folder });
		await ready(broker.port);
		await first.stop();
		const { ended } = await listen(t, broker.address);
		const message = '{"id":"job1","methodArgs":["echo","late"],"replyTopic":"me/answer"}';
		const words = ['-t', topic, '-m', message];
		for (let times = 0; times < 3; times += 1) await client('mosquitto_pub', broker.port, words);
		const second = await startShip(t, broker.address, { folder });
		const [row] = await ended;
		assert.deepEqual([row?.id, row?.output], ['job1', 'late\n']);
		const started = second.signals
			.recent()
			.filter((signal) => signal.type === 'call.started' && signal.id === 'job1');
		assert.equal(started.length, 1, 'the broker had kept it three times, and it ran once');
	},
);

test(
	'a replay of the broker is no new request: what is retained is refused',
	{ skip },
	async (t) => {
		const broker = await startMosquitto(t);
		const folder = temporaryFolder(t);
		const retained = ['-r', '-t', topic, '-m', '{"methodArgs":["echo","again"]}'];
		await client('mosquitto_pub', broker.port, retained);
		for (let starts = 1; starts <= 2; starts += 1) {
			const node = await startShip(t, broker.address, { folder });
			await ready(broker.port);
			const signals = node.signals.recent();
			const started = signals.filter(
				(signal) => signal.type === 'call.started' && signal.method === 'REQCliCommand',
			);
			assert.deepEqual(started, []);
			const refused = signals.filter((signal) => signal.type === 'message.refused');
			assert.deepEqual(
				refused.map(({ code, topic: at }) => [code, at]),
				[['retained', topic]],
			);
			const told = signals.filter((signal) => signal.type === 'error.reported');
			assert.match(told[0]?.text ?? '', /retained/);
			await node.stop();
		}
	},
);

test(
	'where signatures are required, mosquitto_pub sends one beside the body, or before it',
	{ skip },
	async (t) => {
		const broker = await startMosquitto(t);
		const folder = temporaryFolder(t);
		const keysFolder = join(folder, 'keys');
		const key = makeKey(join(folder, 'alice.key'));
		const keyring = openKeyring({ folder: keysFolder, node: 'ship1', clock: steppedClock() });
		keyring.trust({ kind: 'client', name: 'alice', key: keyText(key) });
		// A rule opens ping, by which the spec knows that the node is subscribed.
		const rules =
			'rules:\n  - {from: client, method: REQPing}\n' +
			'  - {from: client, method: replyTopic, command: spec/ready}\n';
		const more =
			'  - {from: "client:alice", method: REQCliCommand}\n' +
			'  - {from: "client:alice", method: replyTopic, command: me/answer}\n';
		writeFileSync(join(keysFolder, 'acl.yaml'), rules + more);
		await startShip(t, broker.address, { folder, keysFolder, signing: 'required' });
		await ready(broker.port);
		const { ended } = await listen(t, broker.address, 2);
		const sign = (id: string, count: number, around: object) => {
			const text = JSON.stringify({ id, methodArgs: ['echo', id], replyTopic: 'me/answer' });
			const body = Buffer.from(text);
			return { body, proof: signAsClient(body, { topic, ...around }, { by: 'alice', count, key }) };
		};
		const five = sign('five', 1, {
			correlationData: Buffer.from('c1'),
			responseTopic: 'me/answer',
		});
		const property = (name: string, ...value: string[]) => ['-D', 'publish', name, ...value];
		const said = Object.entries(five.proof).flatMap(([name, value]) =>
			property('user-property', `reeve-${name}`, value),
		);
		const asked = [
			...property('response-topic', 'me/answer'),
			...property('correlation-data', 'c1'),
		];
		const whole = ['-V', '5', ...said, ...asked, '-t', topic, '-m', five.body.toString()];
		assert.equal((await client('mosquitto_pub', broker.port, whole)).code, 0);
		const three = sign('three', 2, {});
		const line = Buffer.from(withSignatureLine(three.body, three.proof)).toString();
		await client('mosquitto_pub', broker.port, ['-V', '311', '-t', topic, '-m', line]);
		const rows = await ended;
		assert.deepEqual(rows.map(({ output }) => output).toSorted(), ['five\n', 'three\n']);
	},
);
