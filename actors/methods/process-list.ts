/**
 * The method that lists processes.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { processList } from '../io/process-lines.ts';

/** Lists the processes of the node, a line each: subscribers, then publishers, each by name. */
export default defineMethod({
	name: 'REQOpProcessList',
	aliases: ['process-list'],
	summary: 'List the processes of the node',
	kind: 'CommandACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	args: z.array(z.string()).max(0, 'there are no arguments'),
	example: {},
	run: async (_message, context) => ({ data: await processList(context) }),
});
