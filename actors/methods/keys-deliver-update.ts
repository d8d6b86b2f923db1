/**
 * The method that central hands out keys with.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/define.ts';
import { ReeveError } from '../../runtime/errors.ts';
import { ownerOf } from '../../runtime/keyring.ts';
import { keyLines, trustOf } from '../trust-text.ts';

const usage =
	'methodArgs: trust OWNER KEY | revoke OWNER [KEY] | list; OWNER is node:NAME or client:NAME';

/**
 * Changes whom this node trusts, and answers with all trusted keys. Only central may call it, with a
 * signature, and whoever is on the socket of this node: see `trust.ts`.
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
		.refine(([what = '']) => ['trust', 'revoke', 'list'].includes(what), usage),
	example: { methodArgs: ['list'] },
	async run({ methodArgs }, context) {
		const { keyring } = trustOf(context);
		const [what, owner = '', key] = methodArgs;
		if (what === 'trust' && key === undefined) throw new ReeveError('bad_arguments', usage);
		if (what === 'trust') keyring.trust({ ...ownerOf(owner), key: key ?? '' });
		if (what === 'revoke') keyring.revoke(ownerOf(owner), key);
		await Promise.resolve();
		return { data: keyLines(keyring.list()) };
	},
});
