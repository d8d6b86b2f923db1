/**
 * Delivery: messages per second from one process to another over a broker. The baseline is mqtt.js alone,
 * one PUBLISH with QoS 1 for each message, nothing on disk. reeve's messages are on disk at both ends,
 * de-duplicated, acknowledged, run by a trivial method, and settled in the sender's books.
 *
 * @module
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { startMosquitto } from '../support/broker.ts';
import { inRounds, type Figure } from './figure.ts';
import type { HostJob, HostOrder } from './peer-host.ts';

const host = fileURLToPath(new URL('peer-host.ts', import.meta.url));
const bytes = 200;

async function startHost(order: HostOrder): Promise<ChildProcess> {
	const profile = process.env['REEVE_BENCH_PROFILE'];
	const execArgv = [...process.execArgv, ...(profile === order.role ? ['--cpu-prof'] : [])];
	const child = fork(host, { execArgv });
	const ready = once(child, 'message');
	child.send(order);
	await ready;
	return child;
}

async function job(child: ChildProcess, work: HostJob): Promise<void> {
	const done = once(child, 'message');
	child.send(work);
	await done;
}

/** Measures it; `count` messages in each round. */
export async function measureDelivery(count = 20_000, rounds = 5): Promise<readonly Figure[]> {
	const folder = await mkdtemp(join(tmpdir(), 'reeve-bench-'));
	const ends: (() => void | Promise<void>)[] = [];
	const broker = await startMosquitto(
		{ after: (end) => void ends.push(end) },
		{ lines: ['max_queued_messages 0', 'max_inflight_messages 0'] },
	);
	const order = { broker: broker.address, folder };
	const hosts = await Promise.all([
		startHost({ ...order, role: 'mqtt-receiver', name: 'bare' }),
		startHost({ ...order, role: 'mqtt-sender', name: 'sender' }),
		startHost({ ...order, role: 'receiver', name: 'ship1' }),
		startHost({ ...order, role: 'sender', name: 'central' }),
	]);
	const [bareReceiver, bareSender, , sender] = hosts;
	const perSecond = async (run: () => Promise<unknown>): Promise<number> => {
		const from = performance.now();
		await run();
		return Math.round((count / (performance.now() - from)) * 1000);
	};
	try {
		const measured = await inRounds(rounds, async () => ({
			baseline: await perSecond(() => {
				const work = { count, bytes, to: 'bare' };
				return Promise.all([job(bareReceiver, work), job(bareSender, work)]);
			}),
			reeve: await perSecond(() => job(sender, { count, bytes, to: 'ship1' })),
		}));
		const goal = 1.5;
		return [
			{ name: 'delivery', unit: 'messages/s', ...measured, goal, met: measured.ratio >= goal },
		];
	} finally {
		for (const child of hosts) {
			const ended = once(child, 'exit');
			child.kill(process.env['REEVE_BENCH_PROFILE'] ? 'SIGINT' : 'SIGKILL');
			await ended;
		}
		for (const end of ends) await end();
		await rm(folder, { recursive: true, force: true });
	}
}
