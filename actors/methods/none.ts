/**
 * The method that does nothing.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';

/**
 * Takes a message and does nothing with it. As `replyMethod` it gives the sender the outcome of its
 * message without a file.
 */
export default defineMethod({
	name: 'REQNone',
	aliases: ['none'],
	summary: 'Take a reply and do nothing with it',
	kind: 'EventACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: false,
	args: z.array(z.string()),
	example: {},
	run: () => Promise.resolve(),
});
