/**
 * Changes of access rules: what they name must exist, and a change that takes rights from callers
 * that have them, or gives rights to all, must be confirmed.
 *
 * @module
 */
import { checkName } from '../message/topics.ts';
import { nearestWord } from '../text/spelling.ts';
import { ReeveError } from '../platform/errors.ts';
import { consequencesOf, ruleText, type Administrator } from './access-consequences.ts';
import {
	checkGroups,
	commandWords,
	replyTopicRight,
	type Access,
	type AccessRule,
	type AccessRules,
	type KnownNames,
} from './access-rules.ts';

/** A change: one rule more, one fewer, other rules, or none. */
export type RuleChange =
	| ({ readonly what: 'allow' | 'deny'; readonly command: readonly string[] } & RuleSubject)
	/** `command`: the words of the rule, none for one without a command; absent: whichever it has. */
	| ({ readonly what: 'remove'; readonly command?: readonly string[] | undefined } & RuleSubject)
	| { readonly what: 'import'; readonly rules: AccessRules }
	| { readonly what: 'clear' };

/** Whom and which method a rule is about. */
export interface RuleSubject {
	readonly from: string;
	readonly method: string;
}

/** What a change is checked against. */
export interface ChangeSurroundings {
	readonly names: KnownNames;
	readonly administrator: Administrator;
	/** Whether the operator has confirmed the consequences, and the names that are not known yet. */
	readonly isConfirmed: boolean;
}

/**
 * Changes the rules, or leaves them as they are and throws.
 *
 * @throws ReeveError `unknown_method`, `unknown_node`, `bad_name`, `bad_acl`, `not_found`,
 * `bad_arguments`, `unconfirmed`, `file_failed`
 */
export function changeAccess(access: Access, change: RuleChange, around: ChangeSurroundings): void {
	access.change((before) => {
		const fault = access.fault();
		// The rules that cannot be read would be lost.
		if (fault !== '' && !['import', 'clear'].includes(change.what)) {
			throw new ReeveError('bad_acl', fault);
		}
		const after = changed(before ?? noRules, change, around);
		if (after) checkGroups(after, 'the rules');
		const consequences = consequencesOf({ before, after: after ?? access.defaults }, around);
		if (consequences.length > 0 && !around.isConfirmed) {
			throw new ReeveError('unconfirmed', consequences.join('; '));
		}
		return after;
	});
}

const noRules: AccessRules = { groups: {}, commands: {}, rules: [] };

/** The rules after the change; undefined if there are none any more. */
function changed(
	before: AccessRules,
	change: RuleChange,
	around: ChangeSurroundings,
): AccessRules | undefined {
	const { names } = around;
	switch (change.what) {
		case 'clear':
			return undefined;
		case 'import': {
			const { groups, rules } = change.rules;
			for (const member of Object.values(groups).flat()) checkCaller(member, around);
			return { ...change.rules, rules: rules.map((rule) => checkedRule(rule, around)) };
		}
		case 'remove':
			return { ...before, rules: without(before.rules, change, names) };
		default: {
			const rule = checkedRule(ruleOf(change), around);
			const own = keyOf(rule, names);
			const others = before.rules.filter((each) => keyOf(each, names) !== own);
			return { ...before, rules: [...others, rule] };
		}
	}
}

/** The rules without the one that is named, be it allow or deny; throws if it is not one. */
function without(
	rules: readonly AccessRule[],
	{ from, method: called, command }: Extract<RuleChange, { what: 'remove' }>,
	names: KnownNames,
): AccessRule[] {
	const method = wireName(called, names);
	const ofPair = rules.filter((rule) => {
		return rule.from === from && wireName(rule.method, names) === method;
	});
	if (ofPair.length === 0) {
		throw new ReeveError('not_found', `no rule is about ${from} and ${method}`);
	}
	const own = command && keyOf(ruleOf({ what: 'allow', from, method, command }), names);
	const meant = own ? ofPair.filter((rule) => keyOf(rule, names) === own) : ofPair;
	const there = ofPair.map(ruleText).join('; ');
	if (meant.length === 0) {
		throw new ReeveError('not_found', `no such rule; about ${from} and ${method} are: ${there}`);
	}
	if (new Set(meant.map((rule) => keyOf(rule, names))).size > 1) {
		const how = 'name the command after --, or end with -- for the rule without one';
		throw new ReeveError('bad_arguments', `which of these rules: ${there}; ${how}`);
	}
	return rules.filter((rule) => !meant.includes(rule));
}

function wireName(method: string, { wireNameOf }: KnownNames): string {
	return wireNameOf(method) ?? method;
}

/** The rule with the wire name of its method; throws if it names what does not exist. */
function checkedRule(rule: AccessRule, around: ChangeSurroundings): AccessRule {
	checkCaller(rule.from, around);
	return { ...rule, method: knownMethod(rule.method, around.names) };
}

/**
 * The wire name of a method, or a word that stands in its place: `*`, {@link replyTopicRight}.
 *
 * @throws ReeveError `unknown_method`
 */
export function knownMethod(method: string, names: KnownNames): string {
	if (method === '*' || method === replyTopicRight) return method;
	const wireName = names.wireNameOf(method);
	if (wireName !== undefined) return wireName;
	throw new ReeveError('unknown_method', guessed(method, names.methods()));
}

/** Words of rules that stand for no single node. */
const collectiveWords: ReadonlySet<string> = new Set([
	'*',
	'local',
	'client',
	'client:*',
	'node:*',
]);

/**
 * Checks that a caller is a node or client that is known here; one that is not known yet may be
 * confirmed.
 *
 * @throws ReeveError `unknown_node`, `bad_name` for what can never be the name of one
 */
export function checkCaller(
	from: string,
	{ names, isConfirmed }: Pick<ChangeSurroundings, 'names' | 'isConfirmed'>,
): void {
	// `checkGroups` refuses a group that is not declared.
	if (collectiveWords.has(from) || from.startsWith('@')) return;
	const isClient = from.startsWith('client:');
	checkName('a caller', isClient ? from.slice('client:'.length) : from);
	if (isConfirmed) return;
	const known = isClient ? names.clients().map((name) => `client:${name}`) : names.nodes();
	if (!known.includes(from)) throw new ReeveError('unknown_node', guessed(from, known));
}

function guessed(word: string, known: readonly string[]): string {
	const nearest = nearestWord(word, known);
	return nearest === undefined ? word : `${word}; did you mean ${nearest}?`;
}

/** The names in these rules that are not known here. */
export function unknownNames({ groups, rules }: AccessRules, names: KnownNames): readonly string[] {
	const wrong = new Set<string>();
	const test = (check: () => unknown, name: string): void => {
		try {
			check();
		} catch {
			wrong.add(name);
		}
	};
	for (const from of [...Object.values(groups).flat(), ...rules.map((rule) => rule.from)]) {
		test(() => checkCaller(from, { names, isConfirmed: false }), from);
	}
	for (const { method } of rules) test(() => knownMethod(method, names), method);
	return [...wrong];
}

function ruleOf(change: Extract<RuleChange, { what: 'allow' | 'deny' }>): AccessRule {
	const { what: effect, from, method, command } = change;
	const [only = ''] = command;
	const isGroup = command.length === 1 && only.startsWith('@');
	const of = isGroup ? only : [...command];
	return { from, method, effect, ...(command.length === 0 ? {} : { command: of }) };
}

/** What a rule is about, however it is written: two rules about the same are one rule. */
function keyOf({ from, method, command }: AccessRule, names: KnownNames): string {
	const isGroup = typeof command === 'string' && command.startsWith('@');
	const of = isGroup || command === undefined ? command : commandWords(command);
	return JSON.stringify([from, wireName(method, names), of]);
}
