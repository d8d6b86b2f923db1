/**
 * The messages of a turn draft: what it sends, asks, monitors and answers.
 *
 * @module
 */
import { checkKey, checkName, isKind } from '../../runtime/message/topics.ts';
import { newAskId, type AskChange } from '../../runtime/pending/asks.ts';
import { onCrashPolicies, type Message, type Result } from '../../runtime/message/message.ts';
import { askedByOf, type Principal } from '../../runtime/message/principal.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { diagnosticJson } from '../../runtime/text/diagnostic-json.ts';
import { newId } from '../../runtime/platform/ids.ts';
import { isPlainEnd, tellOf } from '../../runtime/ledger/outcome-batch.ts';
import type { TurnTimers } from './turn-timers.ts';
import { entryOf, without, type TurnDraft, type TurnDraftParts } from './turn-draft.ts';
import type { Monitored, Outgoing, Question } from '../definition/effects.ts';
import { contentOf, jsonOf } from '../definition/json-data.ts';
import { checkId } from '../definition/id-check.ts';
import { demonitorType, monitorName, monitorType } from '../definition/monitor-message.ts';

/** Adds messages to drafts. */
export interface TurnMessages {
	send(draft: TurnDraft, outgoing: Outgoing): void;
	ask(draft: TurnDraft, question: Question): void;
	/** Monitors another instance, or a node. */
	monitor(draft: TurnDraft, monitored: Monitored): void;
	/** Ends a monitor. */
	demonitor(draft: TurnDraft, id: string): void;
	/** Stops waiting for the answer to an ask or a monitor. */
	closeAsk(draft: TurnDraft, name: string): void;
	/** Answers a message with its result. */
	answer(draft: TurnDraft, request: Message, answer: { result: Result; data?: unknown }): void;
	/** Answers the message that is being handled, or else the oldest that waits. */
	reply(draft: TurnDraft, data: unknown): void;
	/** Answers the oldest message that waits, if any. */
	answerOldest(draft: TurnDraft, data: unknown): void;
}

/** Creates the messages of one actor's drafts. */
export function createTurnMessages(parts: TurnDraftParts, timers: TurnTimers): TurnMessages {
	const { node, definition, clock, asks } = parts;
	const { name: actor } = definition;
	const replies = { clock, node, replies: true };

	const change = (draft: TurnDraft, made: AskChange): void => {
		draft.changes.push(made);
		(draft.asks ??= []).push(made);
	};
	const closeAsk = (draft: TurnDraft, name: string): void => {
		const id = entryOf(draft.facts.asks, name);
		if (id === undefined) return;
		draft.facts = { ...draft.facts, asks: without(draft.facts.asks, name) };
		const opened = draft.asks?.find((change) => change.key[0] === id)?.value;
		const { node: to, actor: method, key } = (opened ?? asks.find(id))?.watches ?? {};
		change(draft, asks.close(id));
		if (to === undefined || method === undefined) return;
		// The monitored instance no longer needs to keep the monitor.
		const outgoing = { to, method, event: { type: demonitorType, id } };
		const about = { id: newId(clock), node, principals: draft.principals };
		draft.messages.push(messageOf(key === undefined ? outgoing : { ...outgoing, key }, about));
	};
	const answer: TurnMessages['answer'] = (draft, request, { result, data }) => {
		const run =
			data === undefined ? { result } : { output: { data: contentOf(data, 'the answer') }, result };
		const told = tellOf(request, run, replies);
		if (told && isPlainEnd(told)) draft.ends.push(told);
		else if (told) draft.messages.push(told);
	};
	const answerOldest = (draft: TurnDraft, data: unknown): void => {
		const [oldest, ...owed] = draft.facts.owed;
		if (!oldest) return;
		draft.facts = { ...draft.facts, owed };
		answer(draft, oldest, { result: { outcome: 'done', attempts: 1 }, data });
	};

	return {
		send(draft, outgoing) {
			draft.messages.push(
				messageOf(outgoing, { id: newId(clock), node, principals: draft.principals }),
			);
		},
		ask(draft, { id: name, timeoutMs, ...outgoing }) {
			checkId(name, 'ask');
			const id = newAskId(clock);
			const type = `timeout.${name}`;
			closeAsk(draft, name);
			draft.facts = { ...draft.facts, asks: { ...draft.facts.asks, [name]: id } };
			const asked = askedByOf(draft.principals);
			change(draft, asks.open(id, { actor, key: draft.key, ask: name, ...asked }));
			draft.messages.push(messageOf(outgoing, { id, node, principals: draft.principals }));
			timers.remove(draft, type);
			if (timeoutMs !== undefined) {
				timers.set(draft, { id: type, event: { type }, delayMs: timeoutMs });
			}
		},
		monitor(draft, { id: monitorId, to = node, actor: method, key }) {
			checkId(monitorId, 'monitor');
			const id = newAskId(clock);
			const name = monitorName(monitorId);
			const place = key === undefined ? {} : { key };
			closeAsk(draft, name);
			draft.facts = { ...draft.facts, asks: { ...draft.facts.asks, [name]: id } };
			const watches = { node: to, ...(method === undefined ? {} : { actor: method }), ...place };
			const asker = { actor, key: draft.key, ask: name, ...askedByOf(draft.principals) };
			change(draft, asks.open(id, { ...asker, watches }));
			if (method !== undefined) {
				const outgoing = { to, method, ...place, event: { type: monitorType } };
				draft.messages.push(messageOf(outgoing, { id, node, principals: draft.principals }));
			}
			if (to === node) return;
			const opened = { actor, key: draft.key, node: to };
			draft.afterwards.push(() => parts.signals.emit('monitor.opened', opened));
		},
		demonitor: (draft, id) => closeAsk(draft, monitorName(id)),
		closeAsk,
		answer,
		reply(draft, data) {
			const { request, attempts } = draft;
			if (!request) {
				answerOldest(draft, data);
				return;
			}
			draft.request = undefined;
			answer(draft, request, { result: { outcome: 'done', attempts }, data });
		},
		answerOldest,
	};
}

interface About {
	readonly id: string;
	readonly node: string;
	readonly principals: readonly Principal[];
}

function messageOf(outgoing: Outgoing, { id, node, principals }: About): Message {
	const {
		to: toNode = node,
		args: methodArgs = [],
		kind = 'CommandACK',
		event,
		...rest
	} = outgoing;
	// A message that cannot be sent fails the turn, here, and not the transaction of the batch.
	checkName('node', toNode);
	checkName('method', outgoing.method);
	checkKey(outgoing.key ?? '');
	checkContent(outgoing);
	const given = Object.entries(rest).filter(([, value]) => value !== undefined);
	const fields: Partial<Message> = Object.fromEntries(given);
	return {
		...fields,
		...(event ? { data: jsonOf(event, `the event ${event.type}`) } : {}),
		method: outgoing.method,
		id,
		fromNode: node,
		toNode,
		kind,
		methodArgs,
		...askedByOf(principals),
	};
}

/** Half a surrogate pair would arrive as another character. */
function isText(value: unknown): boolean {
	return typeof value === 'string' && value.isWellFormed();
}

/** Checks what the compiler checks, for machines that it has not seen. */
function checkContent(outgoing: Outgoing): void {
	const { data, args = [], method } = outgoing;
	const isContent = data === undefined || isText(data) || data instanceof Uint8Array;
	if (!isContent)
		throw new ReeveError('not_sendable', `data for ${method} is no text and no bytes`);
	for (const arg of args as readonly unknown[]) {
		if (isText(arg)) continue;
		throw new ReeveError('not_sendable', `an argument for ${method} is no text`);
	}
	for (const [field, isRight] of Object.entries(fieldChecks)) {
		const value: unknown = Reflect.get(outgoing, field);
		if (value === undefined || isRight(value)) continue;
		const shown = typeof value === 'number' ? String(value) : diagnosticJson(value);
		throw new ReeveError('bad_message', `${field} for ${method} is ${shown}`);
	}
}

/** The fields of a message that have few values, or are numbers. */
const fieldChecks: Readonly<Record<string, (value: unknown) => boolean>> = {
	kind: (value) => typeof value === 'string' && isKind(value),
	onCrash: (value) => onCrashPolicies.some((policy) => policy === value),
	ttl: (value) => Number.isFinite(value) && Number(value) > 0,
	methodTimeout: Number.isFinite,
	note: isText,
};
