/**
 * The method by which central delivers keys.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { changeKeys, keysUsage, unconfirmed } from '../io/authorization-update.ts';

const words = ['trust', 'revoke', 'list'];

/**
 * Changes which keys this node trusts, and answers with all of these. Only central, with a
 * signature, and clients of this node's socket may call it: see `authorization.ts`.
 */
export default defineMethod({
	name: 'REQKeysDeliverUpdate',
	aliases: ['keys-update'],
	summary: 'Trust or revoke a key, or list the trusted keys',
	kind: 'CommandACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: true,
	args: z.array(z.string()).refine((args) => words.includes(unconfirmed(args)[0] ?? ''), keysUsage),
	example: { methodArgs: ['list'] },
	async run({ methodArgs }, context) {
		return Promise.resolve(changeKeys(methodArgs, context));
	},
});
