/**
 * The output of a turn: grants what a machine has wished for, as entries of the turn's draft.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { createDraftMail, type DraftMail } from './turn-messages.ts';
import { createDraftSteps, createDraftTimers, type DraftSteps } from './turn-timers.ts';
import type { DraftTimers } from './turn-timers.ts';
import type { Draft, DraftParts } from './turn-draft.ts';
import type { Effect } from '../definition/effects.ts';
import type { Wish } from './machine-step.ts';

/** The method that takes alerts, as it takes all that goes wrong in a fleet. */
const alertMethod = 'REQErrorLog';

type Alert = Extract<Effect, { readonly type: 'reeve.alert' }>;

/** The outputs of one actor. */
export interface Outputs {
	draft(about: Pick<Draft, 'key' | 'request' | 'attempts' | 'facts'>): Draft;
	/** Adds what a move of the machine wished for. */
	grant(draft: Draft, wishes: readonly Wish[]): void;
	/** Removes all that the instance waits for: it has ended, or begins anew. */
	clear(draft: Draft): void;
	readonly timers: DraftTimers;
	readonly steps: DraftSteps;
	readonly mail: DraftMail;
}

/** Creates the outputs of one actor. */
export function createOutputs(parts: DraftParts): Outputs {
	const { node, definition, clock, config, signals } = parts;
	const { name: actor } = definition;
	const timers = createDraftTimers(parts);
	const steps = createDraftSteps(parts);
	const mail = createDraftMail(parts, timers);

	/** The message to central is part of the turn: a crash can neither lose it nor double it. */
	const alert = (draft: Draft, { severity, text }: Alert): void => {
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

	const effect = (draft: Draft, event: EventObject): void => {
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
				draft.afterwards.push(() => parts.publish(wanted.topic, wanted.data));
				return;
			default: {
				const { type } = event;
				draft.afterwards.push(() => signals.emit('instance.emitted', { actor, key, event: type }));
			}
		}
	};

	const grantOne = (draft: Draft, wish: Wish): void => {
		switch (wish.want) {
			case 'effect':
				effect(draft, wish.event);
				return;
			case 'timer':
				timers.set(draft, wish);
				return;
			case 'cancel':
				timers.remove(draft, wish.id);
				return;
			case 'step':
				steps.start(draft, wish);
				return;
			case 'stop':
				steps.remove(draft, wish.child);
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
		draft: ({ key, request, attempts, facts }) => ({
			key,
			request,
			attempts,
			facts,
			messages: [],
			ends: [],
			changes: [],
			afterwards: [],
		}),
		grant(draft, wishes) {
			for (const wish of wishes) grantOne(draft, wish);
			if (draft.facts.owed.length > config.owedRepliesMax) {
				throw new ReeveError('internal', `more than ${config.owedRepliesMax} messages wait for it`);
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
