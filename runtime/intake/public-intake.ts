/**
 * The public intake: takes what MQTT clients without a journal publish on the public topics of this
 * node. Their messages are taken like all others, and answered where the publisher asked for it.
 *
 * The caller acknowledges a publication when its promise resolves: its messages are on disk, or
 * refused for good. What is only refused for now is held until it can be taken, because the broker
 * would forget what it has been acknowledged.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { derivedIdStarts } from '../platform/ids.ts';
import type { Caller } from '../security/access-rules.ts';
import { principalsOf, type Asker, type Authority } from '../security/authority.ts';
import { askedByOf, noPrincipals } from '../message/principal.ts';
import { formatTopic, isAcknowledged, type Kind, isReplyTopic } from '../message/topics.ts';
import type { OutcomePublisher } from './outcome-publisher.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { pause, type Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import type { MethodDefinition } from '../method/method.ts';
import { inOurSpelling, type ReplyTo } from '../message/message.ts';
import { asReeveError, errorTable, ReeveError, type ErrorCode } from '../platform/errors.ts';
import {
	signatureLineMax,
	type Author,
	type ClientCheck,
	type PublicPacket,
} from '../security/client-signature.ts';
import { newId } from '../platform/ids.ts';
import type { Journal } from '../journal/journal.ts';
import { readPayload } from '../text/payload.ts';
import type { Signals } from '../observability/signals.ts';
import type { Answer, PublicProperties } from '../network/transport.ts';
import type { Change } from '../journal/schema.ts';

/** What public messages need of the node. */
export interface PublicIntakeParts {
	readonly node: string;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly journal: Journal;
	readonly ledger: Ledger;
	readonly outcomePublisher?: OutcomePublisher | undefined;
	readonly methods: { find(name: string): MethodDefinition | undefined };
	/** The intake of the node. */
	readonly accept: (raw: unknown, via: string, asker: Asker) => Promise<readonly Answer[]>;
	readonly refuse: (code: ErrorCode, detail: string, via: string) => Answer;
	/** Finds out who has published. */
	readonly clientCheck: ClientCheck;
	readonly authority: Pick<Authority, 'topicRefusal'>;
	/** Parses a body; replaced where its calls are counted. */
	readonly read?: typeof readPayload | undefined;
}

/** Where a publication came in. */
export interface PublicAddress {
	readonly method: string;
	readonly kind: Kind;
}

/**
 * Takes one publication. Resolves when it may be acknowledged.
 *
 * @throws ReeveError `stopping` if it must not be, because the broker is to deliver it again
 */
export type PublicIntake = (
	payload: Uint8Array,
	address: PublicAddress,
	properties?: PublicProperties,
) => Promise<void>;

/** Who has published what is not taken from its author. */
const stranger: Caller = { kind: 'client' };

/** How long a message that is refused for now waits before it is offered again. */
const holdMs = 1000;
/** What will not change while this process runs. */
const isFinal = (code: ErrorCode) => !errorTable[code].retryable;

/** Creates the way in for public messages. */
export function createPublicIntake(parts: PublicIntakeParts): PublicIntake {
	const { clock, config, journal, ledger, outcomePublisher, refuse, authority } = parts;
	const { clientCheck, read = readPayload } = parts;

	const write = async (id: string, changes: readonly Change[]): Promise<void> => {
		if (changes.length === 0) return;
		await journal.commit(changes);
		ledger.opened(id);
		outcomePublisher?.flushed(id);
	};
	const tellRefusal = async (answer: Answer, replyTo: ReplyTo | undefined): Promise<void> => {
		if (!replyTo || !outcomePublisher || !isReplyTopic(config.topicPrefix, replyTo.topic)) return;
		if (authority.topicRefusal(replyTo.askedBy ?? noPrincipals, replyTo.topic)) return;
		// While the disk fails, the refusal is not published: a late one is of no use.
		if (!journal.isHealthy()) return;
		const id = newId(clock);
		await write(id, outcomePublisher.tell(id, replyTo, answer));
	};
	/** A repetition: its outcome is published again, or for the first time once it is known. */
	const again = async (id: string, replyTo: ReplyTo | undefined): Promise<void> => {
		if (!replyTo || !outcomePublisher) return;
		const entry = ledger.get(id);
		if (!entry) return;
		const isSettled = entry.settledAt !== undefined;
		const changes = isSettled
			? outcomePublisher.outcome({ ...entry, replyTo })
			: ledger.redirect(id, replyTo);
		await write(id, changes);
	};
	/** Who has signed a message that is known may not have sent it at first. */
	const takeRepeated = async (id: string, author: Author, replyTo: ReplyTo | undefined) => {
		const isSigned = author.caller.kind === 'client' && author.caller.name !== undefined;
		await again(id, isSigned ? ledger.get(id)?.replyTo : replyTo);
	};
	/** Resolves with whether the message was accepted. */
	const take = async (
		{ whole: raw, id }: Whole,
		author: Author,
		gone?: AbortSignal,
	): Promise<boolean> => {
		const replyTo = onBehalfOf(author.caller, replyToOf(raw));
		for (;;) {
			const [answer] = await parts.accept(raw, 'mqtt', { caller: author.caller, id });
			if (!answer) return false;
			if ('id' in answer) {
				if (answer.duplicate) await takeRepeated(answer.id, author, replyTo);
				return true;
			}
			if (isFinal(answer.error)) {
				await tellRefusal(answer, replyTo);
				return false;
			}
			await pause(clock, holdMs, gone);
			if (gone?.aborted || answer.error === 'stopping') throw new ReeveError('stopping');
		}
	};
	/** The author, before anything of what was published is parsed. A stranger is told nothing. */
	const authorOf = async (packet: PublicPacket, properties: PublicProperties) => {
		try {
			checkSize(packet.payload, config);
			return clientCheck.author(packet);
		} catch (thrown) {
			const { code, detail } = asReeveError(thrown, 'bad_message');
			const answer = refuse(code, detail, 'mqtt');
			if (!clientCheck.isSilent)
				await tellRefusal(answer, onBehalfOf(stranger, addressOf(properties)));
			return undefined;
		}
	};

	return async (payload, address, properties = {}) => {
		if (properties.isRepeat && !isAcknowledged(address.kind)) {
			// It may have been started already, and such a message is started at most once.
			parts.signals.emit('message.dropped', { id: address.method, code: 'repeated' });
			return;
		}
		const packet = packetOf(payload, address, { ...parts, properties });
		const author = await authorOf(packet, properties);
		if (!author) return;
		const replyTo = onBehalfOf(author.caller, addressOf(properties));
		const orRefuse = async <Value>(work: () => Value): Promise<Value | undefined> => {
			try {
				return work();
			} catch (thrown) {
				const { code, detail } = asReeveError(thrown, 'bad_message');
				await tellRefusal(refuse(code, detail, 'mqtt'), replyTo);
				return undefined;
			}
		};
		const raws = (await orRefuse(() => read(author.body, config))) ?? [];
		const accepted = await Promise.all(
			raws.map(async (raw, index) => {
				const around = { ...parts, address, replyTo, payload: author.body, index };
				const whole = await orRefuse(() => wholeOf(raw, author, around));
				return whole !== undefined && take(whole, author, properties.gone);
			}),
		);
		// After all its messages: what a crash leaves behind is no replay when it comes again.
		const used = accepted.includes(true) ? author.used() : [];
		if (used.length > 0) await journal.commit(used);
	};
}

/** A complete message. */
interface Whole {
	readonly whole: object;
	/** An id made from the question, for one that has none. */
	readonly id?: string;
}

/** Limits on bytes come first. The line of a signature may be added to the largest body. */
function checkSize({ byteLength }: Uint8Array, { messageBytesMax }: Config): void {
	if (byteLength <= messageBytesMax + signatureLineMax) return;
	throw new ReeveError('too_large', `more than ${messageBytesMax} bytes`);
}

/** What was published, for the check of its author. */
function packetOf(
	payload: Uint8Array,
	address: PublicAddress,
	{ node, config, methods, properties }: PublicIntakeParts & { properties: PublicProperties },
): PublicPacket {
	const { responseTopic, correlationData, proof } = properties;
	return {
		topic: formatTopic(config.topicPrefix, { part: 'public', node, ...address }),
		method: methods.find(address.method)?.name ?? address.method,
		payload,
		responseTopic,
		correlationData,
		proof,
	};
}

/** Completes a message, and checks that it may come from its author. */
function wholeOf(raw: unknown, author: Author, around: Surroundings & PublicIntakeParts): Whole {
	const { methods, address, clientCheck, ledger } = around;
	const completed = complete(raw, around);
	const { id, methodArgs } = completed.whole as Record<string, unknown>;
	clientCheck.message(author, inOurSpelling(Object(raw) as object), {
		method: methods.find(address.method)?.name ?? address.method,
		methodArgs: Array.isArray(methodArgs) ? methodArgs.map(String) : [],
	});
	// The broker may bring a message again; it is then known by its id.
	if (author.isUsed && ledger.get(String(id)) === undefined) {
		throw new ReeveError('replayed', String(id));
	}
	return completed;
}

/** Where MQTT 5 says that the answer is to go. */
function addressOf({ responseTopic, correlationData }: PublicProperties): ReplyTo | undefined {
	if (responseTopic === undefined) return undefined;
	return { topic: responseTopic, ...(correlationData ? { correlation: correlationData } : {}) };
}

/** Where the message itself says so, or has been made to say so. */
function replyToOf(raw: object): ReplyTo | undefined {
	const { replyTopic, correlation } = raw as Record<string, unknown>;
	if (typeof replyTopic !== 'string') return undefined;
	const isKnown = typeof correlation === 'string' || correlation instanceof Uint8Array;
	return { topic: replyTopic, ...(isKnown ? { correlation } : {}) };
}

/** What is published there is published on behalf of this caller. */
function onBehalfOf(caller: Caller, replyTo: ReplyTo | undefined): ReplyTo | undefined {
	return replyTo && { ...replyTo, ...askedByOf(principalsOf({ caller })) };
}

/** What is known of a message beside its own text. */
interface Surroundings {
	readonly node: string;
	readonly methods: PublicIntakeParts['methods'];
	readonly address: PublicAddress;
	readonly replyTo: ReplyTo | undefined;
	readonly payload: Uint8Array;
	readonly index: number;
}

/** The message with what its topic and its properties say. */
function complete(raw: unknown, around: Surroundings): Whole {
	if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
		throw new ReeveError('bad_message', 'a message is an object, in JSON or in YAML');
	}
	const { node, address, replyTo } = around;
	const said: Record<string, unknown> = { ...inOurSpelling(raw) };
	checkTopic(said, around);
	const { topic, correlation } = replyTo ?? {};
	const { method = address.method } = said;
	const whole = {
		...said,
		toNode: node,
		method,
		kind: address.kind,
		...(topic === undefined ? {} : { replyTopic: topic }),
		...(correlation === undefined ? {} : { correlation }),
	};
	return { whole, ...(said['id'] === undefined ? derivedId(whole, around) : {}) };
}

/**
 * The broker's permissions are about topics. So a message may name its node, method and kind, but
 * no others than those of its topic: else a client that may ping one node could command all of them
 * through it.
 */
function checkTopic(said: Record<string, unknown>, around: Surroundings): void {
	const { node, methods, address } = around;
	const { toNodes = [node], method = address.method, kind = address.kind } = said;
	const receivers: unknown[] = 'toNode' in said ? [said['toNode']] : [toNodes].flat();
	const wireName = (name: unknown) =>
		typeof name === 'string' ? (methods.find(name)?.name ?? name) : name;
	const meant =
		receivers.length !== 1 || receivers[0] !== node
			? `toNode is ${node}`
			: wireName(method) !== wireName(address.method)
				? `method is ${address.method}`
				: kind === address.kind
					? undefined
					: `kind is ${address.kind}`;
	if (meant) throw new ReeveError('bad_message', `${meant} on this topic`);
}

/**
 * An id for a question that has none but names where its answer goes and how it is recognised: the
 * same question, asked again with the same words, is the same message.
 */
function derivedId(whole: object, { payload, index, address }: Surroundings): { id?: string } {
	const { topic, correlation } = replyToOf(whole) ?? {};
	if (topic === undefined || correlation === undefined) return {};
	const hash = createHash('sha256');
	for (const part of [topic, correlation, address.method, address.kind, String(index), payload]) {
		hash.update(part).update('\0');
	}
	return { id: `${derivedIdStarts.question}${hash.digest('hex').slice(0, 32)}` };
}
