/**
 * The method by which central delivers access rules.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { changeRules, rulesUsage, unconfirmed } from '../io/authorization-update.ts';

const words = ['allow', 'deny', 'remove', 'import', 'clear', 'test', 'list'];

/**
 * Changes who may call what on this node, and answers with all rules. Only central, with a
 * signature, and clients of this node's socket may call it: see `authorization.ts`.
 */
export default defineMethod({
	name: 'REQAclDeliverUpdate',
	aliases: ['acl-update'],
	summary: 'Allow or deny a call, replace, clear or list the access rules, or test a call',
	kind: 'CommandACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: true,
	args: z
		.array(z.string())
		.refine((args) => words.includes(unconfirmed(args)[0] ?? ''), rulesUsage),
	example: { methodArgs: ['list'] },
	async run(message, context) {
		return Promise.resolve(changeRules(message, context));
	},
});
