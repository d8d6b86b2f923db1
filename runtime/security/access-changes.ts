/**
 * Changes of access rules: what they name must exist, and a change that takes rights from callers
 * that have them, or gives rights to all, must be confirmed.
 *
 * @module
 */
import { nearestWord } from '../text/spelling.ts';
import { ReeveError } from '../platform/errors.ts';
import {
	checkGroups,
	type Access,
	type AccessRule,
	type AccessRules,
	type WireNameOf,
} from './access-rules.ts';

/** What rules of a node may name. */
export interface KnownNames {
	readonly wireNameOf: WireNameOf;
	/** All methods, by name and alias. */
	methods(): readonly string[];
	/** All nodes that this node has heard of or trusts a key of, and itself. */
	nodes(): readonly string[];
	/** All clients that this node trusts a key of. */
	clients(): readonly string[];
}

/** The node that hands out access rules, and whether its signature proves that it is the one. */
export interface Administrator {
	readonly node: string;
	readonly isProven: boolean;
}

/** A change: one rule more, fewer rules, other rules, or none. */
export type RuleChange =
	| ({ readonly what: 'allow' | 'deny'; readonly command: readonly string[] } & RuleSubject)
	| ({ readonly what: 'remove' } & RuleSubject)
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
 * @throws ReeveError `unknown_method`, `unknown_node`, `bad_acl`, `not_found`, `unconfirmed`
 */
export function changeAccess(access: Access, change: RuleChange, around: ChangeSurroundings): void {
	const before = access.rules();
	const fault = access.fault();
	// The rules that cannot be read would be lost.
	if (fault !== '' && !['import', 'clear'].includes(change.what)) {
		throw new ReeveError('bad_acl', fault);
	}
	const after = changed(before ?? noRules, change, around);
	if (after) checkGroups(after, 'the rules');
	const consequences = consequencesOf(before, after, around.administrator);
	if (consequences.length > 0 && !around.isConfirmed) {
		throw new ReeveError('unconfirmed', consequences.join('; '));
	}
	access.replace(after);
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
		case 'remove': {
			const method = names.wireNameOf(change.method) ?? change.method;
			const isMeant = (rule: AccessRule) =>
				rule.from === change.from && (names.wireNameOf(rule.method) ?? rule.method) === method;
			const left = before.rules.filter((rule) => !isMeant(rule));
			if (left.length < before.rules.length) return { ...before, rules: left };
			throw new ReeveError('not_found', `no rule is about ${change.from} and ${method}`);
		}
		default: {
			const rule = checkedRule(ruleOf(change), around);
			const others = before.rules.filter((each) => !isAboutTheSame(each, rule));
			return { ...before, rules: [...others, rule] };
		}
	}
}

/** The rule with the wire name of its method; throws if it names what does not exist. */
function checkedRule(rule: AccessRule, around: ChangeSurroundings): AccessRule {
	checkCaller(rule.from, around);
	return { ...rule, method: knownMethod(rule.method, around.names) };
}

/**
 * The wire name of a method, or `*`.
 *
 * @throws ReeveError `unknown_method`
 */
export function knownMethod(method: string, names: KnownNames): string {
	if (method === '*') return method;
	const wireName = names.wireNameOf(method);
	if (wireName !== undefined) return wireName;
	throw new ReeveError('unknown_method', guessed(method, names.methods()));
}

/** Words of rules that stand for no single node. */
const callerWords: ReadonlySet<string> = new Set(['*', 'local', 'client', 'client:*']);

/**
 * Checks that a caller is a node or client that is known here.
 *
 * @throws ReeveError `unknown_node`
 */
export function checkCaller(
	from: string,
	{ names, isConfirmed }: Pick<ChangeSurroundings, 'names' | 'isConfirmed'>,
): void {
	// `checkGroups` refuses a group that is not declared.
	if (callerWords.has(from) || from.startsWith('@') || isConfirmed) return;
	const isClient = from.startsWith('client:');
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

/** What a change means for callers that it does not name. Empty if only those are concerned. */
function consequencesOf(
	before: AccessRules | undefined,
	after: AccessRules | undefined,
	administrator: Administrator,
): readonly string[] {
	if (!after) return before ? ['all nodes and MQTT clients may then call every method'] : [];
	const all: string[] = [];
	const mayStill = after.rules.filter(({ effect }) => effect === 'allow');
	if (!before) {
		const who = [...new Set(mayStill.map(({ from }) => from))].join(', ') || 'none of them';
		all.push(
			'there are no rules yet, and all nodes and MQTT clients may call every method; ' +
				`after this change only what a rule allows may be called (by ${who})`,
		);
	} else if (mayStill.length === 0 && before.rules.some(({ effect }) => effect === 'allow')) {
		all.push(
			'no rule allows anything then, so nodes and MQTT clients may call nothing ' +
				'(to allow all again: reeve acl clear)',
		);
	}
	const couldCall = !before || isNamed(before, administrator.node);
	if (couldCall && !isNamed(after, administrator.node)) all.push(afterwardsOf(administrator));
	return all;
}

function afterwardsOf({ node, isProven }: Administrator): string {
	const rest = isProven
		? 'only change keys and rules'
		: 'call nothing, and rules can be changed on this machine only, since signing is off';
	return `${node} may then ${rest} (to let it call all: reeve acl allow ${node} '*')`;
}

/** Whether a rule allows the node anything, and none denies it everything. */
function isNamed({ rules, groups }: AccessRules, node: string): boolean {
	const about = rules.filter(({ from }) => {
		const names = from.startsWith('@') ? (groups[from.slice(1)] ?? []) : [from];
		return names.includes(node) || names.includes('*');
	});
	const isBarred = about.some(({ effect, method, command }) => {
		return effect === 'deny' && method === '*' && command === undefined;
	});
	return !isBarred && about.some(({ effect }) => effect === 'allow');
}

/** The rule in words, as it would be typed. */
export function ruleText({ effect, from, method, command }: AccessRule): string {
	const words = command === undefined ? [] : ['--', ...[command].flat()];
	return [effect, from, method, ...words].join(' ');
}

function ruleOf(change: Extract<RuleChange, { what: 'allow' | 'deny' }>): AccessRule {
	const { what: effect, from, method, command } = change;
	const [only = ''] = command;
	const isGroup = command.length === 1 && only.startsWith('@');
	const of = isGroup ? only : [...command];
	return { from, method, effect, ...(command.length === 0 ? {} : { command: of }) };
}

function isAboutTheSame(one: AccessRule, other: AccessRule): boolean {
	const key = ({ from, method, command }: AccessRule) => JSON.stringify([from, method, command]);
	return key(one) === key(other);
}
