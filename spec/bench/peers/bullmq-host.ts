/**
 * One end of BullMQ: the one that adds jobs, or the worker that processes them.
 *
 * @module
 */
import process from 'node:process';
import { Queue, Worker } from 'bullmq';
import { serve, type Work } from '../serving.ts';

interface Order {
	readonly role: 'producer' | 'worker';
	readonly port: number;
}

interface Job {
	readonly count: number;
	readonly bytes: number;
}

const name = 'bench';
/** Jobs that are being added, and jobs that are being processed, at a time. */
const underWayMax = 1000;
const concurrency = 256;

async function beProducer({ port }: Order): Promise<Work<Job>> {
	const queue = new Queue(name, { connection: { host: '127.0.0.1', port } });
	await queue.waitUntilReady();
	return async ({ count, bytes }) => {
		const data = { text: 'x'.repeat(bytes) };
		const options = { removeOnComplete: true, removeOnFail: true };
		let added = 0;
		const addMore = async (): Promise<void> => {
			while (added < count) {
				added += 1;
				await queue.add('trivial', data, options);
			}
		};
		await Promise.all(Array.from({ length: underWayMax }, addMore));
		return [];
	};
}

async function beWorker({ port }: Order): Promise<Work<Job>> {
	let done = 0;
	let look = (): void => {};
	const worker = new Worker(name, () => Promise.resolve(), {
		connection: { host: '127.0.0.1', port, maxRetriesPerRequest: null },
		concurrency,
	});
	worker.on('completed', () => {
		done += 1;
		look();
	});
	await worker.waitUntilReady();
	return ({ count }) =>
		new Promise((resolve) => {
			look = () => {
				if (done < count) return;
				done -= count;
				look = () => {};
				resolve([]);
			};
			look();
		});
}

serve<Order, Job>((order) => (order.role === 'worker' ? beWorker(order) : beProducer(order)));
process.on('unhandledRejection', () => process.kill(process.pid, 'SIGKILL'));
