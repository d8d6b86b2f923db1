/**
 * The method that writes a file.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { untilSpace } from '../io/full-disk.ts';
import { replaceFile, resultFile } from '../io/result-file.ts';

/**
 * Writes the message's `data` to `<data>/<directory>/<node>/<fileName>`, over what was there. The
 * file is replaced in one step, so that no reader sees half of it, and it survives a power cut once
 * the message is acknowledged.
 */
export default defineMethod({
	name: 'REQToFile',
	aliases: ['write-file'],
	summary: 'Write data to a file in the data folder, over what was there',
	kind: 'EventACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: false,
	// A full disk is waited for.
	timeoutOf: () => -1,
	args: z.array(z.string()),
	example: { data: 'hello\n' },
	async run(message, context) {
		await untilSpace(context, async () =>
			replaceFile(await resultFile(message, context), message.data ?? '', message),
		);
	},
});
