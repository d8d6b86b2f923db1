/**
 * What a change of access rules brings for callers that it does not name: found by deciding calls
 * of theirs with the rules before the change and with those after it.
 *
 * @module
 */
import type { Called } from '../message/message.ts';
import {
	authorizationMethods,
	clientWords,
	nodeWords,
	commandWords,
	decisionBy,
	namesIn,
	replyTopicRight,
	type AccessRule,
	type AccessRules,
	type Caller,
	type KnownNames,
	type NamedRules,
} from './access-rules.ts';

/** The node that hands out keys and access rules. */
export interface Administrator {
	readonly node: string;
	/**
	 * As what its messages are decided here: unproven if none of its keys is trusted, and local if it
	 * is this node.
	 */
	caller(): Caller;
	/** Why it may not change keys and rules of this node; undefined if it may. */
	hindrance(): string | undefined;
}

/** The rules before a change and after it; undefined where there is no file. */
interface ChangedRules {
	readonly before: AccessRules | undefined;
	readonly after: AccessRules | undefined;
}

/** Who and what is known. */
interface Known {
	readonly names: KnownNames;
	readonly administrator: Administrator;
}

/** What a change means for callers that it does not name. Empty if only those are concerned. */
export function consequencesOf({ before, after }: ChangedRules, known: Known): readonly string[] {
	if (!after) return before ? ['all nodes and MQTT clients may then call every method'] : [];
	const could = (caller: Caller) => !before || mayCall(before, caller, known.names);
	const loses = (caller: Caller) => could(caller) && !mayCall(after, caller, known.names);
	const all: string[] = [];
	if (!before) {
		all.push(
			'there are no rules yet, and all nodes and MQTT clients may call every method; ' +
				`after this change only what a rule allows may be called (by ${whoMay(after, known)})`,
		);
	} else if (isAnyAllowed(before, known) && !isAnyAllowed(after, known)) {
		all.push(
			'no rule allows anything then, so nodes and MQTT clients may call nothing ' +
				'(to allow all again: reeve acl clear)',
		);
	}
	const { administrator } = known;
	const caller = administrator.caller();
	if (caller.kind !== 'local' && loses(caller)) {
		all.push(`${administrator.node} may then ${restOf(administrator, after, known)}`);
	}
	if (loses({ kind: 'local' })) {
		all.push(
			'local is denied everything then: the socket and the folders of this node take no message ' +
				'(to allow all again: reeve acl clear, on this machine)',
		);
	}
	return all;
}

/** The rule in words, as it would be typed. */
export function ruleText({ effect, from, method, command }: AccessRule): string {
	const words = command === undefined ? [] : ['--', ...[command].flat()];
	return [effect, from, method, ...words].join(' ');
}

/** What is left to the administrator that may call nothing, and what would help it. */
function restOf(administrator: Administrator, after: AccessRules, known: Known): string {
	const { node } = administrator;
	const hindrance = administrator.hindrance();
	const rest =
		hindrance === undefined
			? 'only change keys and rules'
			: `call nothing, and keys and rules can be changed on this machine only, since ${hindrance}`;
	const proof = administrator.caller().kind === 'unproven' ? [`reeve keys trust ${node} KEY`] : [];
	const steps = [...proof, ...stepsBack(after, node, known)];
	return `${rest} (to let it call again: ${steps.join('; ')})`;
}

/** How many changes are worth naming; else the advice is to clear all rules. */
const stepsMax = 3;

/** The changes after which a node that has proven its name may call again. */
function stepsBack(after: AccessRules, node: string, { names }: Known): readonly string[] {
	const caller: Caller = { kind: 'node', name: node };
	const allowing: AccessRule = { from: node, method: '*', effect: 'allow' };
	const steps: string[] = [];
	let { rules } = after;
	while (!mayCall({ ...after, rules }, caller, names)) {
		const isBarring = (rule: AccessRule) => {
			const { effect, method, command } = rule;
			const isWhole = effect === 'deny' && method === '*' && command === undefined;
			return isWhole && namesIn(rule, after).some((name) => name === node || name === '*');
		};
		const barring = rules.find(isBarring);
		if (steps.length === stepsMax || (!barring && rules.includes(allowing))) {
			return ['reeve acl clear'];
		}
		rules = barring ? rules.filter((rule) => rule !== barring) : [...rules, allowing];
		const step = barring ? `remove ${quoted(barring.from)} '*' --` : `allow ${node} '*'`;
		steps.push(`reeve acl ${step}`);
	}
	return steps;
}

function quoted(word: string): string {
	return /^[\w@.:-]+$/.test(word) ? word : `'${word}'`;
}

/** A name that no rule uses. */
const unnamed = '\0';

/** Callers that stand for all whom a word covers. */
function callersOf(word: string, { administrator }: Known): readonly Caller[] {
	const unsigned: Caller = { kind: 'client' };
	const signed: Caller = { kind: 'client', name: unnamed };
	if (word === '*') return [{ kind: 'node', name: unnamed }, unsigned, signed];
	if (word === 'client') return [unsigned, signed];
	if (word === 'client:*') return [signed];
	if (word.startsWith('client:')) return [{ kind: 'client', name: word.slice('client:'.length) }];
	if (word === 'local') return [];
	return [word === administrator.node ? administrator.caller() : { kind: 'node', name: word }];
}

const namedMax = 20;

/** The words for nodes and clients that may call anything, for people. */
function whoMay(rules: AccessRules, known: Known): string {
	const found: string[] = [];
	for (const word of allowedWords(rules)) {
		if (found.length === namedMax) return `${found.join(', ')} and others`;
		if (isAllowed(word, rules, known)) found.push(word);
	}
	return found.join(', ') || 'none of them';
}

function isAnyAllowed(rules: AccessRules, known: Known): boolean {
	return allowedWords(rules).some((word) => isAllowed(word, rules, known));
}

function isAllowed(word: string, rules: AccessRules, known: Known): boolean {
	return callersOf(word, known).some((caller) => mayCall(rules, caller, known.names));
}

function allowedWords(rules: AccessRules): readonly string[] {
	const allowing = rules.rules.filter(({ effect }) => effect === 'allow');
	return [...new Set(allowing.flatMap((rule) => namesIn(rule, rules)))];
}

/** Whether the rules let a caller call anything that they decide on. */
function mayCall(rules: AccessRules, caller: Caller, names: KnownNames): boolean {
	const { wireNameOf } = names;
	const words = wordsFor(caller);
	const about = rules.rules.filter((rule) => {
		return namesIn(rule, rules).some((name) => words.includes(name));
	});
	const by: NamedRules = { rules: { ...rules, rules: about }, wireNameOf };
	return callsToTry(by, caller, names).some((called) => decisionBy(by, caller, called).isAllowed);
}

/** The words that may cover a caller: only rules with these can decide about it. */
function wordsFor(caller: Caller): readonly string[] {
	if (caller.kind === 'local') return ['local', '*'];
	if (caller.kind !== 'client') return nodeWords(caller.name);
	return clientWords(caller.name);
}

/**
 * The shortest call that each rule allows: if it is denied, so are all longer ones that this rule
 * allows.
 */
function callsToTry({ rules }: NamedRules, caller: Caller, names: KnownNames): readonly Called[] {
	const wireName = (method: string) => names.wireNameOf(method) ?? method;
	const methods = [...new Set(names.methods().map(wireName))];
	// No rule is asked whether a node may change keys and rules, and a topic is no call.
	const isDecided = (method: string) =>
		method !== replyTopicRight && (caller.kind === 'local' || !authorizationMethods.has(method));
	const allowing = rules.rules.filter(({ effect }) => effect === 'allow');
	if (caller.kind === 'local') allowing.push({ from: 'local', method: '*', effect: 'allow' });
	return allowing.flatMap(({ method, command }): Called[] => {
		const called = (method === '*' ? methods : [wireName(method)]).filter(isDecided);
		const commands = shortest(command, rules);
		return called.flatMap((each) => commands.map((words) => ({ method: each, methodArgs: words })));
	});
}

function shortest(
	command: AccessRule['command'],
	{ commands }: AccessRules,
): readonly (readonly string[])[] {
	if (command === undefined) return [[]];
	if (typeof command !== 'string' || !command.startsWith('@')) return [commandWords(command)];
	const name = command.slice(1);
	return Object.hasOwn(commands, name) ? (commands[name] ?? []).map(commandWords) : [];
}
