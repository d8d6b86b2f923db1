/**
 * Batches: turns that share a transaction, and what became of the causes in it.
 *
 * @module
 */
import type { Message, Result } from '../../runtime/message/message.ts';
import { type ErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
import type { Receipt, Receipts } from '../../runtime/ledger/receipts.ts';
import { createOutcomeBatch, type OutcomeBatch } from '../../runtime/ledger/outcome-batch.ts';
import { type Trigger, release } from '../turn/trigger.ts';
import { type Instance, packInstance } from '../turn/instance.ts';
import type { KeptTurn, TurnRecorder } from '../turn/turn-recorder.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { MachineStepper } from '../turn/machine-step.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** What a batch adds up to. */
export interface Batch {
	readonly messages: Message[];
	readonly outcomes: OutcomeBatch;
	readonly changes: Change[];
	/** The receipts of the messages that have ended in it. */
	readonly ended: Receipt[];
	/** The instances that have taken turns in it. */
	readonly written: Map<Instance, Written>;
	/** The causes that are to be told of, and what is to be done, when all of it is on disk. */
	readonly afterwards: (Trigger | (() => void))[];
}

/** What is to be written of an instance at the end of a batch, however many turns it has taken. */
export interface Written {
	/** What the flight recorder keeps of its turns. */
	readonly turns: KeptTurn[];
	/** The instance as of its last turn, if that has packed it. */
	packed: Uint8Array | undefined;
}

/** A batch of no turns yet. */
export function emptyBatch(): Batch {
	return {
		messages: [],
		outcomes: createOutcomeBatch(),
		changes: [],
		ended: [],
		written: new Map(),
		afterwards: [],
	};
}

/**
 * A cause is settled, waits for another state, or must be tried again; or the instance is parked.
 */
export type Fate = 'settled' | 'deferred' | 'failed' | 'parked';

/** What a message ends with that gets no turn. */
export interface Settling {
	readonly result: Result;
	readonly batch: Batch;
}

/** A machine that threw. */
export interface Failing {
	readonly thrown: unknown;
	readonly batch: Batch;
}

/** The result of a message that has failed. */
export function failed(code: ErrorCode, detail: string): Result {
	return { outcome: 'failed', code, ...(detail ? { detail } : {}) };
}

/** What batches are ended with. */
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
	 * Adds what is written once for all: the state and the record of each instance, as of its last
	 * turn, receipts, and shared outcomes.
	 */
	complete(batch: Batch): void;
	/** Does what was to be done when all of it is on disk. */
	finish(batch: Batch): void;
}

/** Creates the end of the batches of one actor. */
export function createBatchEnd(parts: BatchEndParts): BatchEnd {
	const { definition, signals, receipts, stepper, recorder } = parts;
	const { name: actor } = definition;
	return {
		complete({ written, changes, outcomes, messages, ended }) {
			for (const message of outcomes.messages(parts)) messages.push(message);
			// What is packed here need not be kept while the disk writes.
			for (const change of receipts.add(ended.splice(0))) changes.push(change);
			for (const [{ key, snapshot, facts }, { turns, packed }] of written) {
				const place = { table: 'snapshots', key: [actor, key] } as const;
				// Without a state it has come to its end, and is to be forgotten.
				if (!snapshot) changes.push(place);
				else {
					const bytes = packed ?? packInstance(definition, stepper.store(snapshot), facts);
					changes.push({ ...place, packed: bytes });
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

/** What the signal tells. */
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
