/**
 * The method by which central delivers keys.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { changeKeys, keysUsage } from '../io/authorization-update.ts';

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
	args: z
		.array(z.string())
		.refine(([what = '']) => ['trust', 'revoke', 'list'].includes(what), keysUsage),
	example: { methodArgs: ['list'] },
	async run({ methodArgs }, context) {
		return Promise.resolve(changeKeys(methodArgs, context));
	},
});
