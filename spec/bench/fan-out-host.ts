/**
 * A part of a fan-out as a process of its own: many nodes of reeve, each with its own journal in
 * its own folder, or many clients of mqtt.js that answer; or the one who asks them all.
 *
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import process from 'node:process';
import mqtt, { type MqttClient } from 'mqtt';
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { configOf, startNode, type RunningNode } from '../../supervisors/node/node.ts';
import { serve, type Work } from './serving.ts';

/** What such a host is told to be: one who asks has one name, those who answer have many. */
export interface FanOutOrder {
	readonly role: 'nodes' | 'central' | 'mqtt-answerers' | 'mqtt-asker';
	readonly names: readonly string[];
	readonly broker: string;
	readonly folder: string;
	/** What the nodes are configured with beside what all of them are. */
	readonly config?: Parameters<typeof configOf>[0];
}

/**
 * `ask` all of `names`, and measure the milliseconds until the last reply is in; `weigh` the
 * process: its memory in bytes, its file handles, its threads.
 */
export type FanOutJob =
	| { readonly do: 'ask'; readonly names: readonly string[]; readonly bytes: number }
	| { readonly do: 'weigh' };

/** How many nodes, or clients, of one process are started at a time. */
const startsMax = 10;

const echo = defineMethod({
	name: 'REQEcho',
	aliases: [],
	summary: 'Answer with what was sent, for benchmarks',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	args: z.array(z.string()),
	example: {},
	run: ({ data }) => Promise.resolve(data === undefined ? {} : { data }),
});

function startOne(name: string, { broker, folder, config }: FanOutOrder): Promise<RunningNode> {
	const own = configOf({
		nodeName: name,
		brokerAddress: broker,
		socketFolder: `${folder}/${name}`,
		databaseFolder: `${folder}/${name}/db`,
		subscribersDataFolder: `${folder}/${name}/data`,
		startPubREQHello: 0,
		claimMs: 500,
		logLevel: 'silent',
		...config,
	});
	return startNode(own, { methods: [echo] });
}

/** Resolves when the node is on the wire. */
function connectedNode(node: RunningNode): Promise<void> {
	return new Promise((resolve) => {
		const look = (): void => void (node.signals.counts()['transport.up'] && end());
		const stop = node.signals.subscribe(look);
		const end = (): void => {
			stop();
			resolve();
		};
		look();
	});
}

async function eachOf(names: readonly string[], start: (name: string) => Promise<void>) {
	const waiting = [...names];
	const worker = async (): Promise<void> => {
		for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await start(name);
	};
	await Promise.all(Array.from({ length: startsMax }, worker));
}

/** Ready when all of them are on the wire. */
async function beNodes(order: FanOutOrder): Promise<Work<FanOutJob>> {
	const ups: Promise<void>[] = [];
	await eachOf(order.names, async (name) => {
		ups.push(connectedNode(await startOne(name, order)));
	});
	await Promise.all(ups);
	globalThis.gc?.();
	return () => Promise.resolve(weight());
}

async function beCentral(order: FanOutOrder): Promise<Work<FanOutJob>> {
	const [name = ''] = order.names;
	const node = await startOne(name, order);
	await connectedNode(node);
	return async (job) => {
		if (job.do === 'weigh') return weight();
		let missing = job.names.length;
		const from = performance.now();
		const all = new Promise<void>((resolve) => {
			const stop = node.signals.subscribe(({ type }) => {
				if (type !== 'message.settled' || (missing -= 1) > 0) return;
				stop();
				resolve();
			});
		});
		const data = 'x'.repeat(job.bytes);
		const command = { toNodes: [...job.names], method: 'REQEcho', data };
		const answers = await node.api.accept(command, 'bench');
		const refused = answers.find((answer) => !('id' in answer) || 'code' in answer);
		if (refused) throw new Error(`not taken: ${JSON.stringify(refused)}`);
		await all;
		return [performance.now() - from];
	};
}

function connected(broker: string): Promise<MqttClient> {
	const client = mqtt.connect(broker, { protocolVersion: 5, reconnectPeriod: 0 });
	return new Promise((resolve, reject) => {
		client.once('error', reject);
		client.once('connect', () => {
			// As reeve does: otherwise TCP holds small packets back, and the baseline would be 40 ms.
			if (client.stream instanceof Socket) client.stream.setNoDelay(true);
			resolve(client);
		});
	});
}

const answerTopic = 'bare-answer';

async function beAnswerers({ names, broker }: FanOutOrder): Promise<Work<FanOutJob>> {
	await eachOf(names, async (name) => {
		const client = await connected(broker);
		await client.subscribeAsync(`bare/${name}`, { qos: 1 });
		client.on('message', (_topic, payload) => {
			client.publish(answerTopic, payload, { qos: 1 });
		});
	});
	return () => Promise.resolve(weight());
}

async function beAsker({ broker }: FanOutOrder): Promise<Work<FanOutJob>> {
	const client = await connected(broker);
	await client.subscribeAsync(answerTopic, { qos: 1 });
	let onAnswer = (): void => {};
	client.on('message', () => onAnswer());
	return async (job) => {
		if (job.do === 'weigh') return weight();
		const payload = Buffer.alloc(job.bytes, 'x');
		let missing = job.names.length;
		const from = performance.now();
		const all = new Promise<void>((resolve) => {
			onAnswer = () => {
				if ((missing -= 1) === 0) resolve();
			};
		});
		for (const name of job.names) client.publish(`bare/${name}`, payload, { qos: 1 });
		await all;
		return [performance.now() - from];
	};
}

/** What this process costs: bytes of memory, file handles, threads; 0 where Linux does not tell. */
function weight(): readonly number[] {
	globalThis.gc?.();
	const { rss } = process.memoryUsage();
	try {
		const threads = /^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
		return [rss, readdirSync('/proc/self/fd').length, Number(threads ?? 0)];
	} catch (thrown) {
		if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [rss, 0, 0];
		throw thrown;
	}
}

const roles: Readonly<
	Record<FanOutOrder['role'], (order: FanOutOrder) => Promise<Work<FanOutJob>>>
> = {
	nodes: beNodes,
	central: beCentral,
	'mqtt-answerers': beAnswerers,
	'mqtt-asker': beAsker,
};

serve<FanOutOrder, FanOutJob>((order) => roles[order.role](order));
