/**
 * The method that central hands out keys with.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { changeKeys, keysUsage } from '../io/authorization-update.ts';

/**
 * Changes whom this node trusts, and answers with all trusted keys. Only central may call it, with
 * a signature, and whoever is on the socket of this node: see `trust.ts`.
 */
export default defineMethod({
	name: 'REQKeysDeliverUpdate',
	aliases: ['keys-update'],
	summary: 'Trust a key, trust one no more, or list the trusted keys',
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
