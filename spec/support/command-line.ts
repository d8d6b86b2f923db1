/**
 * The command line as its users meet it: `reeve` as a process, in a folder of its own.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { programWords } from './program.ts';

/** What a finished command leaves. */
export interface Finished {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** A command that runs. */
export interface Running {
	readonly child: ChildProcess;
	readonly finished: Promise<Finished>;
	/**
	 * Resolves when all output so far, of both streams, matches; rejects if the command ends before.
	 */
	until(pattern: RegExp): Promise<string>;
}

/** Where and with what a command is run. */
export interface Surroundings {
	readonly cwd: string;
	readonly env?: Readonly<Record<string, string>>;
	readonly input?: string;
	/** Whether its standard output is read and kept; by default it is. */
	readonly isRead?: boolean;
}

/** Starts `reeve` with these words. */
export function startReeve(
	words: readonly string[],
	{ cwd, env, input, isRead = true }: Surroundings,
): Running {
	const clean = Object.entries(process.env).filter(([name]) => !/^REEVE_|^CONFIG_/.test(name));
	const [program = '', ...own] = programWords();
	const child = spawn(program, [...own, ...words], {
		cwd,
		env: { ...Object.fromEntries(clean), NO_COLOR: '1', ...env },
		stdio: ['pipe', 'pipe', 'pipe'],
	});
	child.stdin.end(input ?? '');
	const texts = { stdout: '', stderr: '' };
	const watchers = new Set<() => void>();
	for (const name of isRead ? (['stdout', 'stderr'] as const) : (['stderr'] as const)) {
		createInterface({ input: child[name] }).on('line', (line) => {
			texts[name] += `${line}\n`;
			for (const look of watchers) look();
		});
	}
	const finished = new Promise<Finished>((resolve) => {
		child.once('close', (code) => resolve({ code, ...texts }));
	});
	return {
		child,
		finished,
		until(pattern) {
			return new Promise((resolve, reject) => {
				const look = (): void => {
					const all = `${texts.stdout}${texts.stderr}`;
					if (pattern.test(all)) resolve(all);
				};
				watchers.add(look);
				look();
				void finished.then(({ code, stdout, stderr }) =>
					reject(new Error(`ended with ${code} before ${pattern}: ${stdout}${stderr}`)),
				);
			});
		},
	};
}

/** Runs `reeve` with these words to its end. */
export function runReeve(words: readonly string[], surroundings: Surroundings): Promise<Finished> {
	return startReeve(words, surroundings).finished;
}

/** Whether a process of this id is there. */
export function isThere(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (thrown) {
		if (thrown instanceof Error && Reflect.get(thrown, 'code') === 'ESRCH') return false;
		throw thrown;
	}
}
