/**
 * Changes of access rules, a rule at a time, as `reeve acl` and central make them.
 *
 * @module
 */
import type { Access, AccessRule, AccessRules } from './access-rules.ts';
import { ReeveError } from '../platform/errors.ts';

const noRules: AccessRules = { groups: {}, commands: {}, rules: [] };

/** What is to be said of a caller, a method, and perhaps the beginning of its arguments. */
export interface RuleWords {
	readonly effect: AccessRule['effect'];
	readonly from: string;
	readonly method: string;
	readonly command: readonly string[];
}

/** Puts a rule in force; one that says the same or the opposite of the same is taken away. */
export function addRule(access: Access, words: RuleWords): void {
	const rules = access.rules() ?? noRules;
	const rule = ruleOf(words);
	const others = rules.rules.filter((each) => !isAboutTheSame(each, rule));
	access.replace({ ...rules, rules: [...others, rule] });
}

/**
 * Takes rules away: all that are about this caller and this method.
 *
 * @throws ReeveError `not_found`
 */
export function removeRules(access: Access, from: string, method: string): number {
	const rules = access.rules() ?? noRules;
	const left = rules.rules.filter((each) => each.from !== from || each.method !== method);
	const count = rules.rules.length - left.length;
	if (count === 0) throw new ReeveError('not_found', `no rule is about ${from} and ${method}`);
	access.replace({ ...rules, rules: left });
	return count;
}

function ruleOf({ effect, from, method, command }: RuleWords): AccessRule {
	const [only = ''] = command;
	const isGroup = command.length === 1 && only.startsWith('@');
	const of = isGroup ? only : [...command];
	return { from, method, effect, ...(command.length === 0 ? {} : { command: of }) };
}

function isAboutTheSame(one: AccessRule, other: AccessRule): boolean {
	const key = ({ from, method, command }: AccessRule) => JSON.stringify([from, method, command]);
	return key(one) === key(other);
}
