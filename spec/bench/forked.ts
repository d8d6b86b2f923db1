/**
 * Forked hosts: programs that are told over IPC what to be and then what to do, as many as a
 * benchmark wants. They end with it, whatever happens.
 *
 * @module
 */
import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
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
	/** The address of another one: each has no more connections than a process has file handles. */
	anotherBroker(): Promise<string>;
	/**
	 * Forks a host of this folder, such as `fan-out-host`, and tells it `order`; rejects if it ends
	 * before it is ready. It runs as the product does, compiled: what runs TypeScript as it is
	 * written gives every closure a name, which costs a third more memory and time.
	 */
	start(host: string, order: object): Promise<Forked>;
	/** The same with a file that is run as it is written. */
	startWritten(file: string, order: object): Promise<Forked>;
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
		const anotherBroker = async () =>
			(await startMosquitto({ after }, { lines: [...own, ...lines] })).address;
		const broker = await anotherBroker();
		const built = build(folder);
		const startAs = (execArgv: readonly string[]) => async (file: string, order: object) => {
			const profiling = isProfiled ? ['--cpu-prof'] : [];
			const child = fork(file, { execArgv: [...execArgv, ...profiling] });
			children.push(child);
			await answerOf(child, order);
			return { pid: child.pid ?? 0, work: (job: object) => answerOf(child, job) };
		};
		const start = startAs(['--expose-gc']);
		return await measure({
			folder,
			broker,
			anotherBroker,
			after,
			start: (host, order) => start(join(built, `${host}.js`), order),
			startWritten: startAs(process.execArgv),
		});
	} finally {
		await Promise.all(children.map(end));
		for (const end of ends) await end();
		await rm(folder, { recursive: true, force: true, maxRetries: 3 });
	}
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles everything into `folder`, unless it is; returns where this folder is then. */
export function build(folder: string): string {
	if (extname(import.meta.url) === '.js') return fileURLToPath(new URL('.', import.meta.url));
	const out = join(folder, 'built');
	const tsc = join(root, 'node_modules/typescript/bin/tsc');
	const words = ['-p', root, '--noEmit', 'false', '--noCheck', '--rootDir', root, '--outDir', out];
	const { status, stdout } = spawnSync(process.execPath, [tsc, ...words], { encoding: 'utf8' });
	if (status !== 0) throw new Error(`nothing can be measured that does not compile:\n${stdout}`);
	symlinkSync(join(root, 'node_modules'), join(out, 'node_modules'));
	copyFileSync(join(root, 'package.json'), join(out, 'package.json'));
	return join(out, 'spec/bench');
}

/** No order and no job takes longer, unless something was lost for good. */
const answerMsMax = 1_200_000;

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
