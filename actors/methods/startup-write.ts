/**
 * The method that writes a startup message.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { writeStartup } from '../io/startup-files.ts';

/**
 * Writes the message's `data` (messages in JSON or YAML) to the startup folder, under the name in
 * `methodArgs`, over what was there: they are sent at every start of this node from then on.
 * A caller of this method can have any message sent in the name of this node.
 */
export default defineMethod({
	name: 'REQStartupWrite',
	aliases: ['startup-write'],
	summary: 'Write messages that are sent at every start of the node',
	kind: 'CommandACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: false,
	args: z.tuple([z.string().describe('name')]),
	example: { methodArgs: ['example'], data: '{"toNode":"central","method":"REQNone"}' },
	run: writeStartup,
});
