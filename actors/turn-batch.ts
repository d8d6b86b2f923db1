/**
 * Batches: the turns that share a transaction, and how each cause in it ends. A turn is moved in memory
 * first and written with all others of its batch; a machine that throws leaves nothing of its turn.
 *
 * @module
 */
import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../runtime/config.ts';
import type { Message, Result } from '../runtime/envelope.ts';
import { asReeveError, ReeveError, type ErrorCode } from '../runtime/errors.ts';
import { newId } from '../runtime/identity.ts';
import type { Change, Journal } from '../runtime/journal.ts';
import type { Mailbox } from '../runtime/mailbox.ts';
import { pack } from '../runtime/packing.ts';
import type { Signals } from '../runtime/signal.ts';
import type { Timers } from '../runtime/timers.ts';
import type { Cause } from './cause.ts';
import type { ActorDefinition } from './definition.ts';
import type { InstanceTurns, Turned } from './instance-turn.ts';
import type { Instance } from './instance.ts';
import type { StepRunner } from './step-runner.ts';
import type { Outputs } from './turn-output.ts';

/** What batches work with. */
export interface BatchParts {
	readonly node: string;
	readonly definition: ActorDefinition;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly mailbox: Mailbox;
	readonly timers: Timers;
	readonly steps: StepRunner;
	readonly outputs: Outputs;
	readonly turns: InstanceTurns;
	/** Whether the machine has any use for events of this type. */
	readonly knows: (type: string) => boolean;
}

/** What a batch adds up to. */
export interface Batch {
	readonly messages: Message[];
	readonly changes: Change[];
	/** Where in them each instance is written. */
	readonly written: Map<Instance, number>;
	/** To be done when all of it is on disk. */
	readonly afterwards: (() => void)[];
}

/** What became of a cause: it is settled, waits for another state, or must be tried again; or the instance is parked. */
export type Fate = 'settled' | 'deferred' | 'failed' | 'parked';

/** Takes the turn of a cause, into a batch. */
export type Run = (instance: Instance, cause: Cause, batch: Batch) => Fate;

/** Creates what runs the causes of one actor. */
export function createRun(parts: BatchParts): Run {
	const { definition, journal, clock, config, signals, turns, outputs, knows } = parts;
	const { name: actor } = definition;
	const remove = createRemoval(parts);

	/** Takes a turn over into memory. From here on the next turn builds on it. */
	const adopt = (instance: Instance, turned: Turned, batch: Batch): void => {
		const { draft, snapshot, facts } = turned;
		instance.snapshot = snapshot;
		instance.facts = facts;
		instance.unflushed += 1;
		for (const message of draft.messages) batch.messages.push(message);
		for (const change of draft.changes) batch.changes.push(change);
		if (draft.snapshot) {
			const at = batch.written.get(instance) ?? batch.changes.length;
			batch.changes[at] = draft.snapshot;
			batch.written.set(instance, at);
		}
		batch.afterwards.push(() => {
			instance.unflushed -= 1;
			for (const run of draft.afterwards) run();
		});
	};

	/** Ends a message without a turn. */
	const settle = (instance: Instance, cause: Cause, { result, batch }: Settling): Fate => {
		const { mail } = cause;
		remove(cause, batch);
		if (mail?.message && !mail.row.answer) {
			const about = { key: instance.key, request: undefined, attempts: cause.attempts };
			const draft = outputs.draft({ ...about, facts: instance.facts });
			outputs.mail.answer(draft, mail.message, { result });
			batch.messages.push(...draft.messages);
		}
		batch.afterwards.push(() => signals.emit('call.ended', reportOf(actor, cause, result)));
		return 'settled';
	};

	/** Why a message gets no turn; undefined if it gets one. */
	const objection = (instance: Instance, cause: Cause): Result | undefined => {
		const { mail, event, attempts } = cause;
		if (!mail) return undefined;
		const { row, message } = mail;
		if (event instanceof ReeveError) return failed(event.code, event.detail);
		if (row.answer) return undefined;
		if (!message) return failed('bad_frame', row.id);
		if (row.deadline <= clock.now() && attempts === 1) {
			return { outcome: 'expired', code: 'expired', attempts: 0 };
		}
		if (event && !knows(event.type)) return failed('unknown_event', `${event.type} at ${actor}`);
		const isDone = instance.snapshot?.status === 'done';
		return isDone ? failed('actor_done', `${actor}/${instance.key}`) : undefined;
	};

	/** The last attempt has failed: the message goes to the dead letters, and the next one has its turn. */
	const bury = (instance: Instance, cause: Cause, { thrown, batch }: Failing): Fate => {
		const { attempts, mail, event } = cause;
		const { turn } = instance.facts;
		const value = {
			id: mail?.row.id ?? '',
			fromNode: mail?.row.from ?? '',
			method: actor,
			key: instance.key,
			body: mail?.row.body ?? pack(event),
			at: clock.now(),
			outcome: 'failed',
			code: 'max_attempts',
			attempts,
			version: definition.version,
			turn,
			reason: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
		};
		batch.changes.push({ table: 'dead', key: [newId(clock)], value });
		if (!mail || mail.row.answer) {
			adopt(instance, turns.take(instance, { ...cause, event: undefined }), batch);
		}
		const { detail } = asReeveError(thrown, 'actor_crashed');
		const result = { ...failed('max_attempts', detail), attempts };
		return settle(instance, cause, { result, batch });
	};

	const isTooMuch = (instance: Instance): boolean => {
		const now = clock.monotonic();
		const since = now - definition.period * 1000;
		instance.faults = [...instance.faults.filter((at) => at >= since), now];
		return instance.faults.length > definition.intensity;
	};

	/** The machine threw. Its instance is where it was before, or begins anew. */
	const fail = (instance: Instance, cause: Cause, failing: Failing): Fate => {
		const { batch, thrown } = failing;
		const { attempts, mail, event } = cause;
		const { recovery } = definition;
		const isFresh = recovery === 'fresh' || (recovery === 'ladder' && attempts > 1);
		signals.emit('instance.failed', {
			actor,
			key: instance.key,
			event: event instanceof ReeveError ? '' : (event?.type ?? 'start'),
			detail: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
			attempts,
			recovery: isFresh ? 'fresh' : 'resume',
		});
		if (isTooMuch(instance)) return 'parked';
		if (isFresh) adopt(instance, turns.restart(instance), batch);
		if (mail?.row.volatile || attempts >= config.attemptsMax) return bury(instance, cause, failing);
		const key = [actor, ...cause.mark];
		const value = { epoch: journal.epoch, attempts };
		batch.changes.push({ table: 'started', key, value });
		return 'failed';
	};

	return (instance, cause, batch) => {
		const { event, mail } = cause;
		cause.attempts += 1;
		if (mail && event && !(event instanceof ReeveError) && turns.defers(instance, event)) {
			cause.attempts -= 1;
			return 'deferred';
		}
		const result = objection(instance, cause);
		if (result) return settle(instance, cause, { result, batch });
		try {
			if (cause.attempts > config.attemptsMax) {
				const thrown = new ReeveError('interrupted', 'the process died while it was handled');
				return bury(instance, { ...cause, attempts: config.attemptsMax }, { thrown, batch });
			}
			const turned = turns.take(instance, cause);
			adopt(instance, turned, batch);
			remove(cause, batch);
			const done = { outcome: 'done', attempts: cause.attempts } as const;
			if (mail) {
				batch.afterwards.push(() => signals.emit('call.ended', reportOf(actor, cause, done)));
			}
			return 'settled';
		} catch (thrown) {
			return fail(instance, cause, { thrown, batch });
		}
	};
}

interface Settling {
	readonly result: Result;
	readonly batch: Batch;
}

interface Failing {
	readonly thrown: unknown;
	readonly batch: Batch;
}

function failed(code: ErrorCode, detail: string): Result {
	return { outcome: 'failed', code, ...(detail ? { detail } : {}) };
}

/** What takes a cause off the disk. */
function createRemoval({ definition, mailbox, timers, steps }: BatchParts) {
	return (cause: Cause, batch: Batch): void => {
		const { mail, timer, step, attempts } = cause;
		if (mail) {
			for (const change of mailbox.removal(mail.row)) {
				// Only what was tried before has a record of its own.
				if (change.table !== 'started' || attempts > 1) batch.changes.push(change);
			}
			return;
		}
		if (timer) batch.changes.push(timers.remove(timer));
		if (step) batch.changes.push(steps.remove({ key: cause.key, stepId: step.stepId }));
		if (attempts > 1) {
			batch.changes.push({ table: 'started', key: [definition.name, ...cause.mark] });
		}
		if (timer) batch.afterwards.push(() => timers.removed(timer));
	};
}

/** What the signal tells. */
function reportOf(method: string, { mail, attempts, event }: Cause, result: Result) {
	const { outcome, code = '', detail = '' } = result;
	return {
		id: mail?.row.id ?? '',
		method,
		from: mail?.row.from ?? '',
		outcome,
		tookMs: 0,
		attempts,
		code,
		detail,
		stderr: '',
		methodArgs: event && !(event instanceof ReeveError) ? [event.type] : [],
	};
}
