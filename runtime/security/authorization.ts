/**
 * Authorization: whether what arrives is signed, new and allowed, from the keys, the replay guard
 * and the access rules of this node.
 *
 * @module
 */
import { join } from 'node:path';
import {
	authorizationMethods,
	defaultRules,
	openAccess,
	type Access,
	type Caller,
	type KnownNames,
} from './access-rules.ts';
import { ruleText, type Administrator } from './access-consequences.ts';
import { checkCaller as checkCallerName, knownMethod } from './access-changes.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import { ReeveError } from '../platform/errors.ts';
import { openKeyring, type KeyOwner, type Keyring } from './keyring.ts';
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
	readonly find: (name: string) => { readonly name: string } | undefined;
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
	const access = openAccess({
		path: join(folder, 'acl.yaml'),
		clock,
		wireNameOf: names.wireNameOf,
		defaults: defaultRules(config),
	});
	const signer = createSigner({ keyring, signing });
	return { keyring, access, signer, names, administrator: administratorOf(config, keyring) };
}

/** What a caller would be told of a call, and which rule decides. */
export interface TestedCall {
	readonly isAllowed: boolean;
	readonly text: string;
}

/**
 * Answers from the rules in force whether a caller may call a method here, or a chain of them:
 * `client:alice,central`, each of whom must be allowed.
 *
 * @throws ReeveError `unknown_node`, `unknown_method`, `bad_arguments`
 */
export function testCall(
	words: readonly string[],
	{ access, names, administrator }: Pick<Authorization, 'access' | 'names' | 'administrator'>,
): TestedCall {
	const [chain = '', called = '', ...methodArgs] = words;
	if (called === '')
		throw new ReeveError('bad_arguments', 'test FROM[,THROUGH...] METHOD [ARGUMENT...]');
	if (chain.includes('@') || chain.includes('*') || called === '*') {
		throw new ReeveError('bad_arguments', 'test takes no groups and one method');
	}
	const method = knownMethod(called, names);
	const links = chain.split(',');
	const tested = links.map((from): TestedCall => {
		checkCallerName(from, { names, isConfirmed: false });
		const caller = callerOf(from);
		if (authorizationMethods.has(method) && caller.kind !== 'local') {
			return testCentral(from, administrator);
		}
		const { isAllowed, why, rule, number } = access.decide(caller, { method, methodArgs });
		const by = rule ? `rule ${number}, ${ruleText(rule)}` : why;
		return { isAllowed, text: verdict(isAllowed, by) };
	});
	if (tested.length === 1 && tested[0]) return tested[0];
	const isAllowed = tested.every((each) => each.isAllowed);
	const each = tested.map(({ text }, index) => `${links[index]}: ${text}`);
	return {
		isAllowed,
		text: [verdict(isAllowed, `asked by ${links.join(' through ')}`), ...each].join('\n'),
	};
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
