/**
 * The intake: the single way in for messages from people and programs. It checks, recognises
 * repetitions, journals, and answers only when the message is on disk.
 *
 * @module
 */
import { isAcknowledged, checkReplyTopic } from '../message/topics.ts';
import type { OutcomePublisher } from './outcome-publisher.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Clock } from '../platform/clock.ts';
import type { Config } from '../config/config.ts';
import { refuseOwnNames } from '../files/data-folder.ts';
import type { MethodDefinition } from '../method/method.ts';
import { checkInput, type CheckedInput, type Message } from '../message/message.ts';
import { asReeveError, errorTable, ReeveError, type ErrorCode } from '../platform/errors.ts';
import { createTurnLimit } from './turn-limit.ts';
import type { PassPoint } from '../platform/crash-points.ts';
import { createPublicIntake, type PublicIntakeParts, type PublicIntake } from './public-intake.ts';
import { derivedIdStarts, isDerivedId, newId } from '../platform/ids.ts';
import { contentMark } from '../message/codec.ts';
import { markIn } from '../ledger/ledger-entry.ts';
import type { Journal } from '../journal/journal.ts';
import type { Mailbox } from '../mailbox/mailbox.ts';
import type { Outbox } from '../delivery/outbox.ts';
import type { MessageRouter } from './message-router.ts';
import type { Presence } from '../network/presence.ts';
import type { Signals } from '../observability/signals.ts';
import { principalsOf, type Asker, type Authority } from '../security/authority.ts';
import { askedByOf } from '../message/principal.ts';
import type { Answer } from '../network/transport.ts';
import { laneName } from '../protocol/lane.ts';

/** What the intake works with. */
export interface IntakeParts {
	readonly node: string;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly journal: Journal;
	readonly ledger: Ledger;
	readonly outbox: Outbox;
	readonly router: MessageRouter;
	readonly presence: Presence;
	/** Without them no outcome is published. */
	readonly outcomePublisher?: OutcomePublisher;
	readonly methods: { find(name: string): MethodDefinition | undefined };
	readonly mailbox: (method: string) => Mailbox | undefined;
	/** Why nothing is taken for now; undefined if messages are taken. */
	readonly hindrance: () => ErrorCode | undefined;
	/** Where specs make the node die, see `crash-points.ts`. */
	readonly passPoint?: PassPoint;
	/** Who may call what here. */
	readonly authority: Pick<Authority, 'intakeRefusal' | 'topicRefusal'>;
	readonly clientCheck: PublicIntakeParts['clientCheck'];
}

/** The intake that {@link createIntake} makes. */
export interface Intake {
	/** See `NodeApi.accept`. The caller is `local` unless another is given. */
	accept(raw: unknown, via: string, asker?: Asker): Promise<readonly Answer[]>;
	/** See `NodeApi.refuse`. */
	refuse(code: ErrorCode, detail: string, via: string): Answer;
	/** Takes what an MQTT client has published on a public topic; see `public-intake.ts`. */
	readonly acceptPublic: PublicIntake;
}

const local: Asker = { caller: { kind: 'local' } };
/** So many messages are checked and filed in one turn of the event loop. */
const filedAtOnce = 256;

/** Creates the intake of a node. */
export function createIntake(parts: IntakeParts): Intake {
	const { clock, ledger, router, signals } = parts;
	const { check, make } = createCheck(parts);
	const turnLimit = createTurnLimit(filedAtOnce);

	const refuse = (code: ErrorCode, detail: string, via: string): Answer => {
		signals.emit('message.refused', { code, detail, via });
		return { error: code, detail, hint: errorTable[code].hint };
	};

	const file = async (message: Message, via: string): Promise<Answer> => {
		const { id, method, fromNode: from, toNode } = message;
		const known = ledger.get(id);
		if (known) {
			if (known.toNode !== toNode || known.method !== method) {
				return refuse('duplicate_id', `${id} is ${known.method} to ${known.toNode}`, via);
			}
			if (markIn(known) !== contentMark(message)) {
				return refuse('duplicate_id', `${id} is another message, or of another caller`, via);
			}
			// What it repeats may still be on its way to the disk.
			await parts.journal.commit([]);
			signals.emit('message.duplicate', { id, method, from });
			return { id, toNode, duplicate: true };
		}
		await router.send([message]);
		parts.passPoint?.('intake.flushed');
		signals.emit('message.accepted', { id, method, from, to: toNode, via });
		return { id, toNode };
	};

	const accept: Intake['accept'] = async (raw, via, asker = local) => {
		// Without an `await` where it need not wait: what is taken in one turn shares a transaction.
		const turn = turnLimit.wait();
		if (turn) await turn;
		try {
			const input = checkInput(raw);
			if (input.id !== undefined) checkId(input.id);
			const definition = check(input, asker);
			const { receivers } = input;
			const { id = input.id } = asker;
			const fileFor = (toNode: string): Promise<Answer> => {
				// One id for many receivers would name many messages; each gets its own.
				const own = id && receivers.length > 1 ? `${id}:${toNode}` : id;
				return file(make(input, { toNode, id: own ?? newId(clock), definition, asker }), via);
			};
			const answers: Answer[] = [];
			// Others get their turn in between.
			for (let from = 0; from < receivers.length; from += filedAtOnce) {
				const some = receivers.slice(from, from + filedAtOnce);
				answers.push(...(await Promise.all(some.map(fileFor))));
			}
			return answers;
		} catch (thrown) {
			const { code, detail } = asReeveError(thrown);
			return [refuse(code, detail, via)];
		}
	};

	return {
		accept,
		refuse,
		acceptPublic: createPublicIntake({ ...parts, accept, refuse }),
	};
}

/** The checks that need to know the node, and the making of messages that passed them. */
function createCheck(parts: IntakeParts) {
	const { node, config, journal, outbox, presence, methods, mailbox } = parts;

	/** Throws what speaks against this input; returns the method if it is known here. */
	const check = (input: CheckedInput, asker: Asker): MethodDefinition | undefined => {
		const hindrance = parts.hindrance();
		if (hindrance) throw new ReeveError(hindrance);
		const definition = methods.find(input.method);
		checkSize(input, definition);
		for (const receiver of input.receivers) checkReceiver(receiver, input.method, definition);
		checkOutbox(input, definition);
		checkPath(input);
		checkReply(input, definition, config);
		checkSchedule(input, definition);
		const called = { ...input, method: definition?.name ?? input.method };
		const refusal = parts.authority.intakeRefusal(asker, called);
		if (refusal !== undefined) throw new ReeveError('not_allowed', refusal);
		const args = definition?.args.safeParse(input.methodArgs);
		if (args?.error) {
			const detail = args.error.issues.map(({ message }) => message).join('; ');
			throw new ReeveError('bad_arguments', `${input.method}: ${detail}`);
		}
		return definition;
	};

	const checkSize = (input: CheckedInput, definition?: MethodDefinition): void => {
		const bytes = sizeOf(input);
		if (bytes > config.messageBytesMax) {
			throw new ReeveError('too_large', `more than ${config.messageBytesMax} bytes`);
		}
		if (journal.isHealthy(bytes * input.receivers.length)) return;
		if (!definition?.freesSpace || !journal.isWritable()) throw new ReeveError('storage_full');
	};

	/** A method of another node need not be known here, if that node's birth names it. */
	const checkReceiver = (to: string, method: string, definition?: MethodDefinition): void => {
		const wireName = definition?.name ?? method;
		if (to === node) {
			const box = mailbox(wireName);
			if (!box) throw new ReeveError('unknown_method', `${method} on ${to}`);
			if (box.size() >= config.mailboxMessagesMax) throw new ReeveError('mailbox_full', method);
			return;
		}
		if (!definition && !presence.get(to)?.methods.includes(method)) {
			throw new ReeveError('unknown_method', method);
		}
	};

	/** All receivers are counted, because a message is taken for all of them or for none. */
	const checkOutbox = (input: CheckedInput, definition?: MethodDefinition): void => {
		const { key, receivers } = input;
		const leaving = receivers.filter((receiver) => receiver !== node);
		if (leaving.length === 0) return;
		const [waitingMax, lanesMax] = [config.outboxMessagesMax, config.lanesMax];
		if (outbox.waiting() + leaving.length > waitingMax) throw new ReeveError('outbox_full');
		const method = definition?.name ?? input.method;
		const kind = input.kind ?? definition?.kind ?? 'CommandACK';
		const isNew = (toNode: string) =>
			!outbox.lane(laneName({ toNode, method, kind, ...(key ? { key } : {}) }));
		const lanes = outbox.size() + leaving.filter(isNew).length;
		if (lanes <= lanesMax) return;
		throw new ReeveError('outbox_full', `more than ${lanesMax} lanes; see lanesMax`);
	};

	const make = (
		input: CheckedInput,
		own: { toNode: string; id: string; definition: MethodDefinition | undefined; asker: Asker },
	): Message => {
		const { receivers: _, kind, replyTopic: topic, correlation, ...fields } = input;
		const { toNode, id, definition, asker } = own;
		const askedBy = askedByOf(principalsOf(asker));
		const told = { ...(correlation === undefined ? {} : { correlation }), ...askedBy };
		const reply = input.replyMethod === undefined ? undefined : methods.find(input.replyMethod);
		return {
			...fields,
			...(reply ? { replyMethod: reply.name } : {}),
			...(topic === undefined ? {} : { replyTo: { topic, ...told } }),
			id,
			toNode,
			fromNode: node,
			method: definition?.name ?? input.method,
			kind: kind ?? definition?.kind ?? 'CommandACK',
			...askedBy,
		};
	};

	return { check, make };
}

/**
 * What a node finds under an id that it has derived must be its own.
 *
 * @throws ReeveError `bad_message`
 */
function checkId(id: string): void {
	if (!isDerivedId(id)) return;
	const starts = Object.values(derivedIdStarts).join(' ');
	throw new ReeveError('bad_message', `id: nodes make those that begin with ${starts}`);
}

/**
 * A file of a result must lie in the data folder, and be none of the node's own; whether links lead
 * out is seen when it is written.
 */
function checkPath({ directory = '', fileName = '' }: CheckedInput): void {
	const parts = [...directory.split('/'), fileName];
	const hasNul = parts.some((part) => part.includes('\0'));
	const isInside = !fileName.includes('/') && !parts.includes('..') && !hasNul;
	if (!isInside) throw new ReeveError('path_outside', `${directory} ${fileName}`.slice(0, 200));
	refuseOwnNames(parts);
}

/**
 * An outcome can be published only on a topic where no node takes it for a message, and only if
 * there is one.
 */
function checkReply(input: CheckedInput, definition: MethodDefinition | undefined, config: Config) {
	const { replyTopic, kind = definition?.kind ?? 'CommandACK' } = input;
	if (replyTopic === undefined) return;
	checkReplyTopic(config.topicPrefix, replyTopic);
	if (isAcknowledged(kind)) return;
	throw new ReeveError('bad_message', `replyTopic: no outcome of a ${kind} is known`);
}

/** A schedule is kept on disk; messages of the at-most-once kinds never are. */
function checkSchedule(
	{ schedule, kind }: CheckedInput,
	definition: MethodDefinition | undefined,
): void {
	const own = kind ?? definition?.kind ?? 'CommandACK';
	if (schedule === undefined || isAcknowledged(own)) return;
	throw new ReeveError('bad_message', `schedule: a ${own} is sent at most once; set kind`);
}

/** Roughly what the message will weigh on the wire; exact enough for a limit. */
function sizeOf({ data, methodArgs, replyMethodArgs = [], operation }: CheckedInput): number {
	let bytes = data === undefined ? 0 : Buffer.byteLength(data);
	for (const word of methodArgs) bytes += Buffer.byteLength(word);
	for (const word of replyMethodArgs) bytes += Buffer.byteLength(word);
	return operation ? bytes + Buffer.byteLength(JSON.stringify(operation)) : bytes;
}
