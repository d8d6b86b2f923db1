/**
 * Runs benchmarks: `npm run bench -- [NAME...] [--json]`. Without a name it runs all.
 *
 * @module
 */
import { cpus, totalmem } from 'node:os';
import process from 'node:process';
import type { Figure } from './figure.ts';

/** A benchmark: what it is called, and what it measures. A further one is a further row. */
const benchmarks: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
	actors: async () => (await import('./actors.ts')).measureActors(),
	away: async () => (await import('./away.ts')).measureAway(),
	delivery: async () => (await import('./delivery.ts')).measureDelivery(),
	latency: async () => (await import('./latency.ts')).measureLatency(),
	'message-actor': async () => (await import('./message-actor.ts')).measureMessageActors(),
	recovery: async () => (await import('./recovery.ts')).measureRecovery(),
	supervision: async () => (await import('./supervision.ts')).measureSupervision(),
};

/** The result of one benchmark as one object: the figure, or several as rows. */
function resultOf(name: string, figures: readonly Figure[]): object {
	const [only] = figures;
	return figures.length === 1 && only ? { ...only, name } : { name, rows: figures };
}

const columns = ['name', 'unit', 'reeve', 'baseline', 'ratio', 'spread', 'goal', 'met'] as const;

function table(figures: readonly Figure[]): string {
	const cells = figures.map((figure) =>
		columns.map((column) => {
			if (column === 'spread') return figure.spread.join(' to ');
			return column === 'met' ? (figure.met ? 'yes' : 'MISSED') : String(figure[column]);
		}),
	);
	const rows = [[...columns], ...cells];
	const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
	return rows
		.map((row) =>
			row
				.map((cell, index) => cell.padEnd(widths[index] ?? 0))
				.join('  ')
				.trimEnd(),
		)
		.join('\n');
}

function machine(): string {
	const [cpu] = cpus();
	const memoryGb = Math.round(totalmem() / 2 ** 30);
	const model = cpu?.model ?? 'unknown';
	return `${model} x ${cpus().length}, ${memoryGb} GB, Node.js ${process.version}`;
}

const words = process.argv.slice(2);
const isJson = words.includes('--json');
const named = words.filter((word) => !word.startsWith('--'));
const unknown = named.filter((name) => !(name in benchmarks));
if (unknown.length > 0) {
	const known = Object.keys(benchmarks).join(', ');
	process.stderr.write(`no benchmark ${unknown.join(', ')}; there are ${known}\n`);
	process.exitCode = 2;
} else {
	const all: Figure[] = [];
	for (const name of named.length > 0 ? named : Object.keys(benchmarks)) {
		const figures = (await benchmarks[name]?.()) ?? [];
		all.push(...figures);
		if (isJson) process.stdout.write(`${JSON.stringify(resultOf(name, figures))}\n`);
	}
	if (!isJson) process.stdout.write(`${machine()}\n\n${table(all)}\n`);
}
