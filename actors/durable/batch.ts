/**
 * Batches: turns that share a transaction, and what became of the causes in it.
 *
 * @module
 */
import type { Message, Result } from '../../runtime/message/message.ts';
import type { ErrorCode } from '../../runtime/platform/errors.ts';
import type { Change } from '../../runtime/journal/journal.ts';
import type { Receipt } from '../../runtime/ledger/receipts.ts';
import { createSharedOutcomes, type SharedOutcomes } from '../../runtime/ledger/outcome-batch.ts';
import type { Cause } from '../turn/trigger.ts';
import type { Instance } from '../turn/instance.ts';
import type { KeptTurn } from '../turn/turn-recorder.ts';

/** What a batch adds up to. */
export interface Batch {
	readonly messages: Message[];
	readonly outcomes: SharedOutcomes;
	readonly changes: Change[];
	/** The receipts of the messages that have ended in it. */
	readonly ended: Receipt[];
	/** The instances that have taken turns in it. */
	readonly written: Map<Instance, Written>;
	/** The causes that are to be told of, and what is to be done, when all of it is on disk. */
	readonly afterwards: (Cause | (() => void))[];
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
		outcomes: createSharedOutcomes(),
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

const doneAtOnce: Result = { outcome: 'done', attempts: 1 };

/** The result of a message that is done; one object serves nearly all of them. */
export function doneAfter(attempts: number): Result {
	return attempts === 1 ? doneAtOnce : { outcome: 'done', attempts };
}

/** The result of a message that has failed. */
export function failed(code: ErrorCode, detail: string): Result {
	return { outcome: 'failed', code, ...(detail ? { detail } : {}) };
}
