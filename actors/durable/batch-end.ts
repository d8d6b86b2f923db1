/**
 * The end of a batch: what is written of its instances once all their turns are taken, and what
 * follows when that is on disk.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Result } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Receipts } from '../../runtime/ledger/receipts.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Batch } from './batch.ts';
import { release, type Cause } from '../turn/trigger.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { packInstance } from '../turn/instance.ts';
import type { Recorder } from '../turn/turn-recorder.ts';
import type { Mover } from '../turn/machine-step.ts';

/** What batches are ended with. */
export interface BatchEndParts {
	readonly node: string;
	readonly clock: Clock;
	readonly definition: ActorDefinition;
	readonly signals: Signals;
	readonly receipts: Receipts;
	readonly mover: Mover;
	readonly recorder: Recorder | undefined;
}

/** The end that {@link createBatchEnd} makes. */
export interface BatchEnd {
	/**
	 * Adds what is written once for all: the state and the record of each instance, as of its last
	 * turn, receipts, and shared outcomes.
	 */
	seal(batch: Batch): void;
	/** Does what was to be done when all of it is on disk. */
	finish(batch: Batch): void;
}

/** Creates the end of the batches of one actor. */
export function createBatchEnd(parts: BatchEndParts): BatchEnd {
	const { definition, signals, receipts, mover, recorder } = parts;
	const { name: actor } = definition;
	return {
		seal({ written, changes, outcomes, messages, ended }) {
			for (const message of outcomes.messages(parts)) messages.push(message);
			// What is packed here need not be kept while the disk writes.
			for (const change of receipts.add(ended.splice(0))) changes.push(change);
			for (const [{ key, snapshot, facts }, { turns, packed }] of written) {
				const place = { table: 'snapshots', key: [actor, key] } as const;
				// Without a state it has come to its end, and is to be forgotten.
				if (!snapshot) changes.push(place);
				else {
					const bytes = packed ?? packInstance(definition, mover.store(snapshot), facts);
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
function reportOf(method: string, { mail, attempts, event }: Cause, result: Result) {
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
