/**
 * A benchmark in a process and process group of its own: it is ended with all that it has started
 * when its time is over, or when the process that waits for it is gone.
 *
 * @module
 */
import { fork, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import type { Figure, Scale } from './figure.ts';

/** What the process measures. */
export interface Order extends Scale {
	readonly name: string;
	/** How long it may take; then it is ended. */
	readonly limitMs: number;
}

type Answer = { readonly figures: readonly Figure[] } | { readonly why: string };

/** What is run. */
export interface Program {
	readonly file: string;
	readonly execArgv: readonly string[];
}

/** How long it may take to end; those that write a profile do it then. */
const endMs = 5000;

/**
 * Measures it in a process that runs a program, which hands the words `--measure NAME` to {@link
 * answer}.
 *
 * @throws Error with the reason, if there are no figures
 */
export async function measureApart(
	{ file, execArgv }: Program,
	{ name, short, budgetMs, limitMs }: Order,
): Promise<readonly Figure[]> {
	const brief = short ? ['--short', `--budget=${Math.round(budgetMs ?? 0)}`] : [];
	const words = ['--measure', name, ...brief];
	// What it prints is for people: the figures come by message.
	const stdio: StdioOptions = ['ignore', 2, 2, 'ipc'];
	const child = fork(file, words, { detached: true, stdio, execArgv: [...execArgv] });
	const ended = once(child, 'exit');
	const timers: NodeJS.Timeout[] = [];
	const after = (ms: number, run: () => void): void => void timers.push(setTimeout(run, ms));
	try {
		const answered = await new Promise<Answer>((resolve) => {
			child.once('message', (value: Answer) => resolve(value));
			child.once('exit', (code, signal) => resolve({ why: `ended with ${signal ?? code}` }));
			const limit = `${Math.round(limitMs / 1000)} s`;
			after(limitMs, () => resolve({ why: `not ready after ${limit}` }));
		});
		if ('why' in answered) throw new Error(answered.why);
		await Promise.race([ended, new Promise<void>((resolve) => after(endMs, resolve))]);
		return answered.figures;
	} finally {
		for (const timer of timers) clearTimeout(timer);
		killGroup(child);
		await ended;
	}
}

function killGroup({ pid }: ChildProcess): void {
	try {
		if (pid !== undefined) process.kill(-pid, 'SIGKILL');
	} catch (thrown) {
		const isGone = thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH';
		if (!isGone) throw thrown;
	}
}

/** Measures in this process, and answers the one that forked it. */
export async function answer(measure: () => Promise<readonly Figure[]>): Promise<void> {
	const onGone = () => process.kill(-process.pid, 'SIGKILL');
	process.once('disconnect', onGone);
	process.channel?.unref();
	const answered = await measure().then(
		(figures): Answer => ({ figures }),
		(thrown: unknown): Answer => ({
			why: thrown instanceof Error ? thrown.message : String(thrown),
		}),
	);
	await new Promise((resolve) => process.send?.(answered, resolve));
	process.off('disconnect', onGone);
	process.disconnect();
}
