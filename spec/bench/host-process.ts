/**
 * The other ends of a benchmark: processes that are told over IPC what to be and what to do; see
 * `peer-host.ts`. They end with the benchmark, whatever happens to it.
 *
 * @module
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { startMosquitto } from '../support/broker.ts';
import type { HostJob, HostOrder } from './peer-host.ts';

/** In the form that this file has: as it is written, or compiled. */
const file = fileURLToPath(new URL(`peer-host${extname(import.meta.url)}`, import.meta.url));

/** A host that is ready to work. */
export interface Host {
	/** Gives it work; resolves with what it measured, when it is done. */
	work(job: HostJob): Promise<readonly number[]>;
}

/** The ground of one benchmark: a broker, a folder, and hosts. */
export interface Ground {
	readonly folder: string;
	readonly broker: string;
	readonly start: (order: Pick<HostOrder, 'role' | 'name'>) => Promise<Host>;
}

/** Which role is profiled (`node --cpu-prof`), by the variable REEVE_BENCH_PROFILE. */
const profiled = process.env['REEVE_BENCH_PROFILE'];

/** Starts a broker, lets `measure` work, and cleans up. */
export async function onGround<Result>(
	measure: (ground: Ground) => Promise<Result>,
): Promise<Result> {
	const folder = await mkdtemp(join(tmpdir(), 'reeve-bench-'));
	const ends: (() => void | Promise<void>)[] = [];
	const children: ChildProcess[] = [];
	try {
		const { address: broker } = await startMosquitto(
			{ after: (end) => void ends.push(end) },
			{
				lines: ['max_queued_messages 0', 'max_inflight_messages 0', 'set_tcp_nodelay true'],
			},
		);
		return await measure({
			folder,
			broker,
			async start(order) {
				const isProfiled = profiled === order.role;
				const execArgv = [...process.execArgv, ...(isProfiled ? ['--cpu-prof'] : [])];
				const child = fork(file, { execArgv });
				children.push(child);
				const ready = once(child, 'message');
				child.send({ ...order, broker, folder } satisfies HostOrder);
				await ready;
				return { work: (job) => workOf(child, job) };
			},
		});
	} finally {
		for (const child of children) {
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

async function workOf(child: ChildProcess, job: HostJob): Promise<readonly number[]> {
	const done = once(child, 'message') as Promise<[{ readonly measured?: readonly number[] }]>;
	child.send(job);
	const [{ measured = [] }] = await done;
	return measured;
}
