/**
 * Changes of trusted keys and access rules, as the methods that deliver them make them.
 *
 * @module
 */
import {
	parseRules,
	type Access,
	addRule,
	removeRules,
} from '../../runtime/security/access-rules.ts';
import type { MethodContext } from '../../runtime/method/method.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { fingerprint, ownerOf } from '../../runtime/security/keyring.ts';
import type { Authorization } from '../../runtime/security/authorization.ts';
import { yamlText } from '../../runtime/text/yaml.ts';
import type { Output } from '../../runtime/message/reply.ts';

/** What the arguments of `REQKeysDeliverUpdate` may be. */
export const keysUsage = 'methodArgs: trust OWNER KEY | revoke OWNER [KEY] | list';

/** What the arguments of `REQAclDeliverUpdate` may be; `import` takes its rules from the data. */
export const rulesUsage =
	'methodArgs: allow|deny FROM METHOD [COMMAND...] | remove FROM METHOD | import | list';

/**
 * Trusts or revokes a key, or does neither; answers with a line for each trusted key.
 *
 * @throws ReeveError `bad_arguments`, `bad_key`
 */
export function changeKeys(methodArgs: readonly string[], context: MethodContext): Output {
	const { keyring } = authorizationOf(context);
	const [what, owner = '', key] = methodArgs;
	if (what === 'trust' && key === undefined) throw new ReeveError('bad_arguments', keysUsage);
	if (what === 'trust') keyring.trust({ ...ownerOf(owner), key: key ?? '' });
	if (what === 'revoke') keyring.revoke(ownerOf(owner), key);
	const lines = keyring.list().map(({ kind, name, key: text }) => {
		return `${kind}:${name}  ${text}  ${fingerprint(text)}\n`;
	});
	return { data: lines.join('') };
}

/**
 * Adds a rule, removes some, or replaces all by those in the data; answers with all rules.
 *
 * @throws ReeveError `bad_arguments`, `bad_acl`, `not_found`
 */
export function changeRules(
	{ methodArgs, data = '' }: { methodArgs: readonly string[]; data?: string | Uint8Array },
	context: MethodContext,
): Output {
	const { access } = authorizationOf(context);
	const [what, ...words] = methodArgs;
	if (what === 'import') access.replace(parseRules(Buffer.from(data).toString(), 'data'));
	else if (what !== 'list') changeRule(access, what, words);
	const rules = access.rules();
	return { data: rules ? yamlText(rules) : '# no rules: every node may call every method\n' };
}

function changeRule(access: Access, what: string | undefined, words: readonly string[]): void {
	const [from = '', method = '', ...command] = words;
	if (method === '') throw new ReeveError('bad_arguments', rulesUsage);
	if (what === 'remove') removeRules(access, from, method);
	else addRule(access, { effect: what === 'deny' ? 'deny' : 'allow', from, method, command });
}

function authorizationOf({ authorization }: MethodContext): Authorization {
	if (authorization) return authorization;
	throw new ReeveError('bad_config', 'this node has no keysFolder');
}
