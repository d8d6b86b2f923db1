/**
 * Changes of trusted keys and access rules, as the methods that deliver them make them.
 *
 * @module
 */
import { parseRules } from '../../runtime/security/access-rules.ts';
import { changeAccess, type RuleChange } from '../../runtime/security/access-changes.ts';
import type { MethodContext } from '../../runtime/method/method.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { fingerprint, ownerOf } from '../../runtime/security/keyring.ts';
import {
	checkRevocation,
	testCall,
	type Authorization,
} from '../../runtime/security/authorization.ts';
import { yamlText } from '../../runtime/text/yaml.ts';
import type { Output } from '../../runtime/message/reply.ts';

/** What the arguments of `REQKeysDeliverUpdate` may be. */
export const keysUsage = 'methodArgs: trust OWNER KEY | [--yes] revoke OWNER [KEY] | list';

/** What the arguments of `REQAclDeliverUpdate` may be; `import` takes its rules from the data. */
export const rulesUsage =
	'methodArgs: [--yes] allow|deny FROM METHOD [COMMAND...] | ' +
	'[--yes] remove FROM METHOD [COMMAND... or -- for the rule without one] | ' +
	'[--yes] import | [--yes] clear | test FROM METHOD [ARGUMENT...] | list';

/** The first of the arguments if the sender confirms what the change brings with it. */
const confirmation = '--yes';

/** The arguments, without the confirmation. */
export function unconfirmed(methodArgs: readonly string[]): readonly string[] {
	return methodArgs[0] === confirmation ? methodArgs.slice(1) : methodArgs;
}

/**
 * Trusts or revokes a key, or does neither; answers with a line for each trusted key.
 *
 * @throws ReeveError `bad_arguments`, `bad_key`, `unconfirmed`
 */
export function changeKeys(methodArgs: readonly string[], context: MethodContext): Output {
	const { keyring, administrator } = authorizationOf(context);
	const [what, owner = '', key] = unconfirmed(methodArgs);
	if (what === 'trust' && key === undefined) throw new ReeveError('bad_arguments', keysUsage);
	if (what === 'trust') keyring.trust({ ...ownerOf(owner), key: key ?? '' });
	if (what === 'revoke') {
		const isConfirmed = methodArgs[0] === confirmation;
		checkRevocation(ownerOf(owner), key, { keyring, administrator, isConfirmed });
		keyring.revoke(ownerOf(owner), key);
	}
	const lines = keyring.list().map(({ kind, name, key: text }) => {
		return `${kind}:${name}  ${text}  ${fingerprint(text)}\n`;
	});
	return { data: lines.join('') };
}

/**
 * Adds a rule, removes one, replaces all by those in the data, or tests a call; a change is
 * answered with all rules.
 *
 * @throws ReeveError `bad_arguments`, `bad_acl`, `not_found`, `unknown_method`, `unknown_node`,
 * `unconfirmed`, `file_failed`
 */
export function changeRules(
	{ methodArgs, data = '' }: { methodArgs: readonly string[]; data?: string | Uint8Array },
	context: MethodContext,
): Output {
	const authorization = authorizationOf(context);
	const { access } = authorization;
	const [what = '', ...words] = unconfirmed(methodArgs);
	if (what === 'test') return { data: `${testCall(words, authorization).text}\n` };
	if (what !== 'list') {
		const isConfirmed = methodArgs[0] === confirmation;
		changeAccess(access, changeOf(what, words, data), { ...authorization, isConfirmed });
	}
	const rules = access.rules();
	return { data: rules ? yamlText(rules) : '# no rules: every node may call every method\n' };
}

function changeOf(what: string, words: readonly string[], data: string | Uint8Array): RuleChange {
	if (what === 'import') return { what, rules: parseRules(Buffer.from(data).toString(), 'data') };
	if (what === 'clear') return { what };
	const [from = '', method = '', ...command] = words;
	if (method === '') throw new ReeveError('bad_arguments', rulesUsage);
	if (what === 'remove') {
		if (command.length === 0) return { what, from, method };
		return { what, from, method, command: command[0] === '--' ? command.slice(1) : command };
	}
	return { what: what === 'deny' ? 'deny' : 'allow', from, method, command };
}

function authorizationOf({ authorization }: MethodContext): Authorization {
	if (authorization) return authorization;
	throw new ReeveError('bad_config', 'this node has no keysFolder');
}
