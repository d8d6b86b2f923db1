/**
 * The soak: `npm run soak -- [--minutes M] [--json]`. Three nodes, each a process of its own, over
 * Mosquitto, under a steady load of commands, file appends, replies and turns of actors, handed in
 * over ever new connections. Each node is weighed again and again; at the end everything that was
 * weighed is called flat or growing, see `soak-verdict.ts`, and the exit code is 1 if anything
 * grows, or if a message was lost.
 *
 * The first part, {@link warmUpShare} of the time but at most three minutes, is a warm-up and does
 * not count. Retention is configured to be so short (see `soak-host.ts`) that the journal reaches
 * its steady state in it; with the defaults that would take some thousand messages more of each
 * kind, and then be as flat. What the load appends to files is no part of it: that is its purpose.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { Command, InvalidArgumentError, Option } from 'commander';
import { inYard, type Forked } from './forked.ts';
import { tolerated, weighed } from './soak-figures.ts';
import type { SoakJob, SoakOrder } from './soak-host.ts';
import { trendOf, type Sample, type Trend } from './soak-verdict.ts';

const names = ['central', 'ship1', 'ship2'] as const;
const warmUpShare = 0.3;
const warmUpMsMax = 180_000;
const samplesMax = 90;

/** What a soak has found out. */
interface Soaked {
	readonly minutes: number;
	readonly warmUpSeconds: number;
	readonly messages: number;
	readonly lost: number;
	readonly growing: number;
	readonly rows: readonly (Trend & { readonly node: string })[];
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const tell = (text: string): void => void process.stderr.write(`${text}\n`);

type Weights = Map<string, { readonly atMs: number; readonly values: readonly number[] }[]>;

async function sample(nodes: ReadonlyMap<string, Forked>, minutes: number): Promise<Weights> {
	const weights: Weights = new Map(names.map((name) => [name, []]));
	const everyMs = Math.max(1000, (minutes * 60_000) / samplesMax);
	const from = performance.now();
	for (let told = 0; performance.now() - from < minutes * 60_000;) {
		await wait(everyMs);
		for (const [name, node] of nodes) {
			const values = await node.work({ do: 'weigh' } satisfies SoakJob);
			weights.get(name)?.push({ atMs: performance.now() - from, values });
		}
		const minute = Math.floor((performance.now() - from) / 60_000);
		if (minute === told) continue;
		told = minute;
		tell(`${minute} min: ${names.map((name) => brief(weights, name)).join('; ')}`);
	}
	return weights;
}

function brief(weights: Weights, name: string): string {
	const [heap = 0, , , resident = 0, journal = 0] = weights.get(name)?.at(-1)?.values ?? [];
	const [a, b, c] = [heap, resident, journal].map((value) => value.toFixed(1));
	return `${name} heap ${a}, resident ${b}, journal ${c} MB`;
}

async function linesOf(folder: string): Promise<number> {
	const texts = await Promise.all(
		names.slice(1).map((name) => readFile(join(folder, name, 'data/soak', name, 'lines'), 'utf8')),
	);
	return texts.join('').split('\n').length - 1;
}

/** Soaks for so many minutes. */
async function soak(minutes: number): Promise<Soaked> {
	return inYard([], async (yard) => {
		const { broker, folder } = yard;
		const nodes = new Map<string, Forked>();
		for (const name of names) {
			const order: SoakOrder = { name, folder, broker, receivers: names.slice(1) };
			nodes.set(name, await yard.start('soak-host', order));
		}
		const central = nodes.get('central');
		if (!central) throw new Error('there is no central node');
		await central.work({ do: 'load' } satisfies SoakJob);
		const weights = await sample(nodes, minutes);
		const [messages = 0, appended = 0, spoiled = 0] = await central.work({
			do: 'stop',
		} satisfies SoakJob);
		const lost = appended - (await linesOf(folder)) + spoiled;
		const warmUpMs = Math.min(warmUpMsMax, minutes * 60_000 * warmUpShare);
		const rows = [...weights].flatMap(([node, taken]) => {
			const counted = taken.filter(({ atMs }) => atMs >= warmUpMs);
			return weighed.map((name, index) => {
				const { unit, ...tolerance } = tolerated[name];
				const samples: Sample[] = counted.map(({ atMs, values }) => ({
					atMs,
					value: values[index] ?? 0,
				}));
				return { node, ...trendOf({ name, unit }, samples, tolerance) };
			});
		});
		const growing = rows.filter(({ verdict }) => verdict === 'growing').length;
		return { minutes, warmUpSeconds: Math.round(warmUpMs / 1000), messages, lost, growing, rows };
	});
}

function tableOf({ rows, messages, lost, minutes, warmUpSeconds }: Soaked): string {
	const head = ['node', 'figure', 'median', 'slope/h', 'growth', 'limit', 'verdict'];
	const lines = rows.map(({ node, name, unit, median, perHour, growth, limit, verdict }) => [
		node,
		unit ? `${name} (${unit})` : name,
		String(median),
		String(perHour),
		String(growth),
		String(limit),
		verdict,
	]);
	const all = [head, ...lines];
	const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
	const text = all
		.map((line) => line.map((word, column) => word.padEnd(widths[column] ?? 0)).join('  '))
		.join('\n');
	const about = `${minutes} min, of which ${warmUpSeconds} s were warm-up; ${messages} messages`;
	return `${about}, ${lost} lost\n\n${text}\n`;
}

const command = new Command('npm run soak --')
	.description('Run nodes under a steady load and tell what grows.')
	.addOption(new Option('--minutes <m>', 'how long').argParser(minutesOf).default(10))
	.option('--json', 'print JSON')
	.parse();
const { minutes, json } = command.opts<{ readonly minutes: number; readonly json?: true }>();
const soaked = await soak(minutes);
process.stdout.write(json ? `${JSON.stringify(soaked)}\n` : tableOf(soaked));
if (soaked.growing > 0 || soaked.lost !== 0) process.exitCode = 1;

function minutesOf(text: string): number {
	const minutes = Number(text);
	if (minutes > 0) return minutes;
	throw new InvalidArgumentError('a number above 0 is wanted');
}
