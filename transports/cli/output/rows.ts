/**
 * Rows in the formats of `-o`: tables for reading, data for programs. Data is never shortened.
 *
 * @module
 */
import { tableText } from './render.ts';

/** The formats. */
export const formats = ['table', 'wide', 'json', 'jsonl', 'yaml', 'name'] as const;

/** One of {@link formats}. */
export type Format = (typeof formats)[number];

/** One column of a table. */
interface Column<Row> {
	readonly head: string;
	/** Only with `-o wide`. */
	readonly wide?: true;
	/** `now` is for relative times: milliseconds of the wall clock. */
	cell(row: Row, now: number): string;
}

/** The layout of the table for rows of one kind. */
export interface TableLayout<Row> {
	readonly columns: readonly Column<Row>[];
	/** What `-o name` prints: the name of the row in other commands. */
	name(row: Row): string;
}

/** The rows as text. */
export async function rowsText<Row>(
	rows: readonly Row[],
	layout: TableLayout<Row>,
	{ format, now }: { format: Format; now: number },
): Promise<string> {
	if (format === 'json') return `${JSON.stringify(rows, undefined, 2)}\n`;
	if (format === 'jsonl') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
	if (format === 'name') return rows.map((row) => `${layout.name(row)}\n`).join('');
	if (format === 'yaml') {
		const { yamlText } = await import('../../../runtime/text/yaml.ts');
		return yamlText(rows);
	}
	const shown = layout.columns.filter(({ wide }) => format === 'wide' || !wide);
	const cells = rows.map((row) => shown.map((column) => column.cell(row, now)));
	return tableText(
		shown.map(({ head }) => head),
		cells,
	);
}

/** Text in one line of at most `lettersMax`. */
export function oneLine(text: string, lettersMax = 60): string {
	const line = text.trim().replaceAll(/\s+/g, ' ');
	return line.length > lettersMax ? `${line.slice(0, lettersMax - 1)}…` : line;
}
