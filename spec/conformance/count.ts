/**
 * Counts what is shown: `npm run conformance`. Runs each suite, prints `<suite>: <passed> of
 * <total>` for it, and names what has not passed. A case without a test counts as not passed.
 *
 * @module
 */
import process from 'node:process';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Argument, Command } from 'commander';
import { invariantCases } from './invariant-cases.ts';
import { supervisorCases } from './supervisor-cases.ts';

/** A suite. A further one is a further row. */
interface Suite {
	readonly name: string;
	/** Beside this file. */
	readonly file: string;
	/** The names that titles begin with, up to a colon; without them every test is a case. */
	readonly cases?: readonly string[];
}

const suites: readonly Suite[] = [
	{ name: 'supervisor', file: 'supervisor.test.ts', cases: supervisorCases },
	{ name: 'invariants', file: 'invariants.test.ts', cases: invariantCases },
	{ name: 'methods', file: 'method.test.ts' },
];

/** What came of the tests of a file, by title; those of nested suites are not cases. */
async function results(file: string): Promise<ReadonlyMap<string, boolean>> {
	const path = fileURLToPath(new URL(file, import.meta.url));
	const found = new Map<string, boolean>();
	const note = (passed: boolean) => (told: Told) => {
		const { name, nesting, skip, todo } = told;
		// The runner counts the file itself as a test when it could not be run to its end.
		if (nesting > 0) return;
		const isLeftOut = skip !== undefined || todo !== undefined;
		found.set(name, passed && !isLeftOut && found.get(name) !== false);
	};
	const stream = run({ files: [path] });
	stream.on('test:pass', note(true)).on('test:fail', note(false));
	stream.resume();
	await new Promise((resolve) => void stream.once('end', resolve));
	return found;
}

interface Told {
	readonly name: string;
	readonly nesting: number;
	readonly skip?: string | boolean;
	readonly todo?: string | boolean;
}

/** Runs a suite, prints its line, and tells whether everything in it has passed. */
async function count({ name, file, cases }: Suite): Promise<boolean> {
	const found = await results(file);
	const caseOf = (title: string) => (cases ? title.split(': ')[0] : title);
	const passed = (wanted: string) => {
		const own = [...found].filter(([title]) => caseOf(title) === wanted);
		return own.length > 0 && own.every(([, isPassed]) => isPassed);
	};
	const wanted = cases ?? [...found.keys()];
	const done = wanted.filter(passed);
	const failed = [...found].filter(([, isPassed]) => !isPassed).map(([title]) => title);
	const absent = wanted.filter((one) => [...found.keys()].every((title) => caseOf(title) !== one));
	process.stdout.write(`${name}: ${done.length} of ${wanted.length}\n`);
	for (const title of failed) process.stdout.write(`  failed: ${title}\n`);
	for (const one of absent) process.stdout.write(`  no test: ${one}\n`);
	return failed.length === 0 && absent.length === 0 && wanted.length > 0;
}

const known = suites.map(({ name }) => name);
const command = new Command('npm run conformance --')
	.description('Run the conformance suites and count the cases that have passed.')
	.addArgument(new Argument('[suites...]', 'which; all if none is named').choices(known))
	.parse();
const names = command.args;
for (const suite of suites) {
	if (names.length > 0 && !names.includes(suite.name)) continue;
	if (!(await count(suite))) process.exitCode = 1;
}
