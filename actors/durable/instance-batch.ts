/**
 * Instance batches: the triggers of one instance within a batch. They run in order, until one of
 * them holds up the rest: it is tried again, has parked the instance, or has led to a state for
 * which deferred triggers waited; or until the batch has taken its time, because nothing else runs
 * in the node meanwhile.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import { release, type Trigger } from '../turn/trigger.ts';
import type { Instance } from '../turn/instance.ts';
import type { InstanceCache } from './instance-cache.ts';
import type { Batch } from './batch.ts';
import type { Run } from './trigger-run.ts';

/** Triggers of one instance, in order. */
export interface InstanceBatch {
	readonly instance: Instance;
	readonly triggers: readonly Trigger[];
}

/** What instance batches are run with. */
export interface InstanceBatchParts {
	readonly clock: Clock;
	readonly instances: InstanceCache;
	readonly run: Run;
	/** Queues an instance for the next batch, if it has triggers. */
	readonly list: (instance: Instance) => void;
	/** Whether turns are still taken. */
	readonly isOpen: () => boolean;
}

/** The pause before a failed event is tried again, for each failure so far. */
const crashPauseMs = 200;

/** Creates the function that runs the instance batches of one actor. */
export function createInstanceBatchRun(
	parts: InstanceBatchParts,
): (instanceBatch: InstanceBatch, batch: Batch) => void {
	const { clock, instances, run, list, isOpen } = parts;

	const pause = (instance: Instance, attempts: number): void => {
		instance.isPausing = true;
		clock.after(crashPauseMs * attempts, () => {
			instance.isPausing = false;
			if (isOpen()) list(instance);
		});
	};
	const park = (instance: Instance, reason: string): void => {
		instances.park(instance.key, reason);
		for (const trigger of [...instance.deferred.splice(0), ...instance.queue.splice(0)]) {
			instances.leave(instance.key, trigger);
			release(trigger);
		}
	};

	return ({ instance, triggers }, batch) => {
		for (const [index, trigger] of triggers.entries()) {
			if (clock.monotonic() >= batch.endsAt) {
				instance.queue.unshift(...triggers.slice(index));
				list(instance);
				return;
			}
			const before = instance.snapshot?.value as unknown;
			const fate = run(instance, trigger, batch);
			if (fate === 'settled') {
				if (instance.deferred.length === 0 || isSame(before, instance.snapshot?.value)) continue;
			}
			const rest = triggers.slice(index + 1);
			if (fate === 'settled') {
				// What waited for another state comes before everything that arrived after it.
				instance.queue.unshift(...instance.deferred.splice(0), ...rest);
			} else if (fate === 'deferred') {
				instance.deferred.push(trigger);
				release(trigger);
				continue;
			} else if (fate === 'failed') {
				instance.queue.unshift(trigger, ...rest);
				pause(instance, trigger.attempts);
			} else {
				instance.queue.unshift(trigger, ...rest);
				park(instance, fate.parked);
				return;
			}
			list(instance);
			return;
		}
	};
}

function isSame(one: unknown, other: unknown): boolean {
	return one === other || JSON.stringify(one) === JSON.stringify(other);
}
