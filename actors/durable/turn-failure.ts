/**
 * Failures of turns: an event at which the machine throws is tried again after a pause. After
 * `attemptsMax` starts it goes to the dead letters, and the next event gets its turn. An error that
 * another attempt cannot avoid ends it at once.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import { asReeveError, ReeveError, type ErrorCode } from '../../runtime/platform/errors.ts';
import { deadLetterChanges, type DeadLetter } from '../../runtime/ledger/dead-letters.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { startChange } from '../../runtime/mailbox/start-rows.ts';
import { packMessage } from '../../runtime/message/codec.ts';
import { packDurable } from '../definition/durable-value.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import { failed, type Batch, type Failing, type Fate, type Settling } from './batch.ts';
import { markOf, type Trigger } from '../turn/trigger.ts';
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
	/** The last attempt has failed: the event goes to the dead letters. */
	giveUp(instance: Instance, trigger: Trigger, failing: Failing): Fate;
}

/** Creates the handling of failures of one actor. */
export function createFailure(parts: FailureParts): Failures {
	const { definition, journal, clock, config, turns, adopt, settle } = parts;
	const { name: actor } = definition;

	const giveUp = (instance: Instance, trigger: Trigger, { thrown, batch }: Failing): Fate => {
		const { attempts, mail } = trigger;
		const code = permanentCode(thrown) ?? 'max_attempts';
		const value = deadLetter(trigger, { definition, instance, thrown, code, at: journal.now() });
		if (!mail || mail.answer) {
			adopt(instance, turns.take(instance, { ...trigger, event: undefined }), batch);
		}
		batch.changes.push(...deadLetterChanges(value, parts));
		const { detail } = asReeveError(thrown, 'actor_crashed');
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
		const { attempts, event } = trigger;
		const { recovery } = definition;
		// In the same state, a permanent error would come again.
		const isLate = attempts > 1 || permanentCode(thrown) !== undefined;
		const isFresh = recovery === 'fresh' || (recovery === 'ladder' && isLate);
		parts.signals.emit('instance.failed', {
			actor,
			key: instance.key,
			event: event instanceof ReeveError ? '' : (event?.type ?? 'start'),
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
			const isFresh = report(instance, trigger, thrown);
			if (isTooMuch(instance)) return 'parked';
			try {
				if (isFresh) adopt(instance, turns.restart(instance), batch);
				const isOver = attempts >= config.attemptsMax || isInVain(trigger, thrown);
				if (mail?.volatile || isOver) {
					return giveUp(instance, trigger, failing);
				}
			} catch {
				// Even the start of the machine throws: the instance waits for a corrected definition.
				return 'parked';
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
	'not_sendable',
	'not_storable',
	'too_large',
];

/** The code of an error that another attempt in the same state cannot avoid. */
function permanentCode(thrown: unknown): ErrorCode | undefined {
	const code = thrown instanceof ReeveError ? thrown.code : undefined;
	return code && permanent.includes(code) ? code : undefined;
}

/** The dead letter of a trigger, with what is needed to inspect it or to send it again. */
function deadLetter({ mail, event, attempts }: Trigger, about: Circumstances): DeadLetter {
	const { definition, instance, thrown, code, at } = about;
	return {
		id: mail?.id ?? '',
		fromNode: mail?.from ?? '',
		method: definition.name,
		key: instance.key,
		body: mail ? packMessage(mail.message) : packDurable(event),
		at,
		outcome: 'failed',
		code,
		attempts,
		version: definition.version,
		turn: instance.facts.turn,
		reason: traceOf(thrown),
	};
}

function traceOf(thrown: unknown): string {
	return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
