/**
 * The run of a trigger: takes its turn, or settles its message without one. A turn is taken in
 * memory and written with all others of its batch; if the machine throws, the turn is discarded.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Result } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import { startRemoval } from '../../runtime/mailbox/start-rows.ts';
import { noPrincipals } from '../../runtime/message/principal.ts';
import { refuseRun, type Authority } from '../../runtime/security/authority.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Asks } from '../../runtime/pending/asks.ts';
import type { Timers } from '../../runtime/pending/timers.ts';
import { failed, type Batch, type Fate, type Settling } from './batch.ts';
import { isLeftOver, markOf, type Trigger, doneAfter } from '../turn/trigger.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { createFailure } from './turn-failure.ts';
import type { InstanceTurns, Turned } from '../turn/turn.ts';
import type { Instance } from '../turn/instance.ts';
import type { StepRunner } from './step-runner.ts';
import type { EffectHandlers } from '../turn/effect-handlers.ts';

/** What runs of triggers need. */
export interface BatchParts {
	readonly node: string;
	readonly definition: ActorDefinition;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly mailbox: Mailbox;
	readonly timers: Timers;
	readonly asks: Pick<Asks, 'adopt'>;
	readonly steps: StepRunner;
	readonly effects: EffectHandlers;
	readonly turns: InstanceTurns;
	/** Whether the machine handles or defers events of this type in any state. */
	readonly knows: (type: string) => boolean;
	readonly authority: Pick<Authority, 'runRefusal'>;
}

/** Runs a trigger; what its turn writes and sends is added to the batch. */
export type Run = (instance: Instance, trigger: Trigger, batch: Batch) => Fate;

/** Creates the function that runs the triggers of one actor. */
export function createRun(parts: BatchParts): Run {
	const { definition, journal, config, turns, effects, asks, knows } = parts;
	const { name: actor } = definition;
	/** Adds the receipt of a message, by which audits and repetitions find its outcome. */
	const addReceipt = ({ mail, attempts }: Trigger, { outcome, code }: Result, batch: Batch) => {
		if (!mail || mail.volatile || mail.answer) return;
		const { id, from, at: takenAt, message } = mail;
		const about = { id, from, method: actor, askedBy: message.askedBy };
		batch.ended.push({ ...about, outcome, code, attempts, at: journal.now(), takenAt });
	};
	const remove = createRemoval(parts);

	/** Makes a turn the state of the instance in memory: the next turn builds on it. */
	const adopt = (instance: Instance, turned: Turned, batch: Batch): void => {
		const { draft, snapshot, facts, packed, kept } = turned;
		instance.snapshot = snapshot;
		instance.facts = facts;
		let written = batch.written.get(instance);
		if (!written) {
			written = { turns: [], packed };
			batch.written.set(instance, written);
			instance.unflushed += 1;
		}
		written.packed = packed;
		if (kept) written.turns.push(kept);
		if (draft.asks) asks.adopt(draft.asks);
		for (const message of draft.messages) batch.messages.push(message);
		for (const end of draft.ends) batch.outcomes.add(end);
		for (const change of draft.changes) batch.changes.push(change);
		for (const run of draft.afterwards) batch.afterwards.push(run);
	};

	/** Ends a trigger without a turn. */
	const settle = (instance: Instance, trigger: Trigger, { result, batch }: Settling): Fate => {
		const { mail } = trigger;
		remove(trigger, batch);
		addReceipt(trigger, result, batch);
		if (mail && !mail.answer) {
			const { key, facts } = instance;
			const { attempts } = trigger;
			const about = { key, request: undefined, principals: noPrincipals, attempts, facts };
			const draft = effects.draft(about);
			effects.mail.answer(draft, mail.message, { result });
			batch.messages.push(...draft.messages);
			for (const end of draft.ends) batch.outcomes.add(end);
		}
		trigger.result = mail && result;
		batch.afterwards.push(trigger);
		return 'settled';
	};

	/** The result that refuses an event; undefined if the instance takes it. */
	const objectionTo = (instance: Instance, event: EventObject | undefined): Result | undefined => {
		const refusal = event && refusalOf(event);
		if (refusal) return refusal;
		const isDone = instance.snapshot?.status === 'done';
		return isDone ? failed('actor_done', `${actor}/${instance.key}`) : undefined;
	};

	const refusalOf = (event: EventObject): Result | undefined => {
		if (!knows(event.type)) return failed('unknown_event', `${event.type} at ${actor}`);
		const problem = definition.problemOf(event);
		return problem === undefined ? undefined : failed('bad_arguments', problem);
	};
	/** The result of a trigger that gets no turn; undefined if it gets one. */
	const objection = (instance: Instance, trigger: Trigger): Result | undefined => {
		const { mail, event, attempts } = trigger;
		// Nothing waits for it: the instance has ended, and is forgotten.
		if (!instance.snapshot && isLeftOver(trigger)) return doneAfter(attempts);
		if (!mail) return undefined;
		if (event instanceof ReeveError) return failed(event.code, event.detail);
		if (mail.answer) return undefined;
		const isLate = mail.deadline <= journal.now() && attempts === 1;
		if (isLate) return { outcome: 'expired', code: 'expired', attempts: 0 };
		const refused = refuseRun(parts, mail, actor);
		if (refused) {
			const { code, detail } = refused;
			return { outcome: 'refused', code, attempts: 0, detail };
		}
		return objectionTo(instance, event);
	};

	/** Takes the turn of a trigger, and settles its message. */
	const takeTurn: Run = (instance, trigger, batch) => {
		const { anew, mail, attempts } = trigger;
		adopt(instance, anew ? turns.restart(instance) : turns.take(instance, trigger), batch);
		remove(trigger, batch);
		if (anew) batch.afterwards.push(anew.done);
		const done = doneAfter(attempts);
		addReceipt(trigger, done, batch);
		trigger.result = mail ? done : undefined;
		batch.afterwards.push(trigger);
		return 'settled';
	};

	const defer = (trigger: Trigger): Fate => {
		trigger.attempts -= 1;
		return 'deferred';
	};

	const failure = createFailure({ ...parts, adopt, settle });

	return (instance, trigger, batch) => {
		const { event, mail } = trigger;
		trigger.attempts += 1;
		const mayWait = mail && event && !(event instanceof ReeveError) ? event : undefined;
		if (mayWait && turns.deferral.defers(instance, mayWait)) return defer(trigger);
		const result = objection(instance, trigger);
		if (result) return settle(instance, trigger, { result, batch });
		try {
			if (mayWait && turns.deferral.needsState(instance, mayWait)) {
				adopt(instance, turns.begin(instance, trigger), batch);
				if (turns.deferral.defers(instance, mayWait)) return defer(trigger);
			}
			if (trigger.attempts > config.attemptsMax) {
				const thrown = new ReeveError('interrupted', 'the process died while it was handled');
				const last = { ...trigger, attempts: config.attemptsMax };
				return failure.giveUp(instance, last, { thrown, batch });
			}
			return takeTurn(instance, trigger, batch);
		} catch (thrown) {
			return failure.take(instance, trigger, { thrown, batch });
		}
	};
}

/** Creates the function that removes a trigger from the disk. */
function createRemoval({ definition, mailbox, timers, steps }: BatchParts) {
	return (trigger: Trigger, batch: Batch): void => {
		const { mail, timer, step, attempts } = trigger;
		if (mail) {
			// Only a trigger that was tried before has a start record of its own.
			for (const change of mailbox.removal(mail, attempts > 1)) batch.changes.push(change);
			return;
		}
		if (timer) batch.changes.push(timers.remove(timer));
		if (step) batch.changes.push(steps.remove({ key: trigger.key, stepId: step.stepId }));
		if (attempts > 1) {
			batch.changes.push(startRemoval([definition.name, ...markOf(trigger)]));
		}
		if (timer) batch.afterwards.push(() => timers.removed(timer));
	};
}
