/**
 * The method that appends to a file.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { untilSpace } from '../io/full-disk.ts';
import { appendOnce, resultFile } from '../io/result-file.ts';

/**
 * Appends the message's `data` as it is to `<data>/<directory>/<node>/<fileName>`, and flushes it.
 * One message at a time, in the order of acceptance.
 *
 * If the node is killed between the append and its commit, the message is run again, and adds only
 * what is missing. After a power cut, or if another program writes to the file at that moment, the
 * data may be in the file twice; it is never lost.
 */
export default defineMethod({
	name: 'REQToFileAppend',
	aliases: ['append-file'],
	summary: 'Append data to a file in the data folder',
	kind: 'EventACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: false,
	// A full disk is waited for.
	timeoutOf: () => -1,
	args: z.array(z.string()),
	example: { data: 'hello\n' },
	async run(message, context) {
		const { data = '' } = message;
		await untilSpace(context, async () => {
			const path = await resultFile(message, context);
			await appendOnce(message, context, { path, data, method: 'REQToFileAppend' });
		});
	},
});
