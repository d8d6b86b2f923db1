/**
 * `reeve resend` sends any recorded message again.
 *
 * @module
 */
import { errorTable, exitCodes } from '../../../runtime/platform/errors.ts';
import type { OperationRow } from '../../../runtime/queries/operation-rows.ts';
import { createClient } from '../client/socket-client.ts';
import { defineCommand } from '../arguments/command.ts';
import { operationLine } from '../client/operation-command.ts';
import { socketOptions, socketPath } from '../client/socket-path.ts';

/** Sends each as a new message, whose note names the old one; also one that is done. */
export default defineCommand({
	arguments: [{ name: '<ids...>', help: 'Messages: ids, or unique beginnings of them' }],
	options: [{ flags: '--json', help: 'One JSON object in a line' }, ...socketOptions],
	examples: ['reeve resend 01KA', 'reeve resend 01KA8GZ3 01KA8H00 --json'],
	async run(input, tools) {
		const client = createClient(socketPath(input, tools));
		let exitCode: number = exitCodes.ok;
		for await (const row of client.ask<OperationRow>({ reeve: 'resend', ids: input.words })) {
			if ('error' in row) exitCode = Math.max(exitCode, errorTable[row.error].exitCode);
			const isJson = input.options['json'] === true;
			tools.screen.out(isJson ? `${JSON.stringify(row)}\n` : operationLine(row));
		}
		return exitCode;
	},
});
