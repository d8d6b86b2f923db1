/**
 * The method that central hands out access rules with.
 *
 * @module
 */
import { z } from 'zod';
import { addRule, removeRules } from '../../runtime/access-edit.ts';
import { parseRules } from '../../runtime/access.ts';
import { defineMethod } from '../../runtime/define.ts';
import { ReeveError } from '../../runtime/errors.ts';
import { ruleText, trustOf } from '../trust-text.ts';

const usage =
	'methodArgs: allow|deny FROM METHOD [COMMAND...] | remove FROM METHOD | import (rules in data) | list';
const words = ['allow', 'deny', 'remove', 'import', 'list'];

/**
 * Changes who may call what on this node, and answers with all rules. Only central may call it, with a
 * signature, and whoever is on the socket of this node: see `trust.ts`.
 */
export default defineMethod({
	name: 'REQAclDeliverUpdate',
	aliases: ['acl-update'],
	summary: 'Allow or deny a call, replace the access rules, or list them',
	kind: 'CommandACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: true,
	args: z.array(z.string()).refine(([what = '']) => words.includes(what), usage),
	example: { methodArgs: ['list'] },
	async run({ methodArgs, data = '' }, context) {
		const { access } = trustOf(context);
		const [what, from = '', method = '', ...command] = methodArgs;
		const needsMore = what === 'allow' || what === 'deny' || what === 'remove';
		if (needsMore && method === '') throw new ReeveError('bad_arguments', usage);
		if (what === 'allow' || what === 'deny') {
			addRule(access, { effect: what, from, method, command });
		}
		if (what === 'remove') removeRules(access, from, method);
		if (what === 'import') access.replace(parseRules(Buffer.from(data).toString(), 'data'));
		await Promise.resolve();
		return { data: ruleText(access.rules()) };
	},
});
