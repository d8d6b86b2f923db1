/**
 * `reeve backup` makes a consistent copy of the journal of a running node.
 *
 * @module
 */
import { resolve } from 'node:path';
import { exitCodes } from '../../../runtime/platform/errors.ts';
import { allRows, createClient } from '../client/socket-client.ts';
import { defineCommand } from '../arguments/command.ts';
import { rowsText } from '../output/rows.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';
import { formatOf, formatOption } from '../arguments/format-option.ts';

/** The node's answer about the copy that it has written. */
interface BackupRow {
	readonly folder: string;
	readonly bytes: number;
	readonly storeId: string;
	readonly epoch: number;
}

/** Makes the node write a copy of its journal into a new folder. */
export default defineCommand({
	arguments: [{ name: '<folder>', help: 'A new folder, on the machine of the node' }],
	options: [formatOption, ...socketOptions],
	examples: [
		'reeve backup /var/backups/reeve-central',
		'reeve run --databaseFolder /var/backups/reeve-central     # restores it',
	],
	async run({ words, options }, tools) {
		const [folder = ''] = words;
		const client = createClient(socketPath({ options }, tools));
		const rows = await allRows(client.ask<BackupRow>({ reeve: 'backup', folder: resolve(folder) }));
		const format = formatOf(options);
		if (format === 'table' || format === 'wide') {
			for (const row of rows) tools.screen.out(`${row.folder}  ${row.bytes} bytes\n`);
		} else {
			const layout = { columns: [], name: (row: BackupRow) => row.folder };
			tools.screen.out(await rowsText(rows, layout, { format, now: tools.clock.now() }));
		}
		return exitCodes.ok;
	},
});
