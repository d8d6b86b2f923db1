/**
 * The other ends of a benchmark: processes that are told over IPC what to be and what to do; see
 * `peer-host.ts`. They run compiled, as the product does, and end with the benchmark, whatever
 * happens to it.
 *
 * @module
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { freePort, missing, startMosquitto } from '../support/broker.ts';
import { build } from './forked.ts';
import type { HostJob, HostOrder } from './peer-host.ts';

/** A host that is ready to work. */
export interface Host {
	/** Gives it work; resolves with what it measured, when it is done. */
	work(job: HostJob): Promise<readonly number[]>;
}

/** What one benchmark runs on: a broker, a folder, and hosts. */
export interface BenchHosts {
	readonly folder: string;
	readonly broker: string;
	readonly start: (order: Pick<HostOrder, 'role' | 'name' | 'bringsBroker'>) => Promise<Host>;
}

/** Which role is profiled (`node --cpu-prof`), by the variable REEVE_BENCH_PROFILE. */
const profiled = process.env['REEVE_BENCH_PROFILE'];

/**
 * Starts a broker, lets `measure` work, and cleans up. The embedded broker is started by the host
 * that brings it along, which must be the first.
 *
 * @throws Error if Mosquitto is wanted and not installed
 */
export async function withHosts<Result>(
	measure: (hosts: BenchHosts) => Promise<Result>,
	kind: 'mosquitto' | 'embedded' = 'mosquitto',
): Promise<Result> {
	const folder = await mkdtemp(join(tmpdir(), 'reeve-bench-'));
	const ends: (() => void | Promise<void>)[] = [];
	const children: ChildProcess[] = [];
	try {
		const broker =
			kind === 'embedded'
				? `mqtt://127.0.0.1:${await freePort()}`
				: await mosquitto((end) => void ends.push(end));
		// The embedded broker does not speak MQTT 5.
		const mqttVersion = kind === 'embedded' ? 4 : 5;
		const built = build(folder);
		return await measure({
			folder,
			broker,
			async start(order) {
				const isProfiled = profiled === order.role;
				const execArgv = isProfiled ? ['--cpu-prof'] : [];
				const child = fork(join(built, 'peer-host.js'), { execArgv });
				children.push(child);
				await answerOf(child, { ...order, broker, mqttVersion, folder } satisfies HostOrder);
				return { work: (job: HostJob) => answerOf(child, job) };
			},
		});
	} finally {
		for (const child of children) {
			if (child.exitCode !== null || child.signalCode !== null) continue;
			const ended = once(child, 'exit');
			// A profile is written at an orderly end only.
			child.send({ end: true });
			if (!profiled) child.kill('SIGKILL');
			await ended;
		}
		for (const end of ends) await end();
		await rm(folder, { recursive: true, force: true });
	}
}

async function mosquitto(after: (end: () => void) => void): Promise<string> {
	const lack = missing('mosquitto');
	if (lack) throw new Error(lack);
	const lines = ['max_queued_messages 0', 'max_inflight_messages 0', 'set_tcp_nodelay true'];
	const { address } = await startMosquitto({ after }, { lines });
	return address;
}

/** What a host says to an order or a job. One that ends instead is an error, not a long wait. */
async function answerOf(child: ChildProcess, said: object): Promise<readonly number[]> {
	const over = new AbortController();
	const { signal } = over;
	const answer = once(child, 'message', { signal }) as Promise<[HostAnswer]>;
	const ended = once(child, 'exit', { signal }).then(([code, by]: unknown[]) => {
		throw new Error(`a host of the benchmark ended with ${String(code ?? by)}`);
	});
	try {
		child.send(said);
		const [{ measured = [] }] = await Promise.race([answer, ended]);
		return measured;
	} finally {
		over.abort();
		// The promise that lost the race rejects with an error that does not matter.
		await Promise.allSettled([answer, ended]);
	}
}

interface HostAnswer {
	readonly measured?: readonly number[];
}
