/**
 * The runtime of a host, composed of its parts: it turns messages, due timers and ended steps into
 * triggers and hands them to the turn scheduler.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Asks } from '../../runtime/pending/asks.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { asReeveError, ReeveError } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { PassPoint } from '../../runtime/platform/crash-points.ts';
import { readMailboxRow, type MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { readStart, startRemoval } from '../../runtime/mailbox/start-rows.ts';
import type { Mailbox } from '../../runtime/mailbox/mailbox.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import type { Receipts } from '../../runtime/ledger/receipts.ts';
import type { PrintOnConsole } from '../../runtime/observability/console.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { TimerRow, Timers } from '../../runtime/pending/timers.ts';
import { deferred } from '../../runtime/platform/deferred.ts';
import { ignoreIfFenced } from '../../runtime/journal/fencing.ts';
import { timerEvent, type AskDiagnosis } from './ask-timeout.ts';
import {
	isAwaited,
	markOf,
	markText,
	messageTrigger,
	release,
	type Trigger,
} from '../turn/trigger.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { createTurnScheduler } from './turn-scheduler.ts';
import { eventKnower } from '../definition/event-message.ts';
import { createInstanceTurns } from '../turn/turn.ts';
import { loadBare, readInstance, restoreInstance } from '../turn/instance.ts';
import { runningSteps } from '../turn/running-steps.ts';
import { createInstanceCache, type Left } from './instance-cache.ts';
import { createMailboxReader } from './mailbox-reader.ts';
import { createTurnRecorder } from '../turn/turn-recorder.ts';
import type { RunAs, StepName } from '../turn/turn-draft.ts';
import { createStepRunner, type StepResult } from './step-runner.ts';
import { createRun } from './trigger-run.ts';
import { createEffectHandlers } from '../turn/effect-handlers.ts';
import { createMachineStepper } from '../turn/machine-step.ts';
import { createMonitors } from './monitors.ts';
import { createBatchEnd } from './batch.ts';
import type { Key } from '../../runtime/journal/schema.ts';

/** What the runtime of a host needs. */
export interface HostRuntimeParts {
	readonly node: string;
	readonly definition: ActorDefinition;
	readonly mailbox: Mailbox;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly router: MessageRouter;
	readonly receipts: Receipts;
	readonly timers: Timers;
	readonly asks: Asks;
	readonly publish: (topic: string, data: string) => void;
	/** Prints on the console of the node. */
	readonly print: PrintOnConsole;
	/** Resolves when turns may be taken: the crash recovery of the node's methods is over. */
	readonly mayRun: Promise<void>;
	/** Why an ask has no answer yet; without it, the reason is always `deadline`. */
	readonly askDiagnosis?: AskDiagnosis;
	/** Called with an error of the host itself. */
	readonly broken: (thrown: unknown) => void;
	/** Where specs let the node die, see `crash-points.ts`. */
	readonly passPoint?: PassPoint;
	/** Finds the code of an error that is not caught. */
	readonly runAs?: RunAs;
}

/** The runtime of one host. */
export interface HostRuntime {
	/** Resumes what an earlier process or host has left, then takes what comes. */
	open(): Promise<void>;
	/**
	 * Stops taking turns. Running steps get `stopTimeout` to end; those that do not are resumed
	 * after a restart.
	 */
	drain(): Promise<void>;
	/** Called when the host is dead: nothing that it began has an effect any more. */
	fence(): void;
	/** How many instances are in memory, and how many are parked. */
	counts(): { readonly active: number; readonly parked: number };
	/** Why instances are parked, by their keys. */
	parked(): ReadonlyMap<string, string>;
	/**
	 * Takes a parked instance into use again, with all that waits for it. If `isFresh`, it begins
	 * anew first, which is on disk when this resolves. Resolves with how many triggers waited.
	 *
	 * Both are tried out first; if that fails, all stays as it is.
	 *
	 * @throws ReeveError `not_found` if it is not parked; `actor_parked`, `step_without_state`,
	 * `actor_crashed`, or what refuses its first turn, if it would be parked again at once;
	 * `stopping` if the host ends meanwhile
	 */
	unpark(key: string, isFresh: boolean): Promise<number>;
}

/** Composes the runtime of a host. Nothing runs before it is opened. */
export function createHostRuntime(parts: HostRuntimeParts): HostRuntime {
	const { definition, mailbox, journal, config, timers } = parts;
	const { name: actor } = definition;
	const { scheduler, instances, steps, stepper, turns, monitors } = assemble(
		parts,
		(name, result) => {
			scheduler.offer(stepTrigger(name, result, startsBefore));
		},
	);
	let startsBefore: ReadonlyMap<string, number> = new Map();
	let closeTimers: () => void = () => {};
	const ending = deferred<never>();
	ending.promise.catch(ignoreIfFenced);
	let isEnding = false;
	/** Ends what waits for turns: none is taken any more. */
	const end = (): void => ending.reject(new ReeveError('stopping', actor));

	const reader = createMailboxReader(
		{ journal, mailbox, turnsAheadMax: config.turnsAheadMax },
		(trigger) => {
			if (monitors.take(trigger)) release(trigger);
			else scheduler.offer(trigger);
		},
	);
	const fire = (row: TimerRow): void => {
		const now = journal.now();
		const renewed = timers.renewed(row);
		const postponed = renewed !== row && renewed.dueAt > now ? { postponed: renewed } : {};
		const mark = ['timer', row.key, row.id, row.dueAt];
		const offer = (event: EventObject): void =>
			scheduler.offer(
				triggerOf({ key: row.key, mark, event, timer: row, ...postponed }, startsBefore),
			);
		const event = timerEvent({ journal, actor, why: parts.askDiagnosis }, row);
		if (event instanceof Promise) event.then(offer).catch(parts.broken);
		else offer(event);
	};

	/** Throws if the instance would be parked again at once. */
	const tryOut = (key: string, isFresh: boolean): void => {
		if (isFresh) {
			try {
				turns.restart(loadBare(parts, key, parts.clock.monotonic()));
			} catch (thrown) {
				throw asReeveError(thrown, 'actor_crashed');
			}
			return;
		}
		const stored = readInstance(journal, actor, key);
		if (!stored) return;
		const running = runningSteps(journal, { actor, key, steps: stored.steps });
		restoreInstance({ definition, stepper }, stored, running);
	};
	/** A trigger whose starts are counted anew: at their limit it would park its instance again. */
	const uncounted = (trigger: Trigger): Trigger => {
		if (trigger.attempts === 0) return trigger;
		const removal = startRemoval([actor, ...markOf(trigger)]);
		journal.commit([removal], 'committed').catch(ignoreIfFenced);
		return { ...trigger, attempts: 0 };
	};
	const beginAnew = (key: string): Promise<void> =>
		new Promise((done, failed) => {
			const trigger = triggerOf({ key, mark: ['anew', key], event: undefined }, new Map());
			scheduler.offer({ ...trigger, anew: { done, failed } });
		});

	/**
	 * Offers the messages that were running at the crash, oldest first. Returns their arrivals, so
	 * that the mailbox reader leaves them out.
	 */
	const offerInterrupted = (): ReadonlySet<number> => {
		const taken = new Map<number, MailboxRow>();
		for (const text of startsBefore.keys()) {
			const [arrival] = JSON.parse(text) as Key;
			if (typeof arrival !== 'number') continue;
			const row = readMailboxRow(journal, [actor, arrival]);
			if (row) taken.set(arrival, row);
		}
		for (const row of [...taken.values()].toSorted((one, other) => one.arrival - other.arrival)) {
			const trigger = messageTrigger(row);
			trigger.attempts = startsBefore.get(markText(markOf(trigger))) ?? 0;
			trigger.runsAlone = true;
			parts.signals.emit('replay.decided', { id: row.id, method: actor, decision: 'redeliver' });
			scheduler.offer(trigger);
		}
		return new Set(taken.keys());
	};

	return {
		async open() {
			// What an earlier host has committed must be visible before anything is read.
			await journal.commit([], 'committed');
			await parts.mayRun;
			if (isEnding) return;
			mailbox.reset();
			startsBefore = scheduler.startsBefore();
			const taken = offerInterrupted();
			steps.resume();
			closeTimers = timers.open(actor, fire);
			reader.open(taken);
			if (definition.autostart) {
				scheduler.offer(
					triggerOf({ key: '', mark: ['start', ''], event: undefined }, startsBefore),
				);
			}
		},
		async drain() {
			isEnding = true;
			reader.close();
			closeTimers();
			await steps.stop(config.stopTimeout * 1000);
			await scheduler.drain();
			end();
			monitors.stop();
			instances.stop();
		},
		fence() {
			isEnding = true;
			reader.fence();
			closeTimers();
			scheduler.fence();
			end();
			monitors.stop();
			instances.stop();
			void steps.stop(0);
		},
		counts: () => instances.counts(),
		parked: () => instances.parked(),
		async unpark(key, isFresh) {
			if (!instances.parked().has(key)) throw new ReeveError('not_found', `${actor}/${key}`);
			tryOut(key, isFresh);
			const left = instances.unpark(key, isFresh);
			const begun = isFresh ? beginAnew(key) : undefined;
			for (const each of left) {
				const trigger = leftTrigger(each, { journal, actor });
				if (trigger) scheduler.offer(isAwaited(trigger) ? uncounted(trigger) : trigger);
			}
			if (begun) await Promise.race([begun, ending.promise]);
			const mode = isFresh ? 'fresh' : 'resume';
			parts.signals.emit('instance.unparked', { actor, key, mode, waiting: left.length });
			return left.length;
		},
	};
}

/** Creates the parts of a host that need one another. */
function assemble(parts: HostRuntimeParts, ended: (name: StepName, result: StepResult) => void) {
	const { node, definition, clock, journal, config } = parts;
	const { name, version, machine, volatile } = definition;
	const { microstepsMax, snapshotBytesMax, turnsBatchMax, turnsBatchMsMax } = config;
	const stepper = createMachineStepper({ name, machine, volatile, microstepsMax });
	const steps = createStepRunner({ ...parts, ended });
	const effects = createEffectHandlers({ ...parts, steps });
	const recorder = createTurnRecorder({ actor: name, version, clock, journal, config });
	const monitors = createMonitors({ ...parts, actor: name, instances: () => instances });
	const turns = createInstanceTurns({
		node,
		clock,
		definition,
		stepper,
		effects,
		recorder,
		snapshotBytesMax,
		ended: (draft, reason) => monitors.tell(draft, reason),
	});
	const instances = createInstanceCache({ ...parts, stepper });
	const knows = eventKnower(definition);
	const run = createRun({ ...parts, steps, effects, turns, knows });
	const scheduler = createTurnScheduler({
		...parts,
		instances,
		run,
		end: createBatchEnd({ ...parts, stepper, recorder }),
		defers: (instance, event) => turns.deferral.defers(instance, event),
		turnsBatchMax,
		turnsBatchMsMax,
	});
	return { scheduler, instances, steps, stepper, turns, monitors };
}

/** The trigger that was left for a parked instance; undefined if its message is gone. */
function leftTrigger(
	left: Left,
	{ journal, actor }: { readonly journal: Journal; readonly actor: string },
): Trigger | undefined {
	if (typeof left !== 'number') return { ...left, runsAlone: false };
	const row = readMailboxRow(journal, [actor, left]);
	if (!row) return undefined;
	const start = readStart(journal, [actor, left]);
	const trigger = messageTrigger(row);
	return { ...trigger, attempts: start?.attempts ?? 0 };
}

type Given = Pick<Trigger, 'key' | 'event' | 'timer' | 'postponed' | 'step'> & {
	readonly mark: Key;
};

/**
 * A trigger that is not a message. It needs no `held`: it is on disk until its turn removes it.
 */
function triggerOf(given: Given, startsBefore: ReadonlyMap<string, number>): Trigger {
	const attempts = startsBefore.get(markText(given.mark)) ?? 0;
	return { ...given, attempts, runsAlone: attempts > 0 };
}

function stepTrigger(
	{ key, child, stepId }: StepName,
	result: StepResult,
	startsBefore: ReadonlyMap<string, number>,
): Trigger {
	const event =
		'error' in result
			? { type: `xstate.error.actor.${child}`, error: result.error, actorId: child }
			: { type: `xstate.done.actor.${child}`, output: result.output, actorId: child };
	return triggerOf(
		{ key, mark: ['step', key, stepId], event, step: { child, stepId } },
		startsBefore,
	);
}
