/**
 * Figures as text: the table that people read, and the objects that programs read.
 *
 * @module
 */
import type { Figure } from './figure.ts';

/** What was measured, by the name of its benchmark. */
export interface Result {
	readonly name: string;
	readonly figures: readonly Figure[];
}

/** A benchmark that came to no figures, and why. */
export interface Failure {
	readonly name: string;
	readonly why: string;
}

/** Whether it was left out of the short form on purpose, which is no failure. */
export const isSkipped = ({ why }: Failure): boolean => why.startsWith('skipped: ');

/** A line about a benchmark without figures. */
export function failureText(failure: Failure): string {
	const { name, why } = failure;
	return `${name}  ${isSkipped(failure) ? '' : 'FAILED: '}${why}`;
}

/** One benchmark as one object: its figure, or several as rows. */
export function resultObject({ name, figures }: Result): object {
	const [only] = figures;
	return figures.length === 1 && only ? { ...only, name } : { name, rows: figures };
}

/** All benchmarks as one object: each figure is a row, whose benchmark can be told by its name. */
export function summaryObject(
	machine: string,
	results: readonly Result[],
	failed: readonly Failure[],
): object {
	const rows = results.flatMap(({ name, figures }) =>
		figures.map((figure) => ({ ...figure, name: fullName(name, figure) })),
	);
	return { machine, rows, ...(failed.length > 0 ? { failed } : {}) };
}

/** The name of a figure among those of other benchmarks. */
function fullName(benchmark: string, { name }: Figure): string {
	return name.startsWith(benchmark) ? name : `${benchmark}: ${name}`;
}

const columns = ['name', 'unit', 'reeve', 'baseline', 'ratio', 'spread', 'goal', 'met'] as const;

const signed = (value: number): string => (value < 0 ? String(value) : `+${value}`);

/** The goal as it is spoken: a ratio, an amount on top of the baseline, or an amount. */
function goalText({ goal, unit, bound, compared = 'ratio' }: Figure): string {
	const sign = bound === undefined ? '' : bound === 'atLeast' ? '>= ' : '<= ';
	if (compared === 'ratio') return `${sign}${goal}x`;
	return `${sign}${compared === 'difference' ? signed(goal) : goal} ${unit}`;
}

function cellsOf(name: string, figure: Figure): readonly string[] {
	const { unit, reeve, baseline, ratio, difference, spread, compared = 'ratio', met } = figure;
	const show = compared === 'difference' ? signed : String;
	return [
		name,
		unit,
		String(reeve),
		String(baseline),
		difference === undefined ? `${ratio}x` : `${ratio}x, ${signed(difference)}`,
		spread.map(show).join(' to '),
		goalText(figure),
		met ? 'yes' : 'MISSED',
	];
}

/** The table, a line for each figure, and one for each benchmark that came to none. */
export function figureTable(results: readonly Result[], failed: readonly Failure[] = []): string {
	const cells = results.flatMap(({ name, figures }) =>
		figures.map((figure) => cellsOf(fullName(name, figure), figure)),
	);
	const rows = [columns, ...cells];
	const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
	const lines = rows.map((row) =>
		row
			.map((cell, index) => cell.padEnd(widths[index] ?? 0))
			.join('  ')
			.trimEnd(),
	);
	return [...lines, ...failed.map(failureText)].join('\n');
}
