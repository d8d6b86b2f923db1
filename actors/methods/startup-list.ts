/**
 * The method that lists the startup messages.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { startupFiles } from '../io/startup-files.ts';

/**
 * Replies with a line for each file of startup messages: its name, its size, and when it was
 * written.
 */
export default defineMethod({
	name: 'REQStartupList',
	aliases: ['startup-list'],
	summary: 'List the messages that are sent at every start of the node',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	args: z.array(z.string()).max(0),
	example: {},
	async run(_message, context) {
		const files = await startupFiles(context);
		const lines = files.map(
			({ name, bytes, at }) => `${name} ${bytes} bytes ${new Date(at).toISOString()}\n`,
		);
		return { data: lines.join('') };
	},
});
