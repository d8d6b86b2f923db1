/**
 * Forked hosts: programs that are told over IPC what to be and then what to do, as many as a
 * benchmark wants. They end with it, whatever happens.
 *
 * @module
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { startMosquitto } from '../support/broker.ts';

/** A host that has been told what to be, and is ready. */
export interface Forked {
	readonly pid: number;
	/** Gives it work; resolves with what it measured, when it is done. */
	work(job: object): Promise<readonly number[]>;
}

/** What a benchmark with forked hosts stands on. */
export interface Yard {
	readonly folder: string;
	/** The address of a Mosquitto that keeps nothing back and forgets nothing. */
	readonly broker: string;
	/** Forks `file` and tells it `order`; rejects if it ends before it is ready. */
	start(file: string, order: object): Promise<Forked>;
	/** What else has to be ended, first of all, when the benchmark is over. */
	after(end: () => void | Promise<void>): void;
}

/** The variable that has the hosts of a benchmark profiled (`node --cpu-prof`): `host`. */
const isProfiled = process.env['REEVE_BENCH_PROFILE'] === 'host';

/** Starts a broker with these further lines, lets `measure` work, and cleans up. */
export async function inYard<Result>(
	lines: readonly string[],
	measure: (yard: Yard) => Promise<Result>,
): Promise<Result> {
	const folder = await mkdtemp(join(tmpdir(), 'reeve-bench-'));
	const ends: (() => void | Promise<void>)[] = [];
	const children: ChildProcess[] = [];
	const after = (end: () => void | Promise<void>) => void ends.unshift(end);
	try {
		const own = ['max_queued_messages 0', 'max_inflight_messages 0', 'set_tcp_nodelay true'];
		const { address: broker } = await startMosquitto({ after }, { lines: [...own, ...lines] });
		return await measure({
			folder,
			broker,
			after,
			async start(file, order) {
				const execArgv = [...process.execArgv, ...(isProfiled ? ['--cpu-prof'] : [])];
				const child = fork(file, { execArgv });
				children.push(child);
				await answerOf(child, order);
				return { pid: child.pid ?? 0, work: (job) => answerOf(child, job) };
			},
		});
	} finally {
		await Promise.all(children.map(end));
		for (const end of ends) await end();
		await rm(folder, { recursive: true, force: true, maxRetries: 3 });
	}
}

/** No order and no job takes longer, unless something was lost that nobody brings again. */
const answerMsMax = 300_000;

/** What a host says to an order or a job; each is answered before it gets the next. */
async function answerOf(child: ChildProcess, said: object): Promise<readonly number[]> {
	const over = new AbortController();
	const { signal } = over;
	const late = setTimeout(() => child.kill('SIGKILL'), answerMsMax);
	try {
		const answer = once(child, 'message', { signal });
		const ended = once(child, 'exit', { signal }).then(([code, by]: unknown[]) => {
			throw new Error(`a host of the benchmark ended with ${String(code ?? by)}`);
		});
		child.send(said);
		const [first] = (await Promise.race([answer, ended])) as [
			{ measured?: readonly number[]; failed?: string },
		];
		if (first.failed !== undefined) throw new Error(first.failed);
		return first.measured ?? [];
	} finally {
		clearTimeout(late);
		over.abort();
	}
}

async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const ended = once(child, 'exit');
	// A profile is written at an orderly end only.
	child.kill(isProfiled ? 'SIGTERM' : 'SIGKILL');
	await ended;
}
