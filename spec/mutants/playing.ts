/**
 * Plays mistakes on a copy of the source: each is put in, the specs named beside it are run one by
 * one until one notices, and the file is restored. Only one spec runs at a time.
 *
 * @module
 */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import process from 'node:process';
import { realClock } from '../../runtime/platform/clock.ts';
import { occurrences, type Mutant } from './mutant.ts';

/** What came of one mistake. */
export interface Played {
	readonly mutant: Mutant;
	/** `error`: it says nothing about the specs, and the table or the tree must be mended. */
	readonly end: 'noticed' | 'unnoticed' | 'error';
	/** Which spec noticed and by which title, or what is wrong. */
	readonly why: string;
	readonly ms: number;
}

/** What one spec says. */
type Told = Pick<Played, 'end' | 'why'>;

/** A copy of the source to play on. */
export interface Stage {
	play(mutant: Mutant): Promise<Played>;
	/** Ends the spec that runs. */
	interrupt(): void;
	/** Removes the copy. */
	remove(): void;
}

/** What a spec file has told. */
interface SpecRun {
	/** Titles of the tests that have failed. */
	readonly failed: readonly string[];
	/** How many tests have passed. */
	readonly passed: number;
	/** `failed` without a failed test: the file could not be run to its end. */
	readonly end: 'passed' | 'failed' | 'hung';
	readonly output: string;
	readonly ms: number;
}

/** A spec without a mistake that takes longer than this hangs. */
const cleanMsMax = 300_000;
/** With a mistake it may take so many times as long as without, and this much more. */
const slowdownMax = 4;
const spareMs = 20_000;
/** How long a spec goes on once a test has failed, so that what it tells is whole. */
const restMs = 500;
const notCopied: ReadonlySet<string> = new Set(['node_modules', 'dist', '.git']);
/** What the compiler says of a file that is no TypeScript, or asks for what is not exported. */
const doesNotCompile = /TransformError|Transform failed with|SyntaxError: The requested module/;

/** Copies the source at `root` into a temporary folder. */
export function openStage(root: string): Stage {
	const folder = mkdtempSync(join(tmpdir(), 'mutants-'));
	cpSync(root, folder, {
		recursive: true,
		filter: (path) => !notCopied.has(basename(path)),
	});
	symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
	/** How each spec ends without a mistake. */
	const clean = new Map<string, SpecRun>();
	let interrupt = (): void => {};
	const run = (spec: string, only: string | undefined, msMax: number): Promise<SpecRun> => {
		const { done, end } = runSpec(folder, { spec, only, msMax });
		interrupt = end;
		return done;
	};
	const cleanRun = async (spec: string, only: string | undefined): Promise<SpecRun> => {
		const name = `${spec} ${only}`;
		const known = clean.get(name) ?? (await run(spec, only, cleanMsMax));
		clean.set(name, known);
		return known;
	};

	/** What a spec says of a mistake; undefined if it passes. Without the mistake it must pass. */
	const ask = async (spec: string, mutant: Mutant): Promise<Told | undefined> => {
		const { end, passed, failed, output, ms } = await cleanRun(spec, mutant.only);
		if (end !== 'passed' || passed === 0) {
			const what = failed.join('; ') || `${end}, ${passed} passed: ${output.slice(-600)}`;
			return { end: 'error', why: `${spec} does not pass without the mistake: ${what}` };
		}
		const path = join(folder, mutant.file);
		const text = readFileSync(path, 'utf8');
		const count = occurrences(text, mutant.from);
		if (count !== 1) return { end: 'error', why: `what stands there occurs ${count} times` };
		// As a function: the text may hold signs that `replace` reads as patterns.
		const mistaken = text.replace(mutant.from, () => mutant.to);
		writeFileSync(path, mistaken);
		try {
			return verdictOf(spec, await run(spec, mutant.only, ms * slowdownMax + spareMs), mutant);
		} finally {
			writeFileSync(path, text);
		}
	};

	return {
		async play(mutant) {
			const since = realClock.monotonic();
			let told: Told | undefined;
			for (const spec of mutant.specs) told ??= await ask(spec, mutant);
			const ms = Math.round(realClock.monotonic() - since);
			return { mutant, ...(told ?? { end: 'unnoticed', why: 'all of its specs pass' }), ms };
		},
		interrupt: () => interrupt(),
		remove: () => rmSync(folder, { recursive: true, force: true }),
	};
}

/** What the run of one spec says of a mistake; undefined if the spec has passed. */
function verdictOf(
	spec: string,
	{ end, failed, output }: SpecRun,
	{ hangs }: Mutant,
): Told | undefined {
	if (doesNotCompile.test(output)) {
		return { end: 'error', why: `it does not compile: ${output.slice(0, 600)}` };
	}
	const [title] = failed;
	if (title !== undefined) return { end: 'noticed', why: `${spec}: ${title}` };
	if (end === 'hung') {
		const why = `${spec} has reached its time limit`;
		return hangs ? { end: 'noticed', why } : { end: 'error', why };
	}
	if (end === 'passed') return undefined;
	return { end: 'error', why: `${spec} ended without a failed test: ${output.slice(-600)}` };
}

/** Runs one spec file of the copy. Whatever it has started ends with it. */
function runSpec(
	folder: string,
	{ spec, only, msMax }: { spec: string; only: string | undefined; msMax: number },
): { done: Promise<SpecRun>; end: () => void } {
	const since = realClock.monotonic();
	const pattern = only === undefined ? [] : [`--test-name-pattern=${only}`];
	const words = ['--import', 'tsx', '--test', '--test-reporter=tap', ...pattern, spec];
	const child = spawn(process.execPath, words, {
		cwd: folder,
		detached: true,
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let output = '';
	let isHung = false;
	let hasFailed = false;
	const note = (chunk: Buffer): void => {
		output += chunk.toString();
		// One failure is enough, and what follows may wait for its time limits.
		if (hasFailed || titlesIn(output, spec).failed.length === 0) return;
		hasFailed = true;
		realClock.after(restMs, () => endGroup(child.pid));
	};
	child.stdout.on('data', note);
	child.stderr.on('data', note);
	const limit = realClock.after(msMax, () => {
		isHung = true;
		endGroup(child.pid);
	});
	const done = new Promise<SpecRun>((resolve) => {
		child.once('close', (code) => {
			limit.cancel();
			endGroup(child.pid);
			const passed = code === 0 ? 'passed' : 'failed';
			const ms = Math.round(realClock.monotonic() - since);
			resolve({ ...titlesIn(output, spec), end: isHung ? 'hung' : passed, output, ms });
		});
	});
	return { done, end: () => endGroup(child.pid) };
}

/** Ends a process and those that it has started; they may be gone already. */
function endGroup(pid = 0): void {
	if (pid === 0) return;
	try {
		process.kill(-pid, 'SIGKILL');
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') !== 'ESRCH') throw thrown;
	}
}

/** Which tests have failed, and how many have passed, in the form of the Test Anything Protocol. */
export function titlesIn(output: string, spec: string): Pick<SpecRun, 'failed' | 'passed'> {
	const lines = [...output.matchAll(/^ *(not ok|ok) \d+ - (.*)$/gm)];
	// The runner counts the file itself as a test when it could not be run to its end.
	const isTest = (title: string) => !title.endsWith(basename(spec)) && !title.includes(' # SKIP');
	const tests = lines.filter(([, , title = '']) => isTest(title));
	const titles = (word: string) =>
		tests.filter(([, said]) => said === word).map(([, , title = '']) => title);
	return { failed: titles('not ok'), passed: titles('ok').length };
}
