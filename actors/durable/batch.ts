/**
 * A batch: the turns that share a transaction, with all that they write and send.
 *
 * @module
 */
import type { Message, Result } from '../../runtime/message/message.ts';
import { type ErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
import type { Receipt, Receipts } from '../../runtime/ledger/receipts.ts';
import { createOutcomeBatch, type OutcomeBatch } from '../../runtime/ledger/outcome-batch.ts';
import { type Trigger, release } from '../turn/trigger.ts';
import { instanceChange, packInstance, type Instance } from '../turn/instance.ts';
import type { KeptTurn, TurnRecorder } from '../turn/turn-recorder.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { MachineStepper } from '../turn/machine-step.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** The collected output of turns. */
export interface Batch {
	/** When no more turns are begun in it, by the monotonic clock. */
	readonly endsAt: number;
	readonly messages: Message[];
	readonly outcomes: OutcomeBatch;
	readonly changes: Change[];
	/** The receipts of the messages that end in it. */
	readonly ended: Receipt[];
	/** The instances that have taken turns in it. */
	readonly written: Map<Instance, Written>;
	/** Triggers to report and release, and functions to call, when all of it is on disk. */
	readonly afterwards: (Trigger | (() => void))[];
}

/** What a batch writes of an instance, once for all its turns. */
export interface Written {
	/** What the turn recorder keeps of its turns. */
	readonly turns: KeptTurn[];
	/** The instance as of its last turn, if that turn has packed it. */
	packed: Uint8Array | undefined;
}

/** Creates a batch without turns. */
export function emptyBatch(endsAt: number): Batch {
	return {
		endsAt,
		messages: [],
		outcomes: createOutcomeBatch(),
		changes: [],
		ended: [],
		written: new Map(),
		afterwards: [],
	};
}

/** Why an instance takes no more turns. The trigger at which it was parked stays on disk. */
export interface Parked {
	readonly parked: string;
}

/**
 * What became of a trigger: it is settled, waits for another state, or is tried again; or its
 * instance is parked.
 */
export type Fate = 'settled' | 'deferred' | 'failed' | Parked;

/** The result of a message that gets no turn, and the batch that it ends in. */
export interface Settling {
	readonly result: Result;
	readonly batch: Batch;
}

/** What a machine threw, and the batch of its turn. */
export interface Failing {
	readonly thrown: unknown;
	readonly batch: Batch;
}

/** The result of a message that has failed. */
export function failed(code: ErrorCode, detail: string): Result {
	return { outcome: 'failed', code, ...(detail ? { detail } : {}) };
}

/** What the end of batches needs. */
export interface BatchEndParts {
	readonly node: string;
	readonly clock: Clock;
	readonly definition: ActorDefinition;
	readonly signals: Signals;
	readonly receipts: Receipts;
	readonly stepper: MachineStepper;
	readonly recorder: TurnRecorder | undefined;
}

/** The end that {@link createBatchEnd} makes. */
export interface BatchEnd {
	/**
	 * Adds what a batch writes once for all its turns: the state and the records of each instance,
	 * receipts, and shared outcomes.
	 */
	complete(batch: Batch): void;
	/** Runs the batch's `afterwards`, now that all of it is on disk. */
	finish(batch: Batch): void;
}

/** Creates the end of the batches of one actor. */
export function createBatchEnd(parts: BatchEndParts): BatchEnd {
	const { definition, signals, receipts, stepper, recorder } = parts;
	const { name: actor } = definition;
	return {
		complete({ written, changes, outcomes, messages, ended }) {
			for (const message of outcomes.messages(parts)) messages.push(message);
			// `splice` frees the receipts, which need not be in memory while the disk writes.
			for (const change of receipts.add(ended.splice(0))) changes.push(change);
			for (const [{ key, snapshot, facts }, { turns, packed }] of written) {
				// Without a snapshot it has ended and is forgotten.
				if (!snapshot) changes.push(instanceChange(actor, key));
				else {
					const bytes = packed ?? packInstance(definition, stepper.store(snapshot), facts);
					changes.push(instanceChange(actor, key, bytes));
				}
				if (!recorder) continue;
				for (const change of recorder.write(key, turns.splice(0))) changes.push(change);
			}
		},
		finish({ written, afterwards }) {
			for (const instance of written.keys()) instance.unflushed -= 1;
			for (const each of afterwards) {
				if (typeof each === 'function') {
					each();
					continue;
				}
				if (each.result) signals.emit('call.ended', reportOf(actor, each, each.result));
				release(each);
			}
		},
	};
}

/** The fields of the signal `call.ended`. */
function reportOf(method: string, { mail, attempts, event }: Trigger, result: Result) {
	const { outcome, code = '', detail = '' } = result;
	return {
		id: mail?.id ?? '',
		method,
		from: mail?.from ?? '',
		outcome,
		tookMs: 0,
		attempts,
		code,
		detail,
		stderr: '',
		methodArgs: event && !(event instanceof ReeveError) ? [event.type] : [],
	};
}
