/**
 * The method that answers.
 *
 * @module
 */
import { z } from 'zod';
import { isoNow } from '../../runtime/platform/clock.ts';
import { defineMethod } from '../../runtime/method/method.ts';
import { untilSpace } from '../io/full-disk.ts';
import { replaceFile, resultFile } from '../io/result-file.ts';

/**
 * Answers with a line that says when the ping came and from whom: the cheapest proof that node,
 * broker and journal are alive. If the message names a file, the line is written there too, over
 * the last.
 */
export default defineMethod({
	name: 'REQPing',
	aliases: ['ping'],
	summary: 'Answer, as proof that node, broker and journal are alive',
	kind: 'EventACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	args: z.array(z.string()),
	example: {},
	async run(message, context) {
		const data = `${isoNow(context.clock)}, ping received from ${message.fromNode}\n`;
		if (message.fileName) {
			await untilSpace(context, async () =>
				replaceFile(await resultFile(message, context), data, message),
			);
		}
		return { data };
	},
});
