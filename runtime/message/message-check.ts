/**
 * The check of a message from another node, or from the journal: each field by its type, by hand,
 * because this runs for every message. The node that sent it had checked it, but a peer may have a
 * bug: a field of another type must not crash the method that meets it, again and again.
 *
 * Rules that may change have no place here. What an earlier version has stored must stay readable,
 * and what a later one sends gets an outcome that says what is wrong with it. So unknown fields are
 * left alone, and whether a key or a schedule is a good one is asked where it is used.
 *
 * @module
 */
import { isKind, isName } from './topics.ts';
import { arePrincipals } from './principal.ts';
import { onCrashPolicies, outcomes, type Message, type Result } from './message.ts';
import type { Schedule } from './schedule.ts';

type Check = (value: unknown) => boolean;

/** The most messages that a reply may answer; nodes send far fewer. */
const answeredMax = 1000;

/** An id may have the name of a node behind it, see the intake. */
const isId: Check = (value) => isText(value) && value.length > 0 && value.length <= 300;

function isText(value: unknown): value is string {
	return typeof value === 'string';
}

const isContent: Check = (value) => isText(value) || value instanceof Uint8Array;

const isTextList: Check = (value) => Array.isArray(value) && value.every(isText);

const isIdList: Check = (value) =>
	Array.isArray(value) && value.length < answeredMax && value.every(isId);

/** A name stands in topics and paths. */
const isNameText: Check = (value) => isText(value) && isName(value);

/** `NaN` would be a time that never comes, and a count that is never reached. */
function isFinite(value: unknown): boolean {
	return Number.isFinite(value);
}

function isFields(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether all fields that are there pass their checks. */
function passes(value: object, checks: ReadonlyMap<string, Check>): boolean {
	for (const name in value) {
		const field: unknown = Reflect.get(value, name);
		if (field !== undefined && checks.get(name)?.(field) === false) return false;
	}
	return true;
}

const resultChecks = checksOf<Result>({
	outcome: (value) => (outcomes as readonly unknown[]).includes(value),
	code: isText,
	detail: isText,
	exitCode: isFinite,
	stderr: isText,
	durationMs: isFinite,
	attempts: isFinite,
	streamed: (value) => value === true,
});

const scheduleChecks = checksOf<Schedule>({
	cron: isText,
	timezone: isText,
	every: isFinite,
	total: isFinite,
	times: isFinite,
	splay: isFinite,
});

const messageChecks = checksOf<Message>({
	id: isId,
	fromNode: isNameText,
	toNode: isNameText,
	method: isNameText,
	kind: (value) => isText(value) && isKind(value),
	methodArgs: isTextList,
	data: isContent,
	replyMethod: isNameText,
	replyMethodArgs: isTextList,
	ACKTimeout: isFinite,
	retries: isFinite,
	replyACKTimeout: isFinite,
	replyRetries: isFinite,
	methodTimeout: isFinite,
	replyMethodTimeout: isFinite,
	directory: isText,
	fileName: isText,
	operation: (value) =>
		isFields(value) &&
		isText(value['opCmd']) &&
		(value['opArg'] === undefined || isFields(value['opArg'])),
	ttl: isFinite,
	key: isText,
	onCrash: (value) => (onCrashPolicies as readonly unknown[]).includes(value),
	schedule: (value) => isFields(value) && passes(value, scheduleChecks),
	note: isText,
	replyTo: (value) =>
		isFields(value) &&
		isText(value['topic']) &&
		(value['correlation'] === undefined || isContent(value['correlation'])) &&
		(value['askedBy'] === undefined || arePrincipals(value['askedBy'])),
	inReplyTo: isId,
	alsoInReplyTo: isIdList,
	previousMethod: isNameText,
	askedBy: arePrincipals,
	aboutNode: isNameText,
	result: (value) => isFields(value) && 'outcome' in value && passes(value, resultChecks),
});

function checksOf<Value>(checks: Record<keyof Value & string, Check>): ReadonlyMap<string, Check> {
	return new Map(Object.entries(checks));
}

const required = ['id', 'fromNode', 'toNode', 'method', 'kind', 'methodArgs'] as const;

/** Whether a value has the fields of a message, each of its type. */
export function isMessage(value: unknown): value is Message {
	if (!isFields(value) || value instanceof Uint8Array) return false;
	return required.every((name) => value[name] !== undefined) && passes(value, messageChecks);
}
