/**
 * What the methods that hand out keys and access rules have in common.
 *
 * @module
 */
import { fingerprint, type TrustedKey } from '../runtime/keyring.ts';
import { yamlText } from '../runtime/yaml-text.ts';
import type { MethodContext } from '../runtime/define.ts';
import { ReeveError } from '../runtime/errors.ts';
import type { AccessRules } from '../runtime/access.ts';
import type { Trust } from '../runtime/trust.ts';

/** The keys and rules of the node that a method runs on. */
export function trustOf({ trust }: Pick<MethodContext, 'trust'>): Trust {
	if (trust) return trust;
	throw new ReeveError('bad_config', 'this node has no keysFolder');
}

/** A line for each key. */
export function keyLines(keys: readonly TrustedKey[]): string {
	return keys
		.map(({ kind, name, key }) => `${kind}:${name}  ${key}  ${fingerprint(key)}\n`)
		.join('');
}

/** The rules as they are written in a file. */
export function ruleText(rules: AccessRules | undefined): string {
	return rules ? yamlText(rules) : '# no rules: everybody may call everything\n';
}
