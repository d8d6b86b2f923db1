/**
 * The method that writes a file for a message that wants no acknowledgement.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { untilSpace } from '../io/full-disk.ts';
import { replaceFile, resultFile } from '../io/result-file.ts';

/**
 * Writes the message's `data` as REQToFile does. Its messages are of a kind that is sent at most
 * once: use it for values that are soon sent anew.
 */
export default defineMethod({
	name: 'REQToFileNACK',
	aliases: ['write-file-once'],
	summary: 'Write data to a file in the data folder, without an acknowledgement',
	kind: 'EventNACK',
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
