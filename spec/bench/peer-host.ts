/**
 * One end of a benchmark as a process of its own, told by its parent over IPC what to be: a bare
 * MQTT client, or a node of reeve.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { Socket } from 'node:net';
import process from 'node:process';
import { open } from 'lmdb';
import mqtt, { type MqttClient } from 'mqtt';
import { configOf, startNode, type RunningNode } from '../../supervisors/node/node.ts';
import { beClients, bePuts } from './intake-host.ts';
import { trivialMethod } from './trivial.ts';

/** What a host is told to be. */
export interface HostOrder {
	readonly role:
		| 'mqtt-sender'
		| 'mqtt-receiver'
		| 'mqtt-echo'
		| 'mqtt-asker'
		| 'sender'
		| 'receiver'
		| 'clients'
		| 'puts';
	readonly broker: string;
	/** Of a bare client; nodes find out by themselves. */
	readonly mqttVersion: 4 | 5;
	/** Whether a node is to run the broker itself, in its own process. */
	readonly bringsBroker?: boolean;
	readonly folder: string;
	readonly name: string;
}

/**
 * What a host is told to do with `count` messages of `bytes` bytes to `to`: send them all at once
 * (`flood`) and wait for their end, or not (`leave`); or one after the other, each measured in
 * milliseconds.
 */
export interface HostJob {
	readonly do: 'flood' | 'leave' | 'ask' | 'command' | 'ask-durably';
	readonly count: number;
	readonly bytes: number;
	readonly to: string;
}

type Work = (job: HostJob) => Promise<readonly number[]>;

const say = (value: object): void => void process.send?.(value);

/** Messages that are handed in and not yet settled, at most. */
const underWayMax = 4096;

async function beNode({ broker, bringsBroker, folder, name }: HostOrder): Promise<Work> {
	const config = configOf({
		nodeName: name,
		...(bringsBroker
			? { brokerListen: new URL(broker).host, brokerLogin: false }
			: { brokerAddress: broker }),
		socketFolder: folder,
		databaseFolder: `${folder}/${name}/db`,
		subscribersDataFolder: `${folder}/${name}/data`,
		startPubREQHello: 0,
		logLevel: 'silent',
	});
	const node = await startNode(config, { methods: [trivialMethod()] });
	return (job) => {
		if (job.do === 'flood') return flood(node, job);
		return job.do === 'leave' ? leave(node, job) : oneByOne(job, () => settle(node, job));
	};
}

/** Sends many at once; resolves when all are settled. */
function flood(node: RunningNode, { count, bytes, to }: HostJob): Promise<readonly number[]> {
	const data = 'x'.repeat(bytes);
	let settled = 0;
	let handed = 0;
	return new Promise((resolve) => {
		const more = (): void => {
			while (handed < count && handed - settled < underWayMax) {
				handed += 1;
				void node.api.accept({ toNode: to, method: 'REQTrivial', data }, 'bench');
			}
		};
		const stop = node.signals.subscribe(({ type }) => {
			if (type !== 'message.settled') return;
			settled += 1;
			if (settled % 256 === 0) more();
			if (settled < count) return;
			stop();
			resolve([]);
		});
		more();
	});
}

/** Sends many; resolves when they are on disk. */
async function leave(node: RunningNode, { count, bytes, to }: HostJob): Promise<readonly number[]> {
	const data = 'x'.repeat(bytes);
	for (let number = 0; number < count; number += 1) {
		await node.api.accept({ toNode: to, method: 'REQTrivial', data }, 'bench');
	}
	return [];
}

/** Sends one; resolves when it is settled. */
function settle(node: RunningNode, { do: what, bytes, to }: HostJob): Promise<void> {
	const method = what === 'command' ? 'REQCliCommand' : 'REQTrivial';
	const methodArgs = what === 'command' ? ['true'] : [];
	return new Promise((resolve) => {
		const stop = node.signals.subscribe(({ type }) => {
			if (type !== 'message.settled') return;
			stop();
			resolve();
		});
		void node.api.accept({ toNode: to, method, methodArgs, data: 'x'.repeat(bytes) }, 'bench');
	});
}

async function oneByOne(
	{ count }: HostJob,
	one: () => Promise<unknown>,
): Promise<readonly number[]> {
	const measured: number[] = [];
	for (let number = 0; number < count; number += 1) {
		const from = performance.now();
		await one();
		measured.push(performance.now() - from);
	}
	return measured;
}

function connected({ broker, mqttVersion }: HostOrder): Promise<MqttClient> {
	const client = mqtt.connect(broker, { protocolVersion: mqttVersion, reconnectPeriod: 0 });
	return new Promise((resolve) => {
		client.once('connect', () => {
			// As reeve does: otherwise TCP holds small packets back, and the baseline would be 40 ms.
			if (client.stream instanceof Socket) client.stream.setNoDelay(true);
			resolve(client);
		});
	});
}

async function beSender(order: HostOrder): Promise<Work> {
	const client = await connected(order);
	return ({ count, bytes, to }) => {
		const payload = Buffer.alloc(bytes, 'x');
		let acked = 0;
		let sent = 0;
		return new Promise((resolve) => {
			const more = (): void => {
				while (sent < count && sent - acked < 1000) {
					sent += 1;
					client.publish(to, payload, { qos: 1 }, () => {
						acked += 1;
						if (acked === count) resolve([]);
						else more();
					});
				}
			};
			more();
		});
	};
}

async function beReceiver(order: HostOrder): Promise<Work> {
	const { name } = order;
	const client = await connected(order);
	await client.subscribeAsync(name, { qos: 1 });
	let arrived = 0;
	let look = (): void => {};
	client.on('message', () => {
		arrived += 1;
		look();
	});
	return ({ count }) =>
		new Promise((resolve) => {
			look = () => {
				if (arrived < count) return;
				arrived -= count;
				look = () => {};
				resolve([]);
			};
			look();
		});
}

async function beEcho(order: HostOrder): Promise<Work> {
	const { name } = order;
	const client = await connected(order);
	await client.subscribeAsync(name, { qos: 1 });
	client.on('message', (_topic, payload) => {
		client.publish(`${name}-answer`, payload, { qos: 1 });
	});
	return () => Promise.resolve([]);
}

/**
 * Asks and waits for the echo; durably: with a flush of LMDB on the way out, and one for the
 * answer.
 */
async function beAsker(order: HostOrder): Promise<Work> {
	const client = await connected(order);
	const root = open({ path: `${order.folder}/${order.name}`, cache: false });
	let heard = (): void => {};
	client.on('message', () => heard());
	const flushed = async (key: string, value: Buffer): Promise<void> => {
		await root.put(key, value);
		await root.flushed;
	};
	return async (job) => {
		const { to, bytes } = job;
		await client.subscribeAsync(`${to}-answer`, { qos: 1 });
		const payload = Buffer.alloc(bytes, 'x');
		const isDurable = job.do !== 'ask';
		const work = () => {
			if (job.do !== 'command') return Promise.resolve();
			return new Promise<void>((resolve) => {
				execFile('true', () => resolve());
			});
		};
		return oneByOne(job, async () => {
			if (isDurable) await flushed('out', payload);
			const answer = new Promise<void>((resolve) => (heard = resolve));
			client.publish(to, payload, { qos: 1 });
			await answer;
			await work();
			if (isDurable) await flushed('in', payload);
		});
	};
}

const roles: Readonly<Record<HostOrder['role'], (order: HostOrder) => Promise<Work>>> = {
	'mqtt-sender': beSender,
	'mqtt-receiver': beReceiver,
	'mqtt-echo': beEcho,
	'mqtt-asker': beAsker,
	sender: beNode,
	receiver: beNode,
	clients: beClients,
	puts: bePuts,
};

process.once('message', (order: HostOrder) => {
	void roles[order.role](order).then((work) => {
		process.on('message', (job: HostJob | { readonly end: true }) => {
			// The parent ends it with a signal; asked to, it ends by itself, which writes its profile.
			if ('end' in job) process.disconnect();
			else void work(job).then((measured) => say({ measured }));
		});
		process.once('disconnect', () => process.kill(process.pid, 'SIGINT'));
		say({ ready: true });
	});
});
