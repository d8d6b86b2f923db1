/**
 * One end of a benchmark as a process of its own, told by its parent over IPC what to be: a bare MQTT
 * publisher or subscriber, or a node of reeve that sends or receives.
 *
 * @module
 */
import process from 'node:process';
import mqtt from 'mqtt';
import { z } from 'zod';
import { defineMethod } from '../../runtime/define.ts';
import { configOf, startNode } from '../../supervisors/node.ts';

/** What a host is told to be. */
export interface HostOrder {
	readonly role: 'mqtt-sender' | 'mqtt-receiver' | 'sender' | 'receiver';
	readonly broker: string;
	readonly folder: string;
	readonly name: string;
}

/** What a sender is told to do; `count` messages of `bytes` bytes, to `to`. */
export interface HostJob {
	readonly count: number;
	readonly bytes: number;
	readonly to: string;
}

const say = (value: object): void => void process.send?.(value);

/** Messages that are handed in and not yet settled, at most. */
const underWayMax = 4096;

async function beNode({ broker, folder, name, role }: HostOrder): Promise<void> {
	const config = configOf({
		nodeName: name,
		brokerAddress: broker,
		socketFolder: folder,
		databaseFolder: `${folder}/${name}/db`,
		subscribersDataFolder: `${folder}/${name}/data`,
		startPubREQHello: 0,
		logLevel: 'silent',
	});
	const trivial = defineMethod({
		name: 'REQTrivial',
		aliases: ['trivial'],
		summary: 'Do nothing, for benchmarks',
		kind: 'EventACK',
		ordering: 'concurrent',
		onCrash: 'retry',
		replies: false,
		args: z.array(z.string()),
		example: {},
		run: () => Promise.resolve(),
	});
	const node = await startNode(config, { methods: [trivial] });
	if (role === 'receiver') return;
	process.on('message', ({ count, bytes, to }: HostJob) => {
		void send({ count, bytes, to });
	});
	const send = async ({ count, bytes, to }: HostJob): Promise<void> => {
		const data = 'x'.repeat(bytes);
		let settled = 0;
		let handed = 0;
		await new Promise<void>((resolve) => {
			const more = (): void => {
				while (handed < count && handed - settled < underWayMax) {
					handed += 1;
					void node.door.accept({ toNode: to, method: 'REQTrivial', data }, 'bench');
				}
			};
			const stop = node.signals.subscribe(({ type }) => {
				if (type !== 'message.settled') return;
				settled += 1;
				if (settled % 256 === 0) more();
				if (settled < count) return;
				stop();
				resolve();
			});
			more();
		});
		say({ done: true });
	};
}

function beSender({ broker }: HostOrder): void {
	const client = mqtt.connect(broker, { protocolVersion: 5, reconnectPeriod: 0 });
	client.once('connect', () => say({ ready: true }));
	process.on('message', ({ count, bytes, to }: HostJob) => {
		const payload = Buffer.alloc(bytes, 'x');
		let acked = 0;
		let sent = 0;
		const more = (): void => {
			while (sent < count && sent - acked < 1000) {
				sent += 1;
				client.publish(to, payload, { qos: 1 }, () => {
					acked += 1;
					if (acked === count) say({ done: true });
					else more();
				});
			}
		};
		more();
	});
}

function beReceiver({ broker, name }: HostOrder): void {
	const client = mqtt.connect(broker, { protocolVersion: 5, reconnectPeriod: 0 });
	let count = 0;
	client.on('message', () => (count += 1));
	process.on('message', ({ count: until }: HostJob) => {
		const look = (): void => {
			if (count < until) return void setImmediate(look);
			count -= until;
			say({ done: true });
		};
		look();
	});
	client.once('connect', () => {
		client.subscribe(name, { qos: 1 }, () => say({ ready: true }));
	});
}

process.once('message', (order: HostOrder) => {
	if (order.role === 'mqtt-sender') beSender(order);
	else if (order.role === 'mqtt-receiver') beReceiver(order);
	else void beNode(order).then(() => say({ ready: true }));
});
