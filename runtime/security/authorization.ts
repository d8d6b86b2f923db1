/**
 * Authorization: whether what arrives is signed, new and allowed, from the keys, the replay guard
 * and the access rules of this node.
 *
 * @module
 */
import { join } from 'node:path';
import {
	authorizationMethods,
	openAccess,
	type Access,
	type Called,
	type Caller,
	type KnownNames,
} from './access-rules.ts';
import { ruleText, type Administrator } from './access-consequences.ts';
import { checkCaller as checkCallerName, knownMethod } from './access-changes.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import { answeredBy, isReply, type Message } from '../message/message.ts';
import { ReeveError } from '../platform/errors.ts';
import { openKeyring, type KeyOwner, type Keyring } from './keyring.ts';
import { noReplyMethod, givenReply } from '../message/reply.ts';
import { createSigner, type Signer } from './signing.ts';

/** Keys, signer and access rules of a node. */
export interface Authorization {
	readonly keyring: Keyring;
	readonly access: Access;
	readonly signer: Signer;
	readonly names: KnownNames;
	readonly administrator: Administrator;
}

/** The methods and nodes that a node knows, for the names in its access rules. */
export interface KnownParts {
	readonly find: FindMethod;
	readonly methods: () => readonly { readonly name: string; readonly aliases: readonly string[] }[];
	/** Other nodes that it has heard of. */
	readonly nodes: () => readonly string[];
}

/** What access rules may name, with the owners of trusted keys. */
export function knownNames(
	{ find, methods, nodes }: KnownParts,
	{ keyring, config }: { keyring: Keyring; config: Pick<Config, 'nodeName' | 'centralNodeName'> },
): KnownNames {
	const owners = (kind: 'node' | 'client') =>
		keyring.list().flatMap((owner) => (owner.kind === kind ? [owner.name] : []));
	return {
		wireNameOf: (text) => find(text)?.name,
		methods: () => methods().flatMap(({ name, aliases }) => [name, ...aliases]),
		nodes: () => [
			...new Set([config.nodeName, config.centralNodeName, ...owners('node'), ...nodes()]),
		],
		clients: () => owners('client'),
	};
}

/** The node that administers this one. */
export function administratorOf(
	config: Pick<Config, 'nodeName' | 'centralNodeName' | 'signing'>,
	keyring: Pick<Keyring, 'list'>,
): Administrator {
	const { nodeName, centralNodeName: node, signing } = config;
	const isTrusted = () =>
		node === nodeName || keyring.list().some(({ kind, name }) => kind === 'node' && name === node);
	return {
		node,
		caller() {
			if (node === nodeName) return { kind: 'local' };
			return { kind: signing === 'off' || isTrusted() ? 'node' : 'unproven', name: node };
		},
		hindrance() {
			if (signing === 'off') return 'signing is off';
			return isTrusted() ? undefined : `no key of ${node} is trusted here`;
		},
	};
}

/**
 * Opens what a node needs for that; undefined if it has no folder for keys and does not sign.
 *
 * @throws ReeveError `bad_config`, `bad_key`, `bad_acl`
 */
export function openAuthorization(
	config: Config,
	clock: Clock,
	known: KnownParts,
): Authorization | undefined {
	const { keysFolder: folder, signing, nodeName: node } = config;
	if (folder === '') {
		if (signing === 'off') return undefined;
		throw new ReeveError('bad_config', `signing is ${signing}: keysFolder must say where keys are`);
	}
	const keyring = openKeyring({ folder, node, clock });
	// A node that is to sign and cannot must not come up.
	if (signing !== 'off') keyring.ownKey();
	const names = knownNames(known, { keyring, config });
	const access = openAccess(join(folder, 'acl.yaml'), clock, names.wireNameOf);
	const signer = createSigner({ keyring, signing });
	return { keyring, access, signer, names, administrator: administratorOf(config, keyring) };
}

/** The method that sends a message on, in the name of this node. */
const relayMethod = 'REQRelay';

/** Finds methods by name or alias. */
type FindMethod = (name: string) => { readonly name: string } | undefined;

/**
 * The call that a relayed message is, if it comes back to this node or must not be relayed: who may
 * not call a method here may not do so over a relay, and no node relays keys and access rules,
 * which would be believed because of the signature of the node that relays them.
 */
function relayedCall(
	{ method, methodArgs }: Called,
	{ config, find }: { config: Pick<Config, 'nodeName'>; find: FindMethod },
): Called | undefined {
	if (method !== relayMethod) return undefined;
	const [toNode, inner = '', ...args] = methodArgs;
	const name = find(inner)?.name ?? inner;
	if (toNode !== config.nodeName && !authorizationMethods.has(name)) return undefined;
	return { method: name, methodArgs: args };
}

/** A message that arrived, and what is known of where it comes from. */
export interface Arrived {
	readonly message: Message;
	/**
	 * The wire name of the method whose mailbox it is for; what the message itself says does not
	 * count.
	 */
	readonly method: string;
	/** The node that its frame names. */
	readonly from: string;
	readonly isProven: boolean;
}

/** What is known of a message that this node sent, when its reply arrives. */
export interface SentRequest {
	readonly toNode: string;
	/** The reply that it asked for; absent if it asked for none. */
	readonly reply?: string;
}

/** What messages of other nodes may do here. */
export interface Permit {
	/** Why a message is refused; undefined if it is not. */
	refusal(arrived: Arrived): string | undefined;
	/**
	 * Which of the messages that a reply answers it may settle: those that were sent to where it
	 * comes from, and those that are not known here. A message that is no reply answers none.
	 */
	told(reply: Message, from: string): readonly string[];
}

/**
 * Creates the permit of a node: what the access rules say, and beside them that no node speaks for
 * others, that only central hands out keys and rules, and that a reply is allowed as far as it was
 * asked for.
 */
export function createPermit(parts: {
	config: Pick<Config, 'signing' | 'centralNodeName' | 'nodeName'>;
	access: Access | undefined;
	/** What this node has asked with a message that it sent. */
	sentRequest: (id: string) => SentRequest | undefined;
	find: FindMethod;
}): Permit {
	const { config, access, sentRequest } = parts;
	const isSigning = config.signing !== 'off';
	const told: Permit['told'] = (reply, from) => {
		const answered = answeredBy(reply);
		if (!isSigning && !access?.rules()) return answered;
		return answered.filter((id) => (sentRequest(id)?.toNode ?? from) === from);
	};
	/** A reply is what its request had asked for: the same method, with the same arguments. */
	const wasAsked = ({ message, method, from }: Arrived): boolean =>
		answeredBy(message).some((id) => {
			const entry = sentRequest(id);
			if (entry?.toNode !== from) return false;
			return method === noReplyMethod || givenReply(method, message.methodArgs) === entry.reply;
		});

	const callRefusal = (called: Called, { from, isProven }: Arrived): string | undefined => {
		if (authorizationMethods.has(called.method)) return centralRefusal(called, from, isProven);
		const kind = isProven || !isSigning ? 'node' : 'unproven';
		return access?.refusal({ kind, name: from }, called);
	};
	const centralRefusal = ({ method }: Called, from: string, isProven: boolean) => {
		const { centralNodeName: central } = config;
		if (isProven && from === central) return undefined;
		return `only ${central}, with a signature, may call ${method}`;
	};

	return {
		told,
		refusal(arrived) {
			const { message, method, from } = arrived;
			const called = { method, methodArgs: message.methodArgs };
			if (authorizationMethods.has(method)) return callRefusal(called, arrived);
			const inner = relayedCall(called, parts);
			const whyNot = inner && callRefusal(inner, arrived);
			if (whyNot) return whyNot;
			if (!isSigning && !access?.rules()) return undefined;
			if (isSigning && message.fromNode !== from) return `${from} speaks for ${message.fromNode}`;
			if (isReply(message) && told(message, from).length === 0)
				return `${from} answers what another node was asked`;
			return wasAsked(arrived) ? undefined : callRefusal(called, arrived);
		},
	};
}

/** Why a message that was handed in here is refused; throws `not_allowed`. */
export function checkCaller(
	caller: Caller,
	called: Called,
	around: { access?: Access | undefined; config: Pick<Config, 'nodeName'>; find: FindMethod },
): void {
	const inner = relayedCall(called, around);
	for (const each of inner ? [called, inner] : [called]) {
		if (caller.kind !== 'local' && authorizationMethods.has(each.method)) {
			const why = `${each.method} is for central and for clients of the unix socket`;
			throw new ReeveError('not_allowed', why);
		}
		const why = around.access?.refusal(caller, each);
		if (why !== undefined) throw new ReeveError('not_allowed', why);
	}
}

/** What a caller would be told of a call, and which rule decides. */
export interface TestedCall {
	readonly isAllowed: boolean;
	readonly text: string;
}

/**
 * Answers from the rules in force whether a caller may call a method here.
 *
 * @throws ReeveError `unknown_node`, `unknown_method`, `bad_arguments`
 */
export function testCall(
	words: readonly string[],
	{ access, names, administrator }: Pick<Authorization, 'access' | 'names' | 'administrator'>,
): TestedCall {
	const [from = '', called = '', ...methodArgs] = words;
	if (called === '') throw new ReeveError('bad_arguments', 'test FROM METHOD [ARGUMENT...]');
	if (from.startsWith('@') || from.includes('*') || called === '*') {
		throw new ReeveError('bad_arguments', 'test takes one caller and one method');
	}
	checkCallerName(from, { names, isConfirmed: false });
	const method = knownMethod(called, names);
	const caller = callerOf(from);
	const isForCentral = authorizationMethods.has(method) && caller.kind !== 'local';
	if (isForCentral) {
		return testCentral(from, administrator);
	}
	const { isAllowed, why, rule, number } = access.decide(caller, { method, methodArgs });
	const by = rule ? `rule ${number}, ${ruleText(rule)}` : why;
	return { isAllowed, text: verdict(isAllowed, by) };
}

/** Whether a node may change keys and rules here. */
function testCentral(from: string, administrator: Administrator): TestedCall {
	const { node } = administrator;
	const hindrance = from === node ? administrator.hindrance() : undefined;
	const isAllowed = from === node && hindrance === undefined;
	const why = `only ${node}, with a signature, may call it`;
	return { isAllowed, text: verdict(isAllowed, hindrance ? `${why}, and ${hindrance}` : why) };
}

const verdict = (isAllowed: boolean, why: string) => `${isAllowed ? 'allowed' : 'refused'}: ${why}`;

/** A caller as it is written in rules; a node counts as proven. */
function callerOf(text: string): Caller {
	if (text === 'local') return { kind: 'local' };
	if (text === 'client') return { kind: 'client' };
	if (text.startsWith('client:')) return { kind: 'client', name: text.slice('client:'.length) };
	return { kind: 'node', name: text };
}

/**
 * Refuses to revoke the last key of the node that administers this one, unless that is confirmed.
 *
 * @throws ReeveError `unconfirmed`
 */
export function checkRevocation(
	{ kind, name }: KeyOwner,
	key: string | undefined,
	around: Pick<Authorization, 'keyring' | 'administrator'> & { readonly isConfirmed: boolean },
): void {
	const { keyring, administrator, isConfirmed } = around;
	if (kind !== 'node' || name !== administrator.node || isConfirmed) return;
	const keys = keyring.list().filter((owner) => owner.kind === kind && owner.name === name);
	const left = key === undefined ? [] : keys.filter((owner) => owner.key !== key);
	if (keys.length === 0 || left.length > 0) return;
	const why = `no key of ${name} is trusted then, so it can change no keys and rules here`;
	throw new ReeveError('unconfirmed', why);
}
