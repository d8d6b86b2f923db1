/**
 * `reeve tree` draws the supervision tree of a node, with the restarts of each child.
 *
 * @module
 */
import { exitCodes } from '../../../runtime/platform/errors.ts';
import { allRows, createClient } from '../client/socket-client.ts';
import { defineCommand } from '../arguments/command.ts';
import { repeat, watchOption } from '../arguments/refresh-option.ts';
import { rowsText } from '../output/rows.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';
import { treeText } from '../output/tree-drawing.ts';
import type { TreeRow } from '../../../runtime/queries/question.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

/** Draws the tree of a node. */
export default defineCommand({
	arguments: [{ name: '[node]', help: 'The node, if several run here' }],
	options: [formatOption, watchOption, ...socketOptions],
	examples: ['reeve tree', 'reeve tree ship1 --watch', 'reeve tree --output json'],
	async run({ words, options }, tools) {
		const [node] = words;
		const chosen = node === undefined ? options : { ...options, node };
		const client = createClient(socketPath({ options: chosen }, tools));
		const format = formatOf(options);
		const text = async (): Promise<string> => {
			const rows = await allRows(client.ask<TreeRow>({ reeve: 'tree' }));
			if (format === 'table' || format === 'wide') {
				return (await Promise.all(rows.map(treeText))).join('');
			}
			const layout = { columns: [], name: ({ id }: TreeRow) => id };
			return rowsText(rows, layout, { format, now: tools.clock.now() });
		};
		if (options['watch'] === true) return repeat(text, tools);
		tools.screen.out(await text());
		return exitCodes.ok;
	},
});
