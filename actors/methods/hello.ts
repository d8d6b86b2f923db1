/**
 * The method that takes hello messages.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { replaceFile } from '../io/result-file.ts';

/**
 * Notes in `<data>/hello-messages/<node>/hello.log` that a node has said hello. The time of the
 * last hello is the file's own; as in later versions of steward, only the last one is kept.
 */
export default defineMethod({
	name: 'REQHello',
	aliases: ['hello'],
	summary: 'Take the hello of a node and note it',
	kind: 'EventNACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: false,
	args: z.array(z.string()),
	example: {},
	async run({ id, fromNode }, context) {
		const path = await context.dataFile('hello-messages', fromNode, 'hello.log');
		await replaceFile(path, `Received hello from "${fromNode}"\n`, { id });
	},
});
