/**
 * Batches: turns that share a transaction, and what became of the causes in it.
 *
 * @module
 */
import type { Message, Result } from '../runtime/envelope.ts';
import type { ErrorCode } from '../runtime/errors.ts';
import type { Change } from '../runtime/journal.ts';
import { createSharedOutcomes, type SharedOutcomes } from '../runtime/shared-outcomes.ts';
import type { Cause } from './cause.ts';
import type { Instance } from './instance.ts';
import type { KeptTurn } from './recorder.ts';

/** What a batch adds up to. */
export interface Batch {
	readonly messages: Message[];
	readonly outcomes: SharedOutcomes;
	readonly changes: Change[];
	/** The instances that have taken turns in it. */
	readonly written: Map<Instance, Written>;
	/** What is to be told of, or done, when all of it is on disk; in order. */
	readonly afterwards: (Ended | (() => void))[];
}

/** What is to be written of an instance at the end of a batch, however many turns it has taken. */
export interface Written {
	/** What the flight recorder keeps of its turns. */
	readonly turns: KeptTurn[];
	/** The instance as of its last turn, if that has packed it. */
	packed: Uint8Array | undefined;
}

/** A message that has come to its end. */
export interface Ended {
	readonly cause: Cause;
	/** Undefined if the cause is no message: then there is nobody to be told. */
	readonly result: Result | undefined;
}

/** A batch of no turns yet. */
export function emptyBatch(): Batch {
	return {
		messages: [],
		outcomes: createSharedOutcomes(),
		changes: [],
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
