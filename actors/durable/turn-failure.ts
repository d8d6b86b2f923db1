/**
 * Failures of turns: an event at which the machine throws is tried again after a pause. After
 * `attemptsMax` starts a message goes to the dead letters, and the next event gets its turn. What
 * the instance waits for (the result of a step, a timer, an answer) stays on disk instead and parks
 * the instance: without it, the instance would stay in its state for ever. An error that another
 * attempt cannot avoid ends it at once.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import {
	asReeveError,
	ReeveError,
	reasonOf,
	traceOf,
	type ErrorCode,
} from '../../runtime/platform/errors.ts';
import { deadLetterChanges, type DeadLetter } from '../../runtime/ledger/dead-letters.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { MailboxRow } from '../../runtime/mailbox/mailbox-row.ts';
import { startChange, startRemoval } from '../../runtime/mailbox/start-rows.ts';
import { packMessage } from '../../runtime/message/codec.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import { failed, type Batch, type Failing, type Fate, type Settling } from './batch.ts';
import { isAwaited, markOf, type Trigger } from '../turn/trigger.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import type { InstanceTurns, Turned } from '../turn/turn.ts';
import type { Instance } from '../turn/instance.ts';

/** What the handling of failures needs. */
export interface FailureParts {
	readonly definition: ActorDefinition;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly turns: InstanceTurns;
	readonly adopt: (instance: Instance, turned: Turned, batch: Batch) => void;
	readonly settle: (instance: Instance, trigger: Trigger, settling: Settling) => Fate;
}

/** The failures of one actor. */
export interface Failures {
	/** The machine threw: the instance stays in its state or begins anew, see {@link Recovery}. */
	take(instance: Instance, trigger: Trigger, failing: Failing): Fate;
	/** The last attempt has failed: a message goes to the dead letters, all else parks. */
	giveUp(instance: Instance, trigger: Trigger, failing: Failing): Fate;
}

/** Creates the handling of failures of one actor. */
export function createFailure(parts: FailureParts): Failures {
	const { definition, journal, clock, config, turns, adopt, settle } = parts;
	const { name: actor } = definition;

	const giveUp = (instance: Instance, trigger: Trigger, { thrown, batch }: Failing): Fate => {
		const { attempts, mail } = trigger;
		const code = permanentCode(thrown) ?? 'max_attempts';
		const { detail } = asReeveError(thrown, 'actor_crashed');
		if (!mail || isAwaited(trigger)) return { parked: `${code} at ${nameOf(trigger)}: ${detail}` };
		const value = deadLetter(trigger, mail, {
			definition,
			instance,
			thrown,
			code,
			at: journal.now(),
		});
		batch.changes.push(...deadLetterChanges(value, parts));
		const result = { ...failed(code, detail), attempts };
		return settle(instance, trigger, { result, batch });
	};

	const isTooMuch = (instance: Instance): boolean => {
		const now = clock.monotonic();
		const since = now - definition.period * 1000;
		instance.faults = [...instance.faults.filter((at) => at >= since), now];
		return instance.faults.length > definition.intensity;
	};

	/** Emits a signal about the failure. Returns whether the instance begins anew. */
	const report = (instance: Instance, trigger: Trigger, thrown: unknown): boolean => {
		const { attempts } = trigger;
		const { recovery } = definition;
		// In the same state, a permanent error would come again.
		const isLate = attempts > 1 || permanentCode(thrown) !== undefined;
		const isFresh = recovery === 'fresh' || (recovery === 'ladder' && isLate);
		parts.signals.emit('instance.failed', {
			actor,
			key: instance.key,
			event: nameOf(trigger),
			detail: traceOf(thrown),
			attempts,
			recovery: isFresh ? 'fresh' : 'resume',
		});
		return isFresh;
	};

	/** Whether another attempt would end in the same way: nothing differs but the time. */
	const isInVain = ({ attempts }: Trigger, thrown: unknown): boolean =>
		permanentCode(thrown) !== undefined && (definition.recovery === 'resume' || attempts > 1);

	return {
		take(instance, trigger, failing) {
			const { batch, thrown } = failing;
			const { attempts, mail } = trigger;
			/** What parks its instance is tried anew once that is unparked, or the node restarted. */
			const uncount = (): void => {
				if (attempts > 1) batch.changes.push(startRemoval([actor, ...markOf(trigger)]));
			};
			const isFresh = report(instance, trigger, thrown);
			if (trigger.anew) return { parked: `its start failed: ${reasonOf(thrown)}` };
			if (isTooMuch(instance)) {
				const { intensity, period } = definition;
				uncount();
				return { parked: `it failed more than ${intensity} times in ${period} s` };
			}
			try {
				if (isFresh) {
					adopt(instance, turns.restart(instance, trigger), batch);
					// It has begun anew and waits for nothing.
					if (isAwaited(trigger)) {
						const { code, detail } = asReeveError(thrown, 'actor_crashed');
						return settle(instance, trigger, { result: failed(code, detail), batch });
					}
				}
				const isOver = attempts >= config.attemptsMax || isInVain(trigger, thrown);
				if (mail?.volatile || isOver) {
					if (isAwaited(trigger)) uncount();
					return giveUp(instance, trigger, failing);
				}
			} catch (cause) {
				uncount();
				// Even the start of the machine throws: the instance waits for a corrected definition.
				return { parked: `its start failed: ${reasonOf(cause)}` };
			}
			const value = { epoch: journal.epoch, attempts };
			batch.changes.push(startChange([actor, ...markOf(trigger)], value));
			return 'failed';
		},
		giveUp,
	};
}

interface Circumstances {
	readonly definition: ActorDefinition;
	readonly instance: Instance;
	readonly thrown: unknown;
	readonly code: ErrorCode;
	readonly at: number;
}

/** The errors of a turn that follow from state, event and definition alone. */
const permanent: readonly ErrorCode[] = [
	'bad_declaration',
	'bad_delay',
	'bad_message',
	'bad_name',
	'expression_limit',
	'not_sendable',
	'not_storable',
	'too_large',
];

/** The code of an error that another attempt in the same state cannot avoid. */
function permanentCode(thrown: unknown): ErrorCode | undefined {
	const code = thrown instanceof ReeveError ? thrown.code : undefined;
	return code && permanent.includes(code) ? code : undefined;
}

/** The type of its event. */
function nameOf({ event }: Trigger): string {
	return event instanceof ReeveError ? '' : (event?.type ?? 'start');
}

/** The dead letter of a message, with what is needed to inspect it or to send it again. */
function deadLetter({ attempts }: Trigger, mail: MailboxRow, about: Circumstances): DeadLetter {
	const { definition, instance, thrown, code, at } = about;
	return {
		id: mail.id,
		fromNode: mail.from,
		method: definition.name,
		key: instance.key,
		body: packMessage(mail.message),
		at,
		outcome: 'failed',
		code,
		attempts,
		version: definition.version,
		turn: instance.facts.turn,
		reason: traceOf(thrown),
	};
}
