/**
 * The method that collects errors.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { untilSpace } from '../io/full-disk.ts';
import { appendOnce } from '../io/result-file.ts';

/**
 * Appends an error report, as one line, to `<data>/errorLog/errorCentral/error.log`. Nodes send
 * these by themselves; people use REQToFileAppend.
 */
export default defineMethod({
	name: 'REQErrorLog',
	aliases: ['error-log'],
	summary: 'Append the error report of a node to the error log',
	kind: 'EventACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: false,
	// A full disk is waited for.
	timeoutOf: () => -1,
	args: z.array(z.string()),
	example: { data: 'error: an example\n' },
	async run(message, context) {
		const { data = '' } = message;
		const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
		// A report may quote the output of a command: its line breaks must not look like other reports.
		const line = `${text.trimEnd().replaceAll(/\r?\n|\r/g, String.raw`\n`)}\n`;
		await untilSpace(context, async () => {
			const path = await context.dataFile('errorLog', 'errorCentral', 'error.log');
			await appendOnce(message, context, { path, data: line, method: 'REQErrorLog' });
		});
	},
});
