/**
 * Batches: turns that share a transaction, and what became of the causes in it.
 *
 * @module
 */
import type { Message, Result } from '../runtime/envelope.ts';
import type { ErrorCode } from '../runtime/errors.ts';
import type { Change } from '../runtime/journal.ts';
import type { Instance } from './instance.ts';

/** What a batch adds up to. */
export interface Batch {
	readonly messages: Message[];
	readonly changes: Change[];
	/** Where in them each instance is written. */
	readonly written: Map<Instance, number>;
	/** To be done when all of it is on disk. */
	readonly afterwards: (() => void)[];
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
