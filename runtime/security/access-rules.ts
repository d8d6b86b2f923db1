/**
 * Access rules: who may call which method of this node. They are a file, `acl.yaml` beside the
 * keys, to be edited by hand or with `reeve acl`:
 *
 * ```yaml
 * groups:
 *   fleet: [ship1, ship2]
 * commands:
 *   look: [uptime, [df, -h]]
 * rules:
 *   - {from: central, method: '*'}
 *   - {from: '@fleet', method: REQCliCommand, command: '@look'}
 *   - {from: 'client:alice', method: REQPing}
 *   - {from: ship2, method: REQCliCommand, effect: deny}
 * ```
 *
 * The first start of a new node writes some, see {@link writeFirstRules}. Without the file all
 * calls are allowed, unless `signing` is `required`: then the rules of {@link defaultRules} are in
 * force. With it, nodes and MQTT clients may do what a rule allows and none denies; `local`, which
 * is anyone who may open the socket of this node, may do what none denies. Whom the words for
 * callers cover says {@link callerWords}; a deny by any name that covers the caller denies. A
 * command is a beginning of the method's arguments, word by word. Replies need no rule: see
 * `mayReply`. The method of the rule may be {@link replyTopicRight}.
 *
 * @module
 */
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { Called } from '../message/message.ts';
import { matchesFilter } from '../message/topic-filter.ts';
import { readYaml, yamlText } from '../text/yaml.ts';
import { asReeveError, ReeveError, reasonOf } from '../platform/errors.ts';
import { removeFile, writeAtomically } from '../files/atomic-file.ts';
import { withFileLock } from '../files/file-lock.ts';
import { utf8Text } from '../text/utf8.ts';

/**
 * Who calls: the socket and folders of this node, a node, or an MQTT client. A client's name is
 * known if it has signed; a node's is proven if it has, and if `signing` is not `off`.
 */
export type Caller =
	| { readonly kind: 'local' }
	| { readonly kind: 'node'; readonly name: string }
	| { readonly kind: 'unproven'; readonly name: string }
	| { readonly kind: 'client'; readonly name?: string };

/** The words by which rules name callers, and whom each covers. */
export const callerWords: readonly (readonly [word: string, covers: string])[] = [
	['NODE', 'the node of this name, if it has proven it; a deny also reaches one that has not'],
	['node:*', 'every node that has proven its name'],
	['@GROUP', 'whom the words in this group of acl.yaml cover'],
	['client', 'every MQTT client, whether it signs or not'],
	['client:*', 'every MQTT client that signs with a key that is trusted here'],
	['client:NAME', 'the MQTT client that signs as NAME'],
	['local', 'the socket and the folders of this node, and clients with the token of a listener'],
	['*', 'all of them: nodes, MQTT clients and local'],
];

const word = z.string().min(1).max(4096);
const command = z.union([word, z.array(z.string()).min(1)]);
const rule = z.strictObject({
	from: word,
	method: word,
	command: command.optional(),
	effect: z.enum(['allow', 'deny']).default('allow'),
});
const accessFile = z.strictObject({
	groups: z.record(z.string(), z.array(word)).default({}),
	commands: z.record(z.string(), z.array(command)).default({}),
	rules: z.array(rule).max(10_000).default([]),
});

/** The rules with their groups. */
export type AccessRules = z.output<typeof accessFile>;

/** The methods by which central hands out keys and access rules; no rule allows them to a node. */
export const authorizationMethods: ReadonlySet<string> = new Set([
	'REQKeysDeliverUpdate',
	'REQAclDeliverUpdate',
]);

/**
 * Stands in rules in place of a method: the right to have outcomes published on MQTT topics. Its
 * command is a topic filter: `{from: client:alice, method: replyTopic, command: alice/#}`.
 */
export const replyTopicRight = 'replyTopic';

/** One rule. */
export type AccessRule = z.output<typeof rule>;

/** What the rules say of a call. */
export interface Decision {
	readonly isAllowed: boolean;
	/** In words; for a refusal, what its sender is told. */
	readonly why: string;
	/** The rule that decided, and its number in the file, from 1 on; absent if none did. */
	readonly rule?: AccessRule;
	readonly number?: number;
}

/** The wire name of a method by its name or alias; undefined if there is no such method. */
export type WireNameOf = (nameOrAlias: string) => string | undefined;

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

/** The access rules of a node, as they are in force. */
export interface Access {
	/** What the rules say of this call. */
	decide(caller: Caller, called: Called): Decision;
	/** Why this call is refused; undefined if it is allowed. */
	refusal(caller: Caller, called: Called): string | undefined;
	/**
	 * Whether clients that do not sign may call this where signatures are required: a rule for
	 * `client` allows it, not one for all, and none denies it.
	 */
	takesPublic(called: Called): boolean;
	/** Whether they may call this method with any arguments: if not, these need not be read. */
	mayTakePublic(method: string): boolean;
	/** Undefined while there is no file, and none of the default rules. */
	rules(): AccessRules | undefined;
	/** Those that are in force while there is no file. */
	readonly defaults: AccessRules | undefined;
	/** What is wrong with the file, which then allows nothing; empty if nothing is. */
	fault(): string;
	/** Calls `see` when the file can no longer be understood, or is wrong in another way. */
	onFailure(see: (fault: string) => void): void;
	/**
	 * Puts the rules in force that `next` makes of those in the file, while no other process changes
	 * them; undefined removes the file, and all calls are allowed.
	 */
	change(next: (before: AccessRules | undefined) => AccessRules | undefined): void;
}

/** What nodes send by themselves: to greet, and to report errors. */
const ownMethods = ['REQHello', 'REQErrorLog'] as const;

/**
 * The rules that are in force without a file where signatures are required: central may do
 * everything, other nodes greet and report errors, and answer what they are asked. Undefined where
 * they are not required: then all calls are allowed.
 */
export function defaultRules({
	signing,
	centralNodeName,
}: Pick<Config, 'signing' | 'centralNodeName'>): AccessRules | undefined {
	if (signing !== 'required') return undefined;
	return accessFile.parse({ rules: rulesForNodes(centralNodeName) });
}

function rulesForNodes(central: string): readonly z.input<typeof rule>[] {
	const allowed = ownMethods.map((method) => ({ from: 'node:*', method }));
	return [{ from: central, method: '*' }, ...allowed];
}

/**
 * The file that the first start of a new node writes: the rules of {@link defaultRules}, and one
 * for MQTT clients, which may do everything until it is removed. What else there may be, such as
 * nodes that have not proven themselves, may do nothing.
 */
function firstRulesText(central: string): string {
	const text = yamlText({ rules: [...rulesForNodes(central), { from: 'client', method: '*' }] });
	return `# Who may call which method of this node, see: reeve acl --help
# ${central} may call everything. Other nodes may greet this one and report errors, once their
# keys are accepted here (reeve keys), and answer what they are asked. The last rule is for all
# who may publish at the broker as MQTT clients: they may call everything, and have outcomes
# published. Remove it (reeve acl remove client '*'), and MQTT clients may do nothing.
${text}`;
}

/**
 * Writes the access rules of a new node beside its keys, unless there are some, or stricter ones
 * are in force without a file; returns what to tell the operator.
 *
 * @throws ReeveError `file_failed`
 */
export function writeFirstRules({
	keysFolder,
	signing,
	centralNodeName,
}: Pick<Config, 'keysFolder' | 'signing' | 'centralNodeName'>): string | undefined {
	const path = join(keysFolder, 'acl.yaml');
	if (signing !== 'on' || keysFolder === '') return undefined;
	if (lstatSync(path, { throwIfNoEntry: false })) return undefined;
	writeAtomically(path, firstRulesText(centralNodeName), { mode: 0o600 });
	const who = `${centralNodeName} and MQTT clients may call everything`;
	return `access rules of the first start, in ${path}: ${who}, other nodes greet and report`;
}

/** Where rules are read from, and what holds without them. */
export interface AccessPlace {
	readonly path: string;
	readonly clock: Clock;
	readonly wireNameOf?: WireNameOf | undefined;
	/** The rules that are in force while there is no file; see {@link defaultRules}. */
	readonly defaults?: AccessRules | undefined;
}

/** How long what was read is believed. */
const freshMs = 1000;

/**
 * Opens the rules in a file. A rule may name a method by an alias that `wireNameOf` knows.
 *
 * A file that cannot be understood while the node runs allows nothing, rather than everything.
 *
 * @throws ReeveError `bad_acl` if it cannot be understood at the start
 */
export function openAccess(place: AccessPlace): Access {
	const access = openAnyAccess(place);
	const fault = access.fault();
	if (fault === '') return access;
	throw new ReeveError('bad_acl', fault);
}

/** Opens the rules in a file, even one that cannot be understood: to replace or remove it. */
export function openAnyAccess(place: AccessPlace): Access {
	const { path, clock, wireNameOf = () => undefined, defaults } = place;
	let rules: AccessRules | undefined;
	let fault = '';
	const monitors: ((fault: string) => void)[] = [];
	let seen = '';
	let notBefore = -Infinity;
	const current = (): AccessRules | undefined => {
		if (clock.monotonic() < notBefore) return rules;
		notBefore = clock.monotonic() + freshMs;
		const now = markOf(path);
		if (now === seen) return rules;
		seen = now;
		try {
			rules = readRules(path) ?? defaults;
			fault = '';
		} catch (thrown) {
			rules = accessFile.parse({});
			const { detail } = asReeveError(thrown, 'bad_acl');
			const isNew = detail !== fault;
			fault = detail;
			if (isNew) for (const see of monitors) see(fault);
			// It may be readable again without a change, such as after a lack of file descriptors.
			seen = '';
		}
		return rules;
	};
	const readAnew = () => {
		notBefore = -Infinity;
		seen = '';
		return current();
	};
	readAnew();

	const decide: Access['decide'] = (caller, called) => {
		const inForce = current();
		if (!inForce) return { isAllowed: true, why: 'there are no rules: all calls are allowed' };
		const decision = decisionBy({ rules: inForce, wireNameOf }, caller, called);
		const about = inForce === defaults ? `there is no ${basename(path)}` : fault;
		if (decision.isAllowed || about === '') return decision;
		return { ...decision, why: `${decision.why} (${about})` };
	};

	return {
		rules: current,
		defaults,
		fault: () => (current() ? fault : ''),
		onFailure: (see) => void monitors.push(see),
		decide,
		refusal(caller, called) {
			const { isAllowed, why } = decide(caller, called);
			return isAllowed ? undefined : why;
		},
		takesPublic(called) {
			const inForce = current();
			if (!inForce || !decide({ kind: 'client' }, called).isAllowed) return false;
			const forClients = inForce.rules.filter((rule) => namesIn(rule, inForce).includes('client'));
			const rules = { ...inForce, rules: forClients };
			return decisionBy({ rules, wireNameOf }, { kind: 'client' }, called).isAllowed;
		},
		mayTakePublic(method) {
			const inForce = current();
			return inForce !== undefined && opensMethod({ rules: inForce, wireNameOf }, method);
		},
		change(next) {
			withFileLock(path, () => {
				const after = next(readAnew());
				if (!after) return removeFile(path);
				const text = yamlText(after);
				// What could not be read again would lock everyone out.
				parseRules(text, path);
				return writeAtomically(path, text, { mode: 0o600 });
			});
			readAnew();
		},
	};
}

/** The longest text of rules that is read: YAML takes its time. */
const accessBytesMax = 1_048_576;

/**
 * Checks rules as they come from a file or from a message.
 *
 * @throws ReeveError `bad_acl`
 */
export function parseRules(text: string, place: string): AccessRules {
	if (Buffer.byteLength(text) > accessBytesMax) {
		throw new ReeveError('bad_acl', `${place}: more than ${accessBytesMax} bytes`);
	}
	const parsed = accessFile.safeParse(readYaml(text) ?? {});
	if (!parsed.success) {
		const issues = parsed.error.issues.slice(0, 5);
		const wrong = issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
		throw new ReeveError('bad_acl', `${place}: ${wrong}`);
	}
	checkGroups(parsed.data, place);
	return parsed.data;
}

/**
 * Checks that each group of callers or commands that a rule names is declared.
 *
 * @throws ReeveError `bad_acl`
 */
export function checkGroups({ groups, commands, rules }: AccessRules, place: string): void {
	for (const [name, members] of [...Object.entries(groups), ...Object.entries(commands)]) {
		const inner = members.find(isGroup);
		if (!inner) continue;
		const text = `the group ${name} has the group ${inner} in it; list its members`;
		throw new ReeveError('bad_acl', `${place}: ${text}`);
	}
	for (const { from, command: of = '' } of rules) {
		const missing =
			(isGroup(from) && !listOf(groups, from) && from) ||
			(isGroup(of) && !listOf(commands, of) && of);
		if (missing) throw new ReeveError('bad_acl', `${place}: there is no group ${missing}`);
	}
}

/** Whether a word names a group of callers or commands. */
function isGroup(word: string | readonly string[]): word is `@${string}` {
	return typeof word === 'string' && word.startsWith('@');
}

/** The members of a group; undefined if it is not declared, such as `@constructor`. */
function listOf<Member>(
	groups: Readonly<Record<string, readonly Member[]>>,
	group: `@${string}`,
): readonly Member[] | undefined {
	const name = group.slice(1);
	return Object.hasOwn(groups, name) ? groups[name] : undefined;
}

/** The words for callers in a rule; those of its group, if it names one. */
export function namesIn({ from }: AccessRule, { groups }: AccessRules): readonly string[] {
	return isGroup(from) ? (listOf(groups, from) ?? []) : [from];
}

/** What cannot be looked at may be there, and then allows nothing. */
function readRules(path: string): AccessRules | undefined {
	try {
		return parseRules(utf8Text(readFileSync(path)), path);
	} catch (thrown) {
		if (isAbsence(thrown, path)) return undefined;
		const why = reasonOf(thrown);
		throw why.includes(path) ? thrown : new ReeveError('bad_acl', `${path}: ${why}`);
	}
}

function markOf(path: string): string {
	try {
		const { mtimeMs, ino, size } = statSync(path);
		return `${mtimeMs} ${ino} ${size}`;
	} catch (thrown) {
		return isAbsence(thrown, path) ? 'absent' : reasonOf(thrown);
	}
}

/** Whether there is no file, not even a link to one that is gone, as without its mount. */
function isAbsence(thrown: unknown, path: string): boolean {
	if (Reflect.get(Object(thrown), 'code') !== 'ENOENT') return false;
	const above = dirname(path);
	if (lstatSync(path, { throwIfNoEntry: false })) return false;
	return above === path || existsSync(above) || isAbsence(thrown, above);
}

/** The rules, and how they name methods. */
export interface NamedRules {
	readonly rules: AccessRules;
	readonly wireNameOf: WireNameOf;
}

/**
 * What rules say of a call: a rule that denies decides before those that allow. Rules that cannot
 * be applied refuse it.
 */
export function decisionBy(by: NamedRules, caller: Caller, called: Called): Decision {
	try {
		return decisionOf(by, caller, called);
	} catch (thrown) {
		return { isAllowed: false, why: `the rules cannot be applied: ${reasonOf(thrown)}` };
	}
}

function decisionOf(by: NamedRules, caller: Caller, called: Called): Decision {
	const who = callerText(caller);
	const matching = by.rules.rules
		.map((rule, at) => ({ rule, number: at + 1 }))
		.filter(({ rule }) => isAbout(rule, { ...by, caller, called }));
	const denying = matching.find(({ rule }) => rule.effect === 'deny');
	if (denying) return { isAllowed: false, why: `${who} is denied ${called.method}`, ...denying };
	const [allowing] = matching;
	if (allowing) return { isAllowed: true, why: `${who} is allowed ${called.method}`, ...allowing };
	if (caller.kind === 'local')
		return { isAllowed: true, why: `no rule denies local ${called.method}` };
	return { isAllowed: false, why: `no rule allows ${who} ${called.method}` };
}

/** The caller as rules name it. */
function callerText(caller: Caller): string {
	switch (caller.kind) {
		case 'local':
			return 'local';
		case 'node':
			return caller.name;
		case 'unproven':
			return `${caller.name} (unproven)`;
		case 'client':
			return caller.name === undefined ? 'client' : `client:${caller.name}`;
	}
}

function isAbout(
	rule: AccessRule,
	given: NamedRules & { caller: Caller; called: Called },
): boolean {
	const { method, command: of, effect } = rule;
	const { rules, wireNameOf, caller, called } = given;
	if (!namesIn(rule, rules).some((name) => isMeant(name, caller, effect))) return false;
	if (!isAboutMethod(method, called.method, wireNameOf)) return false;
	if (of === undefined) return true;
	const commands = isGroup(of) ? (listOf(rules.commands, of) ?? []) : [of];
	if (called.method === replyTopicRight) {
		const [topic = ''] = called.methodArgs;
		return commands.some((each) => matchesFilter([each].flat().join(' '), topic));
	}
	return commands.some((each) => begins(called.methodArgs, each));
}

/** Whether the word for a method in a rule covers this method. */
function isAboutMethod(word: string, method: string, wireNameOf: WireNameOf): boolean {
	return word === '*' || word === method || wireNameOf(word) === method;
}

/** Whether rules allow `client` a method with some arguments, and do not deny it with all. */
function opensMethod({ rules, wireNameOf }: NamedRules, method: string): boolean {
	const about = rules.rules.filter((rule) => isAboutMethod(rule.method, method, wireNameOf));
	const names = (rule: AccessRule) => namesIn(rule, rules);
	const words = clientWords(undefined);
	const isDenied = about.some(
		(rule) =>
			rule.effect === 'deny' &&
			rule.command === undefined &&
			names(rule).some((each) => words.includes(each)),
	);
	return (
		!isDenied && about.some((rule) => rule.effect === 'allow' && names(rule).includes('client'))
	);
}

/**
 * Whether a word covers a caller. One that did not prove its name is allowed nothing by it; what is
 * denied stays denied.
 */
function isMeant(name: string, caller: Caller, effect: AccessRule['effect']): boolean {
	switch (caller.kind) {
		case 'local':
			return name === 'local' || name === '*';
		case 'node':
			return nodeWords(caller.name).includes(name);
		case 'unproven':
			return effect === 'deny' && nodeWords(caller.name).includes(name);
		case 'client':
			return clientWords(caller.name).includes(name);
	}
}

/** The words that cover a node. */
export function nodeWords(name: string): readonly string[] {
	return [name, 'node:*', '*'];
}

/** The words that cover an MQTT client; it has a name if it signs. */
export function clientWords(name: string | undefined): readonly string[] {
	return ['client', '*', ...(name === undefined ? [] : ['client:*', `client:${name}`])];
}

/** Whether these arguments begin with the words of a command. */
function begins(args: readonly string[], of: z.output<typeof command>): boolean {
	return commandWords(of).every((each, at) => args[at] === each);
}

/** The words of a command, which may be written as a list or in one line. */
export function commandWords(of: string | readonly string[]): readonly string[] {
	return typeof of === 'string' ? of.split(/\s+/).filter((each) => each !== '') : of;
}
