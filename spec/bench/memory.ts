/**
 * Memory: what a node takes on top of an empty process that has loaded the same modules, when it
 * does nothing, and when many messages wait in it for a node that is away.
 *
 * What is compared is the resident memory (RSS) of whole processes after garbage collection, in MB
 * of 2^20 bytes. It counts the pages of the journal that are mapped at the moment, which the system
 * takes back when other processes need them; so a row without mapped files stands beside it.
 *
 * @module
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { atMostMore, budgetOf, full, type Figure, type Round } from './figure.ts';
import type { MemoryAnswer, MemoryOrder } from './memory-host.ts';

const host = fileURLToPath(new URL(`memory-host${extname(import.meta.url)}`, import.meta.url));
/** How many messages wait. */
const count = 100_000;

/** Measures a new process. */
async function measure(what: MemoryOrder['what']): Promise<MemoryAnswer> {
	const folder = await mkdtemp(join(tmpdir(), 'reeve-memory-'));
	const child = fork(host, { execArgv: [...process.execArgv, '--expose-gc'] });
	try {
		const answer = once(child, 'message') as Promise<[MemoryAnswer]>;
		const ended = once(child, 'exit').then(([code, signal]: unknown[]) => {
			throw new Error(`the process ended with ${String(code ?? signal)}`);
		});
		child.send({ what, folder, count } satisfies MemoryOrder);
		const [answered] = await Promise.race([answer, ended]);
		await ended.catch(() => undefined);
		return answered;
	} finally {
		child.kill('SIGKILL');
		await rm(folder, { recursive: true, force: true, maxRetries: 3 });
	}
}

/** The three of one round do not disturb one another: nothing of theirs is shared but the clock. */
async function takeRound() {
	const whats = ['loaded', 'idle', 'queued'] as const;
	const [loaded, idle, queued] = await Promise.all(whats.map(measure));
	if (!loaded || !idle || !queued) throw new Error('a process was not measured');
	return { loaded, idle, queued };
}

/** Measures it. */
export async function measureMemory(scale = full): Promise<readonly Figure[]> {
	const rounds: Awaited<ReturnType<typeof takeRound>>[] = [];
	const from = performance.now();
	while (rounds.length < (scale.short ? 2 : 5)) {
		rounds.push(await takeRound());
		if (performance.now() - from > budgetOf(scale)) break;
	}
	const against = (what: 'idle' | 'queued', part: keyof MemoryAnswer): readonly Round[] =>
		rounds.flatMap((round) => {
			const [reeve, baseline] = [round[what][part], round.loaded[part]];
			if (reeve === undefined || baseline === undefined) return [];
			return [{ reeve: reeve / 2 ** 20, baseline: baseline / 2 ** 20 }];
		});
	const queued = `memory with ${count} queued`;
	const own = against('queued', 'ownBytes');
	return [
		atMostMore(20, { name: 'memory idle', unit: 'MB' }, against('idle', 'bytes')),
		atMostMore(40, { name: queued, unit: 'MB' }, against('queued', 'bytes')),
		...(own.length > 0
			? [atMostMore(40, { name: `${queued}, without mapped files`, unit: 'MB' }, own)]
			: []),
	];
}
