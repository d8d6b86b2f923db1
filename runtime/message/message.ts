/**
 * The message: steward's JSON object plus what reeve adds. This is the only shape that enters, and
 * (packed) the only one that is stored or sent between nodes.
 *
 * Field names are steward's. What a person or a program writes is a {@link messageInput}; after
 * {@link parseMessage} has checked it and filled in what only the node can know, it is a
 * {@link Message}, which is what every other part of reeve handles.
 *
 * @module
 */
import { z } from 'zod';
import { isKey, isKind, isName, type Kind } from './topics.ts';
import { ReeveError } from '../platform/errors.ts';
import type { Principal } from './principal.ts';
import { readSchedule, scheduleInput, type Schedule } from './schedule.ts';
import { nearestWord } from '../text/spelling.ts';

const yearSeconds = 31_536_000;
/** The longest time to live of a message, in seconds: 30 days. No copy outlives it. */
export const ttlSecondsMax = 2_592_000;
const seconds = z.int().min(0).max(yearSeconds);
const name = (what: string) =>
	z.string().refine(isName, { error: `not a ${what} name`, params: { code: 'bad_name' } });
const words = z.array(z.string()).max(10_000);

/** What may follow a death of the node while the message's method runs. */
export const onCrashPolicies = ['retry', 'report'] as const;

/** One of {@link onCrashPolicies}. */
export type OnCrash = (typeof onCrashPolicies)[number];

/** A message as people and programs write it; durations are whole seconds, as in steward. */
export const messageInput = z.strictObject({
	toNode: name('node').optional().describe('The node to send the message to'),
	toNodes: z.array(name('node')).min(1).max(10_000).optional().describe('Several of them'),
	method: name('method').describe('What is asked for, such as REQCliCommand'),
	methodArgs: words.default([]).describe('The arguments of the method'),
	data: z
		.union(
			[z.string(), z.array(z.string()), z.instanceof(Uint8Array)],
			'text, a list of texts, or bytes; write an object as JSON text',
		)
		.optional()
		.describe('The payload; in a reply, the output of the method'),
	replyMethod: name('method').optional().describe('The method that takes the reply'),
	replyMethodArgs: words.optional().describe('Its arguments'),
	ACKTimeout: seconds.optional().describe('Seconds to wait for an acknowledgement'),
	retries: seconds.optional().describe('Attempts before the message is given up; 0: until ttl'),
	replyACKTimeout: seconds.optional().describe('ACKTimeout of the reply'),
	replyRetries: seconds.optional().describe('retries of the reply'),
	methodTimeout: z
		.int()
		.min(-1)
		.max(yearSeconds)
		.optional()
		.describe('Seconds that the method may run; -1: as long as it takes'),
	replyMethodTimeout: seconds.optional().describe('methodTimeout of the reply'),
	directory: z.string().max(4096).optional().describe('Folder of the result, in the data folder'),
	fileName: z.string().max(255).optional().describe('File of the result'),
	operation: z
		.object({ opCmd: z.string(), opArg: z.record(z.string(), z.unknown()).optional() })
		.optional()
		.describe('For REQOpCommand'),
	id: z
		.string()
		.regex(/^[A-Za-z0-9._:-]{1,128}$/, 'letters, digits and . _ : - only, 1 to 128 of them')
		.optional()
		.describe('Makes sending idempotent: a second message of this id is not taken again'),
	kind: z.string().refine(isKind, 'not a kind of message').optional(),
	ttl: seconds.min(1).max(ttlSecondsMax).optional().describe('Seconds until it expires'),
	key: z
		.string()
		.refine(isKey, 'at most 128 letters, without NUL and halves of surrogate pairs')
		.optional()
		.describe('Messages of one key keep their order'),
	onCrash: z.enum(onCrashPolicies).optional().describe('What follows a death in mid-run'),
	schedule: scheduleInput
		.optional()
		.describe('When the method is to run again: a cron expression, or an interval'),
	note: z.string().max(500).optional().describe('Shown in lists'),
	replyTopic: z
		.string()
		.min(1)
		.optional()
		.describe('The MQTT topic that the outcome is published on'),
	correlation: z
		.union([z.string().max(1024), z.instanceof(Uint8Array)], 'text or bytes, 1024 at most')
		.optional()
		.describe('Comes back with the outcome'),
});

/** How a message ended. Every acknowledged message ends in exactly one of these. */
export const outcomes = [
	'done',
	'failed',
	'refused',
	'expired',
	'interrupted',
	'cancelled',
] as const;

/** One of {@link outcomes}. */
export type Outcome = (typeof outcomes)[number];

/** What a reply tells of the run that it answers. Times are milliseconds. */
export interface Result {
	readonly outcome: Outcome;
	/** A code of the error table, unless the outcome is `done`. */
	readonly code?: string;
	readonly detail?: string;
	readonly exitCode?: number;
	readonly stderr?: string;
	readonly durationMs?: number;
	/** How often the method was started for this message. */
	readonly attempts?: number;
	/** All output came before, in interim replies: there is nothing to do but to note the outcome. */
	readonly streamed?: true;
}

/** Where the outcome of a message is published, for a sender without a ledger. */
export interface ReplyTo {
	readonly topic: string;
	/** What the publisher recognises its question by; comes back as it was. */
	readonly correlation?: string | Uint8Array;
	/** On whose behalf it is published; see `askedBy` of the message. */
	readonly askedBy?: readonly Principal[];
}

/** A message inside reeve: one receiver, one identity, known kind and sender. */
export interface Message {
	readonly id: string;
	readonly fromNode: string;
	readonly toNode: string;
	readonly method: string;
	readonly kind: Kind;
	readonly methodArgs: readonly string[];
	readonly data?: string | Uint8Array;
	readonly replyMethod?: string;
	readonly replyMethodArgs?: readonly string[];
	readonly ACKTimeout?: number;
	readonly retries?: number;
	readonly replyACKTimeout?: number;
	readonly replyRetries?: number;
	readonly methodTimeout?: number;
	readonly replyMethodTimeout?: number;
	readonly directory?: string;
	readonly fileName?: string;
	readonly operation?: { readonly opCmd: string; readonly opArg?: Record<string, unknown> };
	readonly ttl?: number;
	readonly key?: string;
	readonly onCrash?: OnCrash;
	/** The receiver runs the method again and again; each output is an interim reply. */
	readonly schedule?: Schedule;
	readonly note?: string;
	/** Known to the node that the message was handed to, and to no other. */
	readonly replyTo?: ReplyTo;
	/** Set on a reply: the id of the message that it answers, and what that one asked for. */
	readonly inReplyTo?: string;
	/** Further messages that it answers, all with the same result: see `outcome-batch.ts`. */
	readonly alsoInReplyTo?: readonly string[];
	readonly previousMethod?: string;
	/**
	 * On whose behalf it is, beside its sender; first who has asked. In a reply: on whose behalf the
	 * request was. Absent if the sender, or a person at it, is behind it alone.
	 */
	readonly askedBy?: readonly Principal[];
	/** Whom the content is about, if not the sender: each node's results have a folder. */
	readonly aboutNode?: string;
	/** Set on the last reply to a message: how it ended. A reply without one is an interim result. */
	readonly result?: Result;
}

/** A method, and the arguments that it is called with. */
export type Called = Pick<Message, 'method' | 'methodArgs'>;

/** Whether this message answers another one. Replies are never answered themselves. */
export function isReply(message: Message): boolean {
	return message.inReplyTo !== undefined;
}

/** The messages that a reply answers; none if it is no reply. */
export function answeredBy({ inReplyTo, alsoInReplyTo = [] }: Message): readonly string[] {
	return inReplyTo === undefined ? [] : [inReplyTo, ...alsoInReplyTo];
}

/**
 * Go's JSON decoder, and so steward, ignores the case of keys: its README writes
 * `replyMethodTimeOut`. This maps any spelling to ours.
 */
const fieldByLowerCase = new Map(
	Object.keys(messageInput.shape).map((field) => [field.toLowerCase(), field]),
);

/** The same object with every key in the case that the schema knows. */
export function inOurSpelling(raw: object): object {
	const known = messageInput.shape;
	if (Object.keys(raw).every((key) => Object.hasOwn(known, key))) return raw;
	const fields = new Map<string, unknown>();
	for (const [key, value] of Object.entries(raw)) {
		const field = fieldByLowerCase.get(key.toLowerCase()) ?? key;
		// Go takes the last one; a check on the way here may have seen the first.
		if (fields.has(field)) throw new ReeveError('bad_message', `${field} is there twice`);
		fields.set(field, value);
	}
	return Object.fromEntries(fields);
}

/** A checked input, with its receivers as a list and its data as one piece. */
export interface CheckedInput extends Omit<
	z.output<typeof messageInput>,
	'toNode' | 'toNodes' | 'data' | 'schedule'
> {
	readonly receivers: readonly string[];
	readonly schedule?: Schedule;
	readonly data?: string | Uint8Array;
}

/**
 * Checks one message as it came from outside. As in steward, `toNode` wins over `toNodes`.
 *
 * @throws ReeveError `bad_message`, `bad_name` or `no_destination`, naming the fields
 */
export function checkInput(raw: unknown): CheckedInput {
	if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
		throw new ReeveError('bad_message', 'a message is a JSON object');
	}
	const parsed = messageInput.safeParse(inOurSpelling(raw));
	if (!parsed.success) throw refusalOf(parsed.error);
	const half = halfCharacter(parsed.data, []);
	if (half) throw new ReeveError('bad_message', `${half.join('.')}: half a surrogate pair in text`);
	const { toNode, toNodes, data, schedule, ...others } = parsed.data;
	const rest = schedule === undefined ? others : { ...others, schedule: readSchedule(schedule) };
	const receivers = toNode === undefined ? [...new Set(toNodes)] : [toNode];
	if (receivers.length === 0) throw new ReeveError('no_destination');
	if (data === undefined) return { ...rest, receivers };
	return { ...rest, receivers, data: Array.isArray(data) ? data.join('') : data };
}

/**
 * The path of the first text with half a surrogate pair, as field or value. UTF-8 cannot hold it:
 * it would arrive as U+FFFD.
 */
function halfCharacter(value: unknown, path: readonly string[]): readonly string[] | undefined {
	if (typeof value === 'string') return value.isWellFormed() ? undefined : path;
	if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
	for (const [name, field] of Object.entries(value)) {
		const place = [...path, name.toWellFormed()];
		const found = name.isWellFormed() ? halfCharacter(field, place) : place;
		if (found) return found;
	}
	return undefined;
}

/** The most telling error of zod's list; a bad name has a code of its own. */
function refusalOf(error: z.ZodError): ReeveError {
	const isBadName = (issue: z.core.$ZodIssue) =>
		issue.code === 'custom' && issue.params?.['code'] === 'bad_name';
	const detail = [...new Set(error.issues.map(textOf))].slice(0, 5).join('; ');
	return new ReeveError(error.issues.some(isBadName) ? 'bad_name' : 'bad_message', detail);
}

/** One of zod's issues for people. What they wrote is cut: it may be of any length. */
function textOf(issue: z.core.$ZodIssue): string {
	if (issue.code === 'unrecognized_keys')
		return issue.keys.slice(0, 5).map(unknownField).join('; ');
	return [issue.path.join('.'), issue.message].filter(Boolean).join(': ').slice(0, 150);
}

function unknownField(field: string): string {
	const cut = field.slice(0, 40);
	const near = nearestWord(cut, Object.keys(messageInput.shape));
	return near ? `no field ${cut}; did you mean ${near}?` : `no field ${cut}`;
}
