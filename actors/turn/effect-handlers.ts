/**
 * The effect handlers: each turns one kind of effect request into messages, changes and functions
 * of the turn draft.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import { ReeveError, traceOf } from '../../runtime/platform/errors.ts';
import { checkTopic } from '../../runtime/message/topics.ts';
import { createTurnMessages, type TurnMessages } from './turn-messages.ts';
import { createTurnStepRows, createTurnTimers, type TurnStepRows } from './turn-timers.ts';
import type { TurnTimers } from './turn-timers.ts';
import { plainly, type TurnDraft, type TurnDraftParts } from './turn-draft.ts';
import type { Effect } from '../definition/effects.ts';
import type { EffectRequest } from './machine-step.ts';

/** The method of central that takes alerts, like all other errors of a fleet. */
const alertMethod = 'REQErrorLog';

type Publication = Extract<Effect, { readonly type: 'reeve.publish' }>;
type Alert = Extract<Effect, { readonly type: 'reeve.alert' }>;

/** The effect handlers of one actor. */
export interface EffectHandlers {
	/** Creates an empty draft. */
	draft(about: Pick<TurnDraft, 'key' | 'request' | 'principals' | 'attempts' | 'facts'>): TurnDraft;
	/** Adds the effect requests of a move to the draft. */
	apply(draft: TurnDraft, effectRequests: readonly EffectRequest[]): void;
	/** Removes all timers, steps and asks of the instance, which has ended or begins anew. */
	clear(draft: TurnDraft): void;
	readonly timers: TurnTimers;
	readonly steps: TurnStepRows;
	readonly mail: TurnMessages;
}

/** Creates the effect handlers of one actor. */
export function createEffectHandlers(parts: TurnDraftParts): EffectHandlers {
	const { node, definition, clock, config, signals, runAs = plainly } = parts;
	const { name: actor } = definition;
	const timers = createTurnTimers(parts);
	const steps = createTurnStepRows(parts);
	const mail = createTurnMessages(parts, timers);

	/** The message to central is part of the turn: a crash can neither lose nor repeat it. */
	const alert = (draft: TurnDraft, { severity, text }: Alert): void => {
		const { key } = draft;
		const who = key === '' ? actor : `${actor}/${key}`;
		const at = new Date(clock.now()).toUTCString();
		mail.send(draft, {
			to: config.centralNodeName,
			method: alertMethod,
			kind: 'EventACK',
			data: `${at}, node: ${node}, alert: ${severity}: ${who}: ${text}\n`,
		});
		draft.afterwards.push(() => signals.emit('alert.raised', { actor, key, severity, text }));
	};

	const publish = (draft: TurnDraft, { topic, data }: Publication): void => {
		checkTopic(topic);
		if (typeof data !== 'string' || !data.isWellFormed())
			throw new ReeveError('not_sendable', `data for ${topic} is no text`);
		draft.afterwards.push(() => parts.publish(topic, data));
	};

	const effect = (draft: TurnDraft, event: EventObject): void => {
		const { key } = draft;
		const wanted = event as Effect;
		switch (wanted.type) {
			case 'reeve.send':
				mail.send(draft, wanted.message);
				return;
			case 'reeve.ask':
				mail.ask(draft, wanted.question);
				return;
			case 'reeve.monitor':
				mail.monitor(draft, wanted.monitored);
				return;
			case 'reeve.demonitor':
				mail.demonitor(draft, wanted.id);
				return;
			case 'reeve.reply':
				mail.reply(draft, wanted.data);
				return;
			case 'reeve.answer':
				mail.answerOldest(draft, wanted.data);
				return;
			case 'reeve.alert':
				alert(draft, wanted);
				return;
			case 'reeve.publish':
				publish(draft, wanted);
				return;
			default: {
				const { type } = event;
				draft.afterwards.push(() => signals.emit('instance.emitted', { actor, key, event: type }));
			}
		}
	};

	/** Runs a raw action. Its turn is on disk; an error, now or later, does not end the host. */
	const attempt = ({ key, attempts }: TurnDraft, run: () => void): void => {
		const fail = (thrown: unknown): void => {
			const about = { actor, key, event: 'a raw action', recovery: 'resume' } as const;
			signals.emit('instance.failed', { ...about, detail: traceOf(thrown), attempts });
		};
		try {
			runAs({ fail }, run);
		} catch (thrown) {
			fail(thrown);
		}
	};

	const applyOne = (draft: TurnDraft, effectRequest: EffectRequest): void => {
		switch (effectRequest.want) {
			case 'effect':
				effect(draft, effectRequest.event);
				return;
			case 'timer':
				timers.set(draft, effectRequest);
				return;
			case 'cancel':
				timers.remove(draft, effectRequest.id);
				return;
			case 'step':
				steps.start(draft, effectRequest);
				return;
			case 'stop':
				steps.remove(draft, effectRequest.child);
				return;
			case 'log': {
				const { text } = effectRequest;
				const from = draft.key === '' ? actor : `${actor}/${draft.key}`;
				// The turn is on disk: the console itself tells of a text that it could not print.
				draft.afterwards.push(() => void parts.print(from, text).catch(() => {}));
				return;
			}
			case 'volatile':
				draft.afterwards.push(() => attempt(draft, effectRequest.run));
		}
	};

	return {
		draft: ({ key, request, principals, attempts, facts }) => ({
			key,
			request,
			principals,
			attempts,
			facts,
			messages: [],
			ends: [],
			changes: [],
			afterwards: [],
		}),
		apply(draft, effectRequests) {
			for (const effectRequest of effectRequests) applyOne(draft, effectRequest);
			if (draft.facts.owed.length > config.owedRepliesMax) {
				throw new ReeveError(
					'internal',
					`more than ${config.owedRepliesMax} messages are owed a reply`,
				);
			}
		},
		clear(draft) {
			for (const id of Object.keys(draft.facts.timers)) timers.remove(draft, id);
			for (const child of Object.keys(draft.facts.steps)) steps.remove(draft, child);
			for (const name of Object.keys(draft.facts.asks)) mail.closeAsk(draft, name);
		},
		timers,
		steps,
		mail,
	};
}
