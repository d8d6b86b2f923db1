/**
 * Authority: what the principals of a message may do here. A message may do what every one of them
 * may do, so that asking through others gives a caller no more than asking directly: neither
 * through a reply, a relay or a copy, nor through an actor or a schedule.
 *
 * Who forwards a message adds its sender to the principals, and signs what it sends. So the list
 * can be believed as far as the sender can: a sender that leaves principals out, or adds some, does
 * so with a message that it may send by itself anyway.
 *
 * The idea is that of Hardy, "The Confused Deputy", 1988.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import type { Called, Message } from '../message/message.ts';
import {
	noPrincipals,
	principalsMax,
	partsOf,
	principalsText,
	withPrincipal,
	type Principal,
} from '../message/principal.ts';
import type { Signals } from '../observability/signals.ts';
import { ReeveError } from '../platform/errors.ts';
import { replyCallOf, type ReplyAsk } from '../message/reply.ts';
import { authorizationMethods, replyTopicRight, type Access, type Caller } from './access-rules.ts';
import type { Keyring } from './keyring.ts';

/** A message that is here. */
export interface Accepted {
	readonly message: Message;
	/** The node that has sent it. */
	readonly from: string;
	/** Set on a reply that this node has asked for, in these words, from its sender. */
	readonly asked?: true | undefined;
}

/** Who hands a message in, and on whose behalf. */
export interface Asker {
	readonly caller: Caller;
	/** Set if the message was asked for before, and is handed in again. */
	readonly askedBy?: readonly Principal[] | undefined;
	/** The id that the node has derived for it, in place of one that the message names. */
	readonly id?: string | undefined;
}

/** What the principals of messages may do at a node. */
export interface Authority {
	/**
	 * The principals of what follows from a message: its own, and its sender. Who answers is no
	 * principal of what the asker does with the answer.
	 */
	of(accepted: Accepted): readonly Principal[];
	/** Why these may not call a method here; undefined if all of them may. */
	refusal(principals: readonly Principal[], called: Called): string | undefined;
	/** Why outcomes may not be published on this topic on behalf of these. */
	topicRefusal(principals: readonly Principal[], topic: string): string | undefined;
	/** Why a message may not be run here, under the rules as they are now. */
	runRefusal(accepted: Accepted, method: string): string | undefined;
	/**
	 * Why a message may not be handed in: because of what it calls here, of what it would have others
	 * call here, of what its reply calls here, or of the topic that its outcome is published on.
	 */
	intakeRefusal(asker: Asker, message: HandedIn): string | undefined;
	/** What a call makes this node, and those behind it, call at this node in the end. */
	callsBack(called: Called): readonly Called[];
}

/** The part of a message by which it is decided whether it may be handed in. */
export interface HandedIn extends Called, ReplyAsk {
	readonly receivers: readonly string[];
	readonly replyTopic?: string | undefined;
}

/** A message that a method sends on. */
export interface SentOn extends Called {
	readonly toNode: string;
}

/** Finds methods by name or alias. */
export type FindMethod = (name: string) =>
	| {
			readonly name: string;
			/** Whether it answers with more than its outcome; unknown: it does. */
			readonly replies?: boolean | 'interim' | undefined;
			readonly sendsOn?: ((methodArgs: readonly string[]) => SentOn | undefined) | undefined;
	  }
	| undefined;

/** What an authority is made from. */
export interface AuthorityParts {
	readonly config: Pick<Config, 'signing' | 'centralNodeName' | 'nodeName'>;
	readonly access: Access | undefined;
	readonly keyring: Pick<Keyring, 'knows'> | undefined;
	readonly find: FindMethod;
}

/** Refuses to run a message that may not be run, and tells so; undefined if it may. */
export function refuseRun(
	parts: { readonly authority: Pick<Authority, 'runRefusal'>; readonly signals: Signals },
	accepted: Accepted,
	method: string,
): ReeveError | undefined {
	const detail = parts.authority.runRefusal(accepted, method);
	if (detail === undefined) return undefined;
	const { id } = accepted.message;
	parts.signals.emit('message.refused', {
		code: 'not_allowed',
		detail,
		via: 'mailbox',
		id,
		method,
	});
	return new ReeveError('not_allowed', detail);
}

const noCalls: readonly Called[] = [];

/** The principal that a caller is; undefined for the people of this node. */
function principalOf(caller: Caller): Principal | undefined {
	switch (caller.kind) {
		case 'local':
			return undefined;
		case 'client':
			return caller.name === undefined ? 'client' : `client:${caller.name}`;
		default:
			return `${caller.kind}:${caller.name}`;
	}
}

/** On whose behalf a message is that is handed in. */
export function principalsOf({ caller, askedBy = noPrincipals }: Asker): readonly Principal[] {
	const principal = principalOf(caller);
	return principal === undefined ? askedBy : withPrincipal(askedBy, principal);
}

/** Creates the authority of a node. */
export function createAuthority({ config, access, keyring, find }: AuthorityParts): Authority {
	const { nodeName: node, centralNodeName: central, signing } = config;

	const callerOf = (principal: Principal): Caller => {
		const { kind, name } = partsOf(principal);
		if (kind === 'client') return name === '' ? { kind } : { kind, name };
		if (kind === 'unproven') return { kind, name };
		return name === node ? { kind: 'local' } : { kind: 'node', name };
	};
	const senderOf = (name: string): Principal => {
		const isProven = signing === 'off' || keyring?.knows({ kind: 'node', name }) === true;
		return `${isProven ? 'node' : 'unproven'}:${name}`;
	};
	/** Central hands out keys and rules, with a signature; so no other node may be behind that. */
	const centralRefusal = (principals: readonly Principal[], method: string) => {
		const isMeant = (each: Principal) =>
			each === `node:${node}` || (each === `node:${central}` && signing !== 'off');
		if (principals.every(isMeant)) return undefined;
		return `only ${central}, with a signature and by itself, may call ${method}`;
	};
	const refusal: Authority['refusal'] = (principals, called) => {
		if (authorizationMethods.has(called.method)) return centralRefusal(principals, called.method);
		for (const each of principals) {
			const why = access?.refusal(callerOf(each), called);
			if (why !== undefined) return why;
		}
		return undefined;
	};
	const of: Authority['of'] = ({ message: { askedBy = noPrincipals }, from, asked }) =>
		from === node || asked ? askedBy : withPrincipal(askedBy, senderOf(from));
	const callsBack = (called: Called): readonly Called[] => {
		const first = find(called.method);
		if (!first?.sendsOn) return noCalls;
		const found: Called[] = [];
		for (let method: typeof first | undefined = first, args = called.methodArgs; method?.sendsOn;) {
			const next = method.sendsOn(args);
			if (!next) break;
			method = find(next.method);
			args = next.methodArgs;
			const name = method?.name ?? next.method;
			// No node is to relay keys and rules, wherever to.
			const isHere = next.toNode === node || authorizationMethods.has(name);
			if (isHere) found.push({ method: name, methodArgs: args });
		}
		return found;
	};

	return {
		of,
		refusal,
		runRefusal(accepted, method) {
			const principals = of(accepted);
			if (principals.length === 0) return undefined;
			if (principals.length > principalsMax)
				return `more than ${principalsMax} principals ask for it`;
			if (!authorizationMethods.has(method) && !access?.rules()) return undefined;
			const { methodArgs } = accepted.message;
			const why = refusal(principals, { method, methodArgs });
			return why && principals.length > 1 ? `${why} (asked by ${principalsText(principals)})` : why;
		},
		topicRefusal: (principals, topic) => refusal(principals, publishing(topic)),
		intakeRefusal(asker, message) {
			const { caller } = asker;
			const principals = principalsOf(asker);
			const refused = (called: Called): string | undefined =>
				(caller.kind === 'local' ? access?.refusal(caller, called) : undefined) ??
				refusal(principals, called);
			// What others do is for them to allow, unless it comes back to here.
			const own = message.receivers.includes(node) ? refused(message) : undefined;
			if (own !== undefined) return own;
			const sent = firstRefusal(callsBack(message), refused);
			if (sent !== undefined) return `what it sends on: ${sent}`;
			const { replyTopic } = message;
			const told = replyTopic === undefined ? undefined : refused(publishing(replyTopic));
			if (told !== undefined) return `its outcome: ${told} on ${String(replyTopic)}`;
			const hasReply = find(message.method)?.replies !== false;
			const reply = hasReply ? replyCallOf(message) : undefined;
			if (!reply) return undefined;
			const call = { ...reply, method: find(reply.method)?.name ?? reply.method };
			const answered = firstRefusal([call, ...callsBack(call)], refused);
			return answered === undefined ? undefined : `its reply: ${answered}`;
		},
		callsBack,
	};
}

/** What rules are asked about a topic. */
function publishing(topic: string): Called {
	return { method: replyTopicRight, methodArgs: [topic] };
}

function firstRefusal(
	calls: readonly Called[],
	refused: (called: Called) => string | undefined,
): string | undefined {
	for (const each of calls) {
		const why = refused(each);
		if (why !== undefined) return why;
	}
	return undefined;
}
