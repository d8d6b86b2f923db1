/**
 * Runs benchmarks: `npm run bench -- [NAME...] [--json] [--short]`. With names it runs their full
 * forms; without, the short form of all, which takes less than five minutes.
 *
 * Each runs in a process of its own, so that none is measured with the heap, the compiled code and
 * the leftovers of those before it; and one that hangs is ended, with all that it has started. They
 * run compiled, as the product does, see `forked.ts`.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { Argument, Command, Option } from 'commander';
import { answer, measureApart } from './apart.ts';
import type { Figure, Scale } from './figure.ts';
import { build } from './forked.ts';
import {
	failureText,
	figureTable,
	isSkipped,
	resultObject,
	summaryObject,
	type Failure,
	type Result,
} from './figure-table.ts';

type Measure = (scale: Scale) => Promise<readonly Figure[]>;

/** A benchmark: what it is called, and what it measures. A further one is a further row. */
const benchmarks: Readonly<Record<string, Measure>> = {
	actors: async (scale) => (await import('./actors.ts')).measureActors(scale),
	away: async (scale) => (await import('./away.ts')).measureAway(scale),
	delivery: async (scale) => (await import('./delivery.ts')).measureDelivery(scale),
	'delivery-embedded': async (scale) =>
		(await import('./delivery-embedded.ts')).measureDeliveryEmbedded(scale),
	'fan-out': async (scale) => (await import('./fan-out.ts')).measureFanOut(scale),
	'fan-out-10000': async (scale) => (await import('./fan-out.ts')).measureLargeFanOut(scale),
	intake: async (scale) => (await import('./intake.ts')).measureIntake(scale),
	latency: async (scale) => (await import('./latency.ts')).measureLatency(scale),
	memory: async (scale) => (await import('./memory.ts')).measureMemory(scale),
	'message-actor': async (scale) =>
		(await import('./message-actor.ts')).measureMessageActors(scale),
	peers: async (scale) => (await import('./peers.ts')).measurePeers(scale),
	recovery: async (scale) => (await import('./recovery.ts')).measureRecovery(scale),
	scale: async (scale) => (await import('./scale.ts')).measureScale(scale),
	start: async (scale) => (await import('./start.ts')).measureStart(scale),
	supervision: async (scale) => (await import('./supervision.ts')).measureSupervision(scale),
};

/** These need files that lie beside them and are not compiled; none of them does the work. */
const asWritten: ReadonlySet<string> = new Set(['peers']);

function machine(): string {
	const [cpu] = cpus();
	const memoryGb = Math.round(totalmem() / 2 ** 30);
	const model = cpu?.model ?? 'unknown';
	return `${model} x ${cpus().length}, ${memoryGb} GB, Node.js ${process.version}`;
}

const tell = (text: string): void => void process.stderr.write(`${text}\n`);

/** How long one may take. */
const limitMs = { short: 60_000, full: 1_800_000 } as const;
/** What the short form of all must not take longer than, whatever else the machine is doing. */
const allMs = 295_000;

/**
 * How long the next one may take, and how long it may begin rounds: half of its share of the time
 * that is left for all that are to come, because hosts have to be started too.
 */
function timesOf({ short }: Scale, { begin, toCome }: { begin: number; toCome: number }) {
	const leftMs = Math.max(1000, allMs - (performance.now() - begin));
	if (!short) return { limitMs: limitMs.full };
	return { limitMs: Math.min(limitMs.short, leftMs), budgetMs: leftMs / toCome / 2 };
}

const seconds = (from: number) => `${Math.round((performance.now() - from) / 1000)} s`;

interface Outcome {
	readonly results: readonly Result[];
	readonly failed: readonly Failure[];
}

/** Measures one after the other; `onResult` gets what each comes to. */
async function measureAll(
	names: readonly string[],
	scale: Scale,
	onResult: (result: Result) => void = () => {},
): Promise<Outcome> {
	const results: Result[] = [];
	const failed: Failure[] = [];
	const begin = performance.now();
	const folder = mkdtempSync(join(tmpdir(), 'reeve-bench-'));
	process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
	const compiled = { file: join(build(folder), 'run.js'), execArgv: [] };
	const written = { file: fileURLToPath(import.meta.url), execArgv: process.execArgv };
	for (const [index, name] of names.entries()) {
		tell(`${name} (${index + 1} of ${names.length}) ...`);
		const from = performance.now();
		try {
			const program = asWritten.has(name) ? written : compiled;
			const times = timesOf(scale, { begin, toCome: names.length - index });
			const order = { name, ...scale, ...times };
			const result = { name, figures: await measureApart(program, order) };
			results.push(result);
			onResult(result);
			tell(`${name}: ${seconds(from)}`);
		} catch (thrown) {
			const why = thrown instanceof Error ? thrown.message : String(thrown);
			failed.push({ name, why });
			tell(failureText({ name, why }));
		}
	}
	if (!failed.every(isSkipped)) process.exitCode = 1;
	return { results, failed };
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const known = Object.keys(benchmarks);
const command = new Command('npm run bench --')
	.description('Run benchmarks, each beside a baseline; without names, the short form of all.')
	.addArgument(new Argument('[names...]', 'which, in their full form').choices(known))
	.option('--short', 'the short form also of those named')
	.option('--full', 'the full form also without names')
	.option('--json', 'print JSON: with names an object for each, else one for all')
	.addOption(new Option('--measure', 'measure in this process').hideHelp())
	.addOption(new Option('--budget <ms>', 'how long rounds may begin').argParser(Number).hideHelp())
	.parse();
interface Flags {
	readonly short?: true;
	readonly full?: true;
	readonly json?: true;
	readonly measure?: true;
	readonly budget?: number;
}
const flags = command.opts<Flags>();
const named = command.args;
const [first = ''] = named;
const short = flags.short ?? (named.length === 0 && flags.full !== true);
if (flags.measure) {
	const scale = { short, ...(flags.budget === undefined ? {} : { budgetMs: flags.budget }) };
	await answer(async () => (await benchmarks[first]?.(scale)) ?? []);
} else if (named.length > 0 && flags.json) {
	await measureAll(named, { short }, (result) => print(JSON.stringify(resultObject(result))));
} else {
	const from = performance.now();
	const { results, failed } = await measureAll(named.length > 0 ? named : known, { short });
	tell(`all: ${seconds(from)}`);
	if (flags.json) print(JSON.stringify(summaryObject(machine(), results, failed)));
	else print(`${machine()}\n\n${figureTable(results, failed)}`);
}
