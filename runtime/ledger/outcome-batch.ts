/**
 * Shared outcomes: messages that end in one transaction, and in the same way, are told of to a node
 * in one message. Most turns of actors end like that, and a message for each would cost as much as
 * the turn.
 *
 * @module
 */
import { isAcknowledged } from '../message/topics.ts';
import type { Clock } from '../platform/clock.ts';
import { isReply, type Message, type Result } from '../message/message.ts';
import { newId } from '../platform/ids.ts';
import {
	composeReply,
	noReplyMethod,
	replyMethodOf,
	type ReplyParts,
	type Run,
} from '../message/reply.ts';

/** How a message has ended, with nothing beside that to tell. */
export interface PlainEnd {
	readonly request: Message;
	readonly result: Result;
}

/** More would make a transaction of the receiver long, which takes many messages at a time. */
const sharedMax = 16;

/**
 * What there is to tell about a run: a reply, an outcome that may be shared, or nothing. See
 * `composeReply` for what is told.
 */
export function tellOf(
	request: Message,
	run: Run,
	parts: ReplyParts,
): Message | PlainEnd | undefined {
	const { result } = run;
	const isPlain =
		result !== undefined &&
		run.output === undefined &&
		isAlike(result) &&
		!isReply(request) &&
		isAcknowledged(request.kind) &&
		request.replyACKTimeout === undefined &&
		replyMethodOf(request, run, parts.replies) === noReplyMethod;
	return isPlain ? { request, result } : composeReply(request, run, parts);
}

/** Whether a result has nothing in it that differs from message to message. */
function isAlike({ detail, stderr, exitCode, durationMs, streamed }: Result): boolean {
	return (
		detail === undefined &&
		stderr === undefined &&
		exitCode === undefined &&
		durationMs === undefined &&
		streamed === undefined
	);
}

/** Whether it is an end that may share a message with others. */
export function isPlainEnd(told: Message | PlainEnd): told is PlainEnd {
	return 'request' in told;
}

/** The outcomes of one transaction. */
export interface OutcomeBatch {
	add(end: PlainEnd): void;
	/** The messages that tell all of them. */
	messages(parts: { readonly clock: Clock; readonly node: string }): readonly Message[];
}

interface Group {
	readonly to: string;
	readonly result: Result;
	readonly ids: string[];
}

function hasCapacity({ ids }: Group): boolean {
	return ids.length < sharedMax;
}

/** Creates an empty collection. */
export function createOutcomeBatch(): OutcomeBatch {
	const groups: Group[] = [];
	/** The group of each kind that is not full. */
	const open = new Map<string, Group>();
	let latest: Group | undefined;
	const groupOf = (to: string, result: Result): Group => {
		const { outcome, code = '', attempts = '' } = result;
		const kind = `${to} ${outcome} ${attempts} ${code}`;
		const group = open.get(kind);
		if (group && hasCapacity(group)) return group;
		const begun = { to, result, ids: [] };
		groups.push(begun);
		open.set(kind, begun);
		return begun;
	};
	return {
		add({ request: { id, fromNode: to }, result }) {
			// Nearly always it ends like the one before.
			if (latest?.to !== to || latest.result !== result || !hasCapacity(latest)) {
				latest = groupOf(to, result);
			}
			latest.ids.push(id);
		},
		messages: ({ clock, node }) =>
			groups.map(({ to, result, ids: [inReplyTo = '', ...others] }) => ({
				id: newId(clock),
				fromNode: node,
				toNode: to,
				method: noReplyMethod,
				kind: 'EventACK',
				methodArgs: [],
				result,
				inReplyTo,
				...(others.length > 0 ? { alsoInReplyTo: others } : {}),
			})),
	};
}
