/**
 * The method that takes the answer to a ping.
 *
 * @module
 */
import { z } from 'zod';
import { isoNow } from '../../runtime/platform/clock.ts';
import { defineMethod } from '../../runtime/method/method.ts';
import { untilSpace } from '../io/full-disk.ts';
import { replaceFile, resultFile } from '../io/result-file.ts';

/**
 * Takes the answer to a ping, as its `replyMethod`. If the message names a file, a line that says
 * when the pong came and from whom is written there, over the last. A pong that answers no ping is
 * taken just the same.
 */
export default defineMethod({
	name: 'REQPong',
	aliases: ['pong'],
	summary: 'Take the answer to a ping',
	kind: 'EventACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: false,
	args: z.array(z.string()),
	example: {},
	async run(message, context) {
		if (!message.fileName) return;
		const line = `${isoNow(context.clock)}, pong received from ${message.fromNode}\n`;
		await untilSpace(context, async () =>
			replaceFile(await resultFile(message, context), line, message),
		);
	},
});
