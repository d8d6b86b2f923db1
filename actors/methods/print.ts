/**
 * The method that prints on the console.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';

/**
 * Prints the message's `data` on the console of the receiving node, as a line of its own. It fails
 * if the console did not take it.
 */
export default defineMethod({
	name: 'REQToConsole',
	aliases: ['print'],
	summary: 'Print data on the console of the receiving node',
	kind: 'EventACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: false,
	args: z.array(z.string()),
	example: { data: 'hello\n' },
	async run({ data = '' }, context) {
		await context.print(typeof data === 'string' ? data : new TextDecoder().decode(data));
	},
});
