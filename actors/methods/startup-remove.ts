/**
 * The method that removes a startup message.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { removeStartup } from '../io/startup-files.ts';

/**
 * Removes the file of startup messages of this name; it is no error if there is none.
 */
export default defineMethod({
	name: 'REQStartupRemove',
	aliases: ['startup-remove'],
	summary: 'Remove messages that are sent at every start of the node',
	kind: 'CommandACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: false,
	args: z.tuple([z.string().describe('name')]),
	example: { methodArgs: ['example'] },
	run: ({ methodArgs: [name = ''] }, context) => removeStartup(name, context),
});
