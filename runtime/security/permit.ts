/**
 * The permit: what messages of other nodes may do here. Beside the access rules, no node speaks for
 * others, only central hands out keys and rules, and a reply is believed within what was asked.
 *
 * @module
 */
import type { Config } from '../config/config.ts';
import { answeredBy, isReply, type Message } from '../message/message.ts';
import { noPrincipals, withPrincipal } from '../message/principal.ts';
import { givenReply, noReplyMethod } from '../message/reply.ts';
import { authorizationMethods, type Access } from './access-rules.ts';
import type { Authority } from './authority.ts';

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
	/** Whether it is signed with a key that is not known here, and may be accepted later. */
	readonly isStrange?: boolean;
}

/** What is known of a message that this node sent, when its reply arrives. */
export interface SentRequest {
	readonly toNode: string;
	/** The mark of the reply that it asked for, see `askedReply`; absent if it asked for none. */
	readonly reply?: string;
}

/** What is decided about a message that arrived. */
export interface Ruling {
	/** Why it is refused; undefined if it is not. */
	readonly refusal: string | undefined;
	/** Whether it is a reply that this node has asked for. */
	readonly isAsked: boolean;
	/** Whether it is refused only because the key of its sender is not accepted yet. */
	readonly awaitsKey?: boolean;
}

/** What messages of other nodes may do here. */
export interface Permit {
	/** Decides about a message. */
	rule(arrived: Arrived): Ruling;
	/**
	 * Which of the messages that a reply answers it may settle: those that were sent to where it
	 * comes from, and those that are not known here. A message that is no reply answers none.
	 */
	told(reply: Message, from: string): readonly string[];
}

const taken: Ruling = { refusal: undefined, isAsked: false };

/** Creates the permit of a node. */
export function createPermit(parts: {
	config: Pick<Config, 'signing'>;
	access: Access | undefined;
	authority: Pick<Authority, 'refusal' | 'callsBack'>;
	/** What this node has asked with a message that it sent. */
	sentRequest: (id: string) => SentRequest | undefined;
}): Permit {
	const { config, access, authority, sentRequest } = parts;
	const isSigning = config.signing !== 'off';
	const isOpen = () => !isSigning && !access?.rules();
	const told: Permit['told'] = (reply, from) => {
		const answered = answeredBy(reply);
		if (isOpen()) return answered;
		return answered.filter((id) => (sentRequest(id)?.toNode ?? from) === from);
	};
	/** A reply is what its request had asked for, and nothing else. */
	const wasAsked = ({ message, method, from }: Arrived): boolean =>
		answeredBy(message).some((id) => {
			const entry = sentRequest(id);
			if (entry?.toNode !== from) return false;
			return method === noReplyMethod || givenReply(method, message) === entry.reply;
		});
	const imposture = ({ message, from }: Arrived): string | undefined => {
		if (isSigning && message.fromNode !== from) return `${from} speaks for ${message.fromNode}`;
		if (!isReply(message) || told(message, from).length > 0) return undefined;
		return `${from} answers what another node was asked`;
	};
	const callRefusal = (
		{ message, method, from, isProven }: Arrived,
		isAsked: boolean,
	): string | undefined => {
		const { askedBy = noPrincipals, methodArgs } = message;
		const sender = `${isProven || !isSigning ? 'node' : 'unproven'}:${from}`;
		// What its sender need not be allowed to do, those who have asked for it must be.
		const principals = isAsked ? askedBy : withPrincipal(askedBy, sender);
		const called = { method, methodArgs };
		for (const each of [called, ...authority.callsBack(called)]) {
			const why = authority.refusal(principals, each);
			if (why !== undefined) return why;
		}
		return undefined;
	};

	return {
		told,
		rule(arrived) {
			const { message, method } = arrived;
			const called = { method, methodArgs: message.methodArgs };
			const isSensitive =
				authorizationMethods.has(method) || authority.callsBack(called).length > 0;
			if (!isSensitive && isOpen()) return taken;
			const why = imposture(arrived);
			if (why !== undefined) return { refusal: why, isAsked: false };
			const isAsked = wasAsked(arrived);
			const refusal = callRefusal(arrived, isAsked);
			const mayWait = refusal !== undefined && isSigning && arrived.isStrange === true;
			const awaitsKey =
				mayWait && callRefusal({ ...arrived, isProven: true }, isAsked) === undefined;
			return { refusal, isAsked, ...(awaitsKey ? { awaitsKey } : {}) };
		},
	};
}
