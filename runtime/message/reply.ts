/**
 * Replies: a reply is a new message, made from the request that it answers.
 *
 * @module
 */
import type { Clock } from '../platform/clock.ts';
import { ReeveError } from '../platform/errors.ts';
import { answeredBy, isReply, type Called, type Message, type Result } from './message.ts';
import { isAcknowledged } from './topics.ts';
import { newId } from '../platform/ids.ts';
import { askedByOf, noPrincipals } from './principal.ts';
import { createHash } from 'node:crypto';

/** The method that takes an outcome and does nothing: the ledger is settled by then. */
export const noReplyMethod = 'REQNone';

/** Why a broker takes no publication of a message, as a sentence for people. */
export const brokerRefusals = {
	too_large: 'the broker takes no publication of this size',
	broker_refused: 'the broker hangs up on its publication, or drops it',
} as const;

/**
 * The messages that replace a reply that is given up: they carry the outcome without the output.
 * The limit of tries of a reply applies to its output only; the outcome is always delivered. One
 * replaces the reply; if no broker takes it, and it answers several messages, there is one for each
 * of these. The sender of a message that is done learns that its output is lost.
 *
 * @returns nothing if `reply` is not a reply, or carries an outcome only and cannot be divided
 */
export function outcomesOf(
	reply: Message,
	{
		clock,
		lost,
	}: { readonly clock: Clock; readonly lost: keyof typeof brokerRefusals | undefined },
): readonly Message[] {
	const { previousMethod, fromNode, toNode } = reply;
	const answered = answeredBy(reply);
	const isOutputLost = lost !== undefined && reply.data !== undefined;
	const isLighter = isOutputLost || (lost !== undefined && answered.length > 1);
	if (!reply.result || (isMereOutcome(reply) && !isLighter)) return [];
	const result: Result =
		isOutputLost && reply.result.outcome === 'done'
			? {
					...reply.result,
					outcome: 'failed',
					code: lost,
					detail: `it was done, but its output is lost: ${brokerRefusals[lost]}`,
				}
			: reply.result;
	return answered.map((inReplyTo) => ({
		id: newId(clock),
		fromNode,
		toNode,
		method: noReplyMethod,
		kind: 'EventACK',
		methodArgs: [],
		inReplyTo,
		result,
		...(previousMethod === undefined ? {} : { previousMethod }),
	}));
}

/**
 * Whether a message only tells an outcome, which settles the ledger of its receiver on arrival.
 */
export function isMereOutcome(message: Message): boolean {
	return (
		isReply(message) && (message.method === noReplyMethod || message.result?.streamed === true)
	);
}

/**
 * Checks the output of a method. UTF-8 cannot hold half a surrogate pair: it would arrive as
 * U+FFFD.
 *
 * @throws ReeveError `not_sendable`
 */
export function checkOutputData(data: string | Uint8Array | undefined): void {
	if (typeof data !== 'string' || data.isWellFormed()) return;
	throw new ReeveError('not_sendable', 'the output has half a surrogate pair in its text');
}

/** Where steward sends output unless the message says otherwise. */
const defaultReplyMethod = 'REQToFileAppend';

/** What a reply is made of. */
export interface ReplyParts {
	readonly clock: Clock;
	/** The node that replies. */
	readonly node: string;
	/** Whether the method's output is worth a reply of its own, see `MethodDefinition`. */
	readonly replies: boolean | 'interim';
}

/** What the reply tells: output, and, in the last reply, how it ended. */
export interface Run {
	readonly output?: Output;
	readonly result?: Result;
}

/**
 * The reply to `request`, or undefined where none is due: replies are not answered, and a message
 * of an at-most-once kind is answered only with output that its sender asked for.
 *
 * Without a `result` it is an interim reply: one of several, and not the last.
 *
 * As in steward, output goes to `REQToFileAppend` unless the message names another method; without
 * a `fileName` that could not work, so then only the outcome travels. A run that ended without
 * output never overwrites a file with nothing.
 */
export function composeReply(
	request: Message,
	run: Run,
	{ clock, node, replies }: ReplyParts,
): Message | undefined {
	if (isReply(request)) return undefined;
	const method = replyMethodOf(request, run, replies);
	if (method === noReplyMethod && (!run.result || !isAcknowledged(request.kind))) return undefined;
	// Behind the interim replies, in their lane: the outcome must not arrive before the output.
	const isLast = replies === 'interim' && run.result !== undefined;
	return {
		id: newId(clock),
		fromNode: node,
		toNode: request.fromNode,
		method,
		kind: 'EventACK',
		methodArgs: request.replyMethodArgs ?? [],
		...present({
			data: isLast ? undefined : run.output?.data,
			directory: request.directory,
			fileName: request.fileName,
			ACKTimeout: request.replyACKTimeout,
			retries: request.replyRetries,
			methodTimeout: request.replyMethodTimeout,
			result: isLast && run.result ? { ...run.result, streamed: true } : run.result,
			askedBy: askedByIn(request, method),
		}),
		inReplyTo: request.id,
		previousMethod: request.method,
	};
}

/**
 * What the method of a reply has put out, for central's files: as in steward, the output of a
 * command that took a reply goes where the request wanted its result. Undefined if there is none,
 * or no file was named.
 */
export function composeOwnOutput(
	reply: Message,
	{ output }: Run,
	{ clock, node, replies, central }: ReplyParts & { readonly central: string },
): Message | undefined {
	const { id, fromNode, method, directory, fileName } = reply;
	const hasOutput = output?.data !== undefined && output.data.length > 0;
	if (!isReply(reply) || reply.previousMethod === undefined || !replies) return undefined;
	if (!hasOutput || !fileName) return undefined;
	return {
		id: newId(clock),
		fromNode: node,
		toNode: central,
		method: defaultReplyMethod,
		kind: 'EventACK',
		methodArgs: [],
		data: output.data ?? '',
		...(directory === undefined ? {} : { directory }),
		fileName,
		aboutNode: fromNode,
		inReplyTo: id,
		previousMethod: method,
		...askedByOf(reply.askedBy ?? noPrincipals),
	};
}

/** The method that a reply is for; {@link noReplyMethod} if only its outcome is of interest. */
export function replyMethodOf(request: Message, run: Run, replies: ReplyParts['replies']): string {
	const hasOutput =
		replies === 'interim' ||
		(replies && (run.output?.data !== undefined || run.result?.outcome === 'done'));
	if (!hasOutput) return noReplyMethod;
	return request.replyMethod ?? (request.fileName ? defaultReplyMethod : noReplyMethod);
}

/** The same fields without those that are undefined. */
function present(fields: Partial<Message>): Partial<Message> {
	const found: Record<string, unknown> = {};
	const given = fields as Readonly<Record<string, unknown>>;
	// Not by entries: it runs for every reply, and makes a list for each field.
	for (const name in given) if (given[name] !== undefined) found[name] = given[name];
	return found;
}

/** On whose behalf a reply is; of a mere outcome that does not matter. */
function askedByIn({ askedBy }: Message, replyMethod: string): Message['askedBy'] {
	return replyMethod === noReplyMethod ? undefined : askedBy;
}

/** What takes the reply to a request; undefined if it wants no more than its outcome. */
export function replyCallOf(request: ReplyAsk): Called | undefined {
	const { replyMethod, replyMethodArgs = [], fileName } = request;
	const method = replyMethod ?? (fileName ? defaultReplyMethod : undefined);
	if (method === undefined || method === noReplyMethod) return undefined;
	return { method, methodArgs: replyMethodArgs };
}

/** What a request says of its reply. */
export type ReplyAsk = Pick<Message, 'replyMethod' | 'replyMethodArgs' | 'fileName'>;

/**
 * The mark of what a request asks for, to recognise the reply by: a reply is believed only within
 * what was asked. Undefined if the request wants no more than its outcome.
 */
export function askedReply(request: Message): string | undefined {
	const called = replyCallOf(request);
	return called && markOf(called, request);
}

/** The mark of what a reply calls, by the wire name of the method that takes it. */
export function givenReply(method: string, reply: Message): string {
	return markOf({ method, methodArgs: reply.methodArgs }, reply);
}

/** Of method, arguments, the file that is named, whom it is about, and on whose behalf it is. */
function markOf({ method, methodArgs }: Called, message: Message): string {
	const { directory = '', fileName = '', askedBy = [] } = message;
	const aboutNode = isReply(message) ? (message.aboutNode ?? '') : '';
	if (!(methodArgs.length > 0 || directory || fileName || askedBy.length > 0 || aboutNode)) {
		return method;
	}
	const said = JSON.stringify([methodArgs, directory, fileName, askedBy, aboutNode]);
	const hash = createHash('sha256').update(said).digest('base64url');
	return `${method} ${hash.slice(0, 22)}`;
}

/** What a method hands back when it is done. Nothing at all means: done, with no output. */
export interface Output {
	/** What goes into the reply's `data`. */
	readonly data?: string | Uint8Array;
	readonly exitCode?: number;
	readonly stderr?: string;
	/** Set when the method ran to its end but its work did not succeed: a code of the error table. */
	readonly code?: 'command_failed' | 'timed_out' | 'output_too_large';
	readonly detail?: string;
}
