/**
 * `reeve explain` shows how to use a method. Everything comes from the method's own declaration.
 *
 * @module
 */
import { exitCodes } from '../../../runtime/platform/errors.ts';
import type { ExplanationRow } from '../../../runtime/method/method-help.ts';
import { allRows, createClient } from '../client/socket-client.ts';
import { defineCommand } from '../arguments/command.ts';
import { shade } from '../output/render.ts';
import { rowsText } from '../output/rows.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

/** Explains one method. */
export default defineCommand({
	arguments: [{ name: '<method>', help: 'Its name on the wire, or its short name' }],
	options: [formatOption, ...socketOptions],
	examples: ['reeve explain exec', 'reeve explain REQToFile --output json'],
	async run({ words, options }, tools) {
		const [method = ''] = words;
		const client = createClient(socketPath({ options }, tools));
		const rows = await allRows(client.ask<ExplanationRow>({ reeve: 'explain', method }));
		const format = formatOf(options);
		const layout = { columns: [], name: ({ name }: ExplanationRow) => name };
		const isForPeople = format === 'table' || format === 'wide';
		const text = isForPeople
			? rows.map(explanationText).join('\n')
			: await rowsText(rows, layout, { format, now: tools.clock.now() });
		tools.screen.out(text);
		return exitCodes.ok;
	},
});

function explanationText(row: ExplanationRow): string {
	const { name, aliases, summary, kind, ordering, onCrash, replies, args, example, topic } = row;
	const lines = [
		`${shade('heading', name)}  ${aliases.join(', ')}`,
		summary,
		'',
		`kind       ${kind}`,
		`ordering   ${orderingText(ordering)}`,
		`on crash   ${onCrash === 'retry' ? 'it is run again' : 'its sender is told, interrupted'}`,
		`replies    ${replies ? 'with its output' : 'only with its outcome'}`,
		`arguments  ${JSON.stringify(args ?? {})}`,
		`example    ${JSON.stringify(example)}`,
		`topic      ${topic}`,
	];
	return `${lines.join('\n')}\n`;
}

function orderingText(ordering: string): string {
	return ordering === 'sequential' ? 'one message at a time, in order' : 'several at a time';
}
