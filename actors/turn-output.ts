/**
 * The output of a turn: what a machine wished for, as messages, changes of the journal, and what is done
 * once those are on disk. It is a draft until then; nobody outside has seen any of it.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Asks } from '../runtime/asks.ts';
import { newAskId } from '../runtime/asks.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';
import type { Message, Result } from '../runtime/envelope.ts';
import { ReeveError } from '../runtime/errors.ts';
import { newId } from '../runtime/identity.ts';
import type { Change } from '../runtime/journal.ts';
import { pack } from '../runtime/packing.ts';
import { composeReply } from '../runtime/reply.ts';
import type { Signals } from '../runtime/signal.ts';
import type { TimerRow, Timers } from '../runtime/timers.ts';
import type { ActorDefinition, TimerPolicy } from './definition.ts';
import type { Effect, Outgoing, Question } from './effect.ts';
import type { InstanceFacts } from './instance.ts';
import type { StepRunner } from './step-runner.ts';
import type { Wish } from './turn.ts';

/** What outputs are made with. */
export interface OutputParts {
	readonly node: string;
	readonly definition: ActorDefinition;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly timers: Timers;
	readonly asks: Asks;
	readonly steps: StepRunner;
	/** Publishes at once; nobody acknowledges it. */
	readonly publish: (topic: string, data: string) => void;
}

/** A draft. */
export interface Draft {
	readonly key: string;
	/** The message that the turn is about, until it is answered. */
	request: Message | undefined;
	/** How often it was started. */
	readonly attempts: number;
	facts: InstanceFacts;
	readonly messages: Message[];
	readonly changes: Change[];
	/** What writes the instance; of several turns in one transaction only the last is written. */
	snapshot: Change | undefined;
	readonly afterwards: (() => void)[];
}

/** The drafts of one actor. */
export interface Outputs {
	draft(about: Pick<Draft, 'key' | 'request' | 'attempts' | 'facts'>): Draft;
	/** Adds what a move of the machine wished for. */
	grant(draft: Draft, wishes: readonly Wish[]): void;
	/** Answers a message, in this turn. */
	answer(draft: Draft, request: Message, answer: { result: Result; data?: unknown }): void;
	/** Removes all that the instance waits for: it has ended, or begins anew. */
	clear(draft: Draft): void;
	removeTimer(draft: Draft, id: string): void;
	/** Waits no more for the outcome of an ask. */
	closeAsk(draft: Draft, name: string): void;
	/** Puts one row in the place of another. */
	moveTimer(draft: Draft, from: TimerRow, to: TimerRow): void;
	removeStep(draft: Draft, child: string): void;
}

/** A timer's id is part of its key on disk. */
const timerIdMax = 400;

/** Creates the outputs of one actor. */
export function createOutputs(parts: OutputParts): Outputs {
	const { node, definition, clock, config, signals, timers, asks, steps } = parts;
	const { name: actor } = definition;

	const removeTimer = (draft: Draft, id: string): void => {
		const dueAt = draft.facts.timers[id];
		if (dueAt === undefined) return;
		const { [id]: _, ...rest } = draft.facts.timers;
		draft.facts = { ...draft.facts, timers: rest };
		draft.changes.push(timers.remove({ actor, key: draft.key, id, dueAt }));
	};
	const setTimer = (
		draft: Draft,
		timer: { readonly id: string; readonly event: EventObject; readonly delayMs: number },
	): void => {
		const { event, delayMs } = timer;
		// What has no name of its own must not meet another that has none.
		const id = timer.id === '' ? `~${draft.facts.turn}.${draft.changes.length}` : timer.id;
		if (id.length > timerIdMax) throw new ReeveError('internal', `a timer called ${id}`);
		removeTimer(draft, id);
		const policy = policyOf(definition, id);
		const row = timers.make({ actor, key: draft.key, id, event: pack(event), delayMs, policy });
		draft.facts = { ...draft.facts, timers: { ...draft.facts.timers, [id]: row.dueAt } };
		draft.changes.push(timers.put(row));
		draft.afterwards.push(() => timers.arm(row.dueAt));
	};

	const removeStep = (draft: Draft, child: string): void => {
		const { key } = draft;
		const stepId = draft.facts.steps[child];
		if (stepId === undefined) return;
		const { [child]: _, ...rest } = draft.facts.steps;
		draft.facts = { ...draft.facts, steps: rest };
		draft.changes.push(steps.remove({ key, stepId }));
		draft.afterwards.push(() => steps.cancel(stepId));
	};
	const startStep = (
		draft: Draft,
		{ child, src, input }: Extract<Wish, { want: 'step' }>,
	): void => {
		const name = { key: draft.key, stepId: newId(clock), child };
		removeStep(draft, child);
		draft.facts = { ...draft.facts, steps: { ...draft.facts.steps, [child]: name.stepId } };
		draft.changes.push(steps.put(name, src, input));
		// It may have been cancelled by a later turn of the same transaction; then its row is gone.
		draft.afterwards.push(() => steps.start(name, src, input));
	};

	const closeAsk = (draft: Draft, ask: string): void => {
		const id = draft.facts.asks[ask];
		if (id === undefined) return;
		const { [ask]: _, ...rest } = draft.facts.asks;
		draft.facts = { ...draft.facts, asks: rest };
		draft.changes.push(asks.close(id));
	};
	const ask = (draft: Draft, { id: name, timeoutMs, ...outgoing }: Question): void => {
		const { key } = draft;
		const id = newAskId(clock);
		closeAsk(draft, name);
		draft.facts = { ...draft.facts, asks: { ...draft.facts.asks, [name]: id } };
		draft.changes.push(asks.open(id, { actor, key, ask: name }));
		draft.messages.push(messageOf(outgoing, { id, node }));
		removeTimer(draft, `timeout.${name}`);
		if (timeoutMs === undefined) return;
		const event = { type: `timeout.${name}` };
		setTimer(draft, { id: event.type, event, delayMs: timeoutMs });
	};

	const answer: Outputs['answer'] = (draft, request, { result, data }) => {
		const output = data === undefined ? {} : { output: { data: payload(data) } };
		const reply = composeReply(request, { ...output, result }, { clock, node, replies: true });
		if (reply) draft.messages.push(reply);
	};
	const reply = (draft: Draft, data: unknown): void => {
		const result = { outcome: 'done', attempts: draft.attempts } as const;
		const { request } = draft;
		if (!request) {
			answerOldest(draft, data);
			return;
		}
		draft.request = undefined;
		answer(draft, request, { result, data });
	};
	const answerOldest = (draft: Draft, data: unknown): void => {
		const result = { outcome: 'done', attempts: 1 } as const;
		const [oldest, ...owed] = draft.facts.owed;
		if (!oldest) return;
		draft.facts = { ...draft.facts, owed };
		answer(draft, oldest, { result, data });
	};

	const effect = (draft: Draft, event: EventObject): void => {
		const { key } = draft;
		const wanted = event as Effect;
		switch (wanted.type) {
			case 'reeve.send':
				draft.messages.push(messageOf(wanted.message, { id: newId(clock), node }));
				return;
			case 'reeve.ask':
				ask(draft, wanted.question);
				return;
			case 'reeve.reply':
				reply(draft, wanted.data);
				return;
			case 'reeve.answer':
				answerOldest(draft, wanted.data);
				return;
			case 'reeve.alert': {
				const { severity, text } = wanted;
				draft.afterwards.push(() => signals.emit('alert.raised', { actor, key, severity, text }));
				return;
			}
			case 'reeve.publish':
				draft.afterwards.push(() => parts.publish(wanted.topic, wanted.data));
				return;
			default:
				draft.afterwards.push(() =>
					signals.emit('instance.emitted', { actor, key, event: event.type }),
				);
		}
	};

	const grantOne = (draft: Draft, wish: Wish): void => {
		switch (wish.want) {
			case 'effect':
				effect(draft, wish.event);
				return;
			case 'timer':
				setTimer(draft, wish);
				return;
			case 'cancel':
				removeTimer(draft, wish.id);
				return;
			case 'step':
				startStep(draft, wish);
				return;
			case 'stop':
				removeStep(draft, wish.child);
				return;
			case 'log': {
				const { text } = wish;
				const from = draft.key === '' ? actor : `${actor}/${draft.key}`;
				draft.afterwards.push(() => signals.emit('console.printed', { from, text }));
				return;
			}
			case 'volatile':
				draft.afterwards.push(wish.run);
		}
	};

	return {
		draft: (about) => ({
			...about,
			messages: [],
			changes: [],
			snapshot: undefined,
			afterwards: [],
		}),
		grant(draft, wishes) {
			for (const wish of wishes) grantOne(draft, wish);
			if (draft.facts.owed.length > config.owedRepliesMax) {
				throw new ReeveError('internal', `more than ${config.owedRepliesMax} messages wait for it`);
			}
		},
		answer,
		clear(draft) {
			for (const id of Object.keys(draft.facts.timers)) removeTimer(draft, id);
			for (const child of Object.keys(draft.facts.steps)) removeStep(draft, child);
			for (const name of Object.keys(draft.facts.asks)) closeAsk(draft, name);
		},
		removeTimer,
		closeAsk,
		moveTimer(draft, from, to) {
			if (draft.facts.timers[from.id] !== from.dueAt) return;
			removeTimer(draft, from.id);
			draft.facts = { ...draft.facts, timers: { ...draft.facts.timers, [to.id]: to.dueAt } };
			draft.changes.push(timers.put(to));
			draft.afterwards.push(() => timers.arm(to.dueAt));
		},
		removeStep,
	};
}

/** `after` timers are called `xstate.after.<delay>.<state>`. */
function policyOf({ timers }: ActorDefinition, id: string): TimerPolicy {
	const named = timers[id];
	if (named) return named;
	const delay = /^xstate\.after\.([^.]+)\./.exec(id)?.[1] ?? '';
	return timers[delay] ?? 'absolute';
}

function messageOf(outgoing: Outgoing, { id, node }: { id: string; node: string }): Message {
	const {
		to: toNode = node,
		args: methodArgs = [],
		kind = 'CommandACK',
		event,
		...rest
	} = outgoing;
	const given = Object.entries(rest).filter(([, value]) => value !== undefined);
	const fields: Partial<Message> = Object.fromEntries(given);
	return {
		...fields,
		...(event ? { data: JSON.stringify(event) } : {}),
		method: outgoing.method,
		id,
		fromNode: node,
		toNode,
		kind,
		methodArgs,
	};
}

function payload(data: unknown): string | Uint8Array {
	if (typeof data === 'string' || data instanceof Uint8Array) return data;
	return JSON.stringify(data) ?? '';
}
