/**
 * The turn scheduler: queues the triggers of one actor by instance and runs them in batches. An
 * instance takes one turn at a time, in the order of its triggers; many instances share a batch,
 * and a batch is one transaction.
 *
 * A start record is written before a batch runs. So after a crash it is known which messages may
 * have been the reason; each of those runs alone and its starts are counted, until it succeeds or
 * goes to the dead letters.
 *
 * @module
 */
import type { EventObject } from 'xstate';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import type { MessageRouter } from '../../runtime/intake/message-router.ts';
import { release, type Trigger } from '../turn/trigger.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import type { Instance } from '../turn/instance.ts';
import type { InstanceCache } from './instance-cache.ts';
import { createInstanceBatchRun, type InstanceBatch } from './instance-batch.ts';
import { createStartRecords } from './start-record.ts';
import { emptyBatch, type Batch, type BatchEnd } from './batch.ts';
import type { Run } from './trigger-run.ts';
import { isFenced } from '../../runtime/journal/fencing.ts';

/** What a turn scheduler needs. */
export interface TurnSchedulerParts {
	readonly definition: ActorDefinition;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly router: MessageRouter;
	readonly instances: InstanceCache;
	readonly run: Run;
	readonly end: BatchEnd;
	/** Whether the state of the instance defers this event. */
	readonly defers: (instance: Instance, event: EventObject) => boolean;
	readonly turnsBatchMax: number;
	readonly turnsBatchMsMax: number;
	/** Called with an error of the host itself, which cannot go on. */
	readonly broken: (thrown: unknown) => void;
}

/** The scheduler that {@link createTurnScheduler} makes. */
export interface TurnScheduler {
	/** How often each trigger that was running at a crash was started, by its mark. */
	startsBefore(): ReadonlyMap<string, number>;
	/** Queues a trigger, and releases it when it has run, is deferred, or has no instance. */
	offer(trigger: Trigger): void;
	/** Drops everything that was begun: it has no effect any more. */
	fence(): void;
	/** Takes no more turns; resolves when those that were taken are on disk. */
	drain(): Promise<void>;
}

/** Creates the turn scheduler of one actor. */
export function createTurnScheduler(parts: TurnSchedulerParts): TurnScheduler {
	const { journal, clock, router, instances, end, broken, turnsBatchMsMax } = parts;
	const starts = createStartRecords(parts);
	const under = new Set<Promise<void>>();
	let isPumping = false;
	let state: 'open' | 'draining' | 'fenced' = 'open';
	const isOpen = () => state === 'open';

	const wake = (): void => {
		if (isPumping || state !== 'open') return;
		isPumping = true;
		// A microtask later, so that the caller can offer all its triggers before a batch is picked.
		queueMicrotask(() => {
			pump()
				.catch(broken)
				.finally(() => {
					isPumping = false;
					if (!ready.isEmpty()) wake();
				});
		});
	};

	const ready = createReadyQueue({ ...parts, wake });
	const runInstanceBatch = createInstanceBatchRun({ ...parts, list: ready.list, isOpen });

	const commit = async (batch: Batch): Promise<void> => {
		end.complete(batch);
		// `splice` frees the lists, which need not be in memory while the disk writes.
		await router.send(batch.messages.splice(0), batch.changes.splice(0));
		if (state === 'fenced') return;
		end.finish(batch);
		instances.evict();
	};
	/**
	 * Stops the scheduler, because memory and disk differ now. That is a failure of the host unless
	 * the process was replaced or is stopping.
	 */
	const endsHere = (thrown: unknown): void => {
		state = 'fenced';
		if (!isFenced(thrown)) broken(thrown);
	};

	/**
	 * Picks the next batch; `unflushed` protects its instances from eviction. A scheduler that has
	 * ended picks none: a start record of its own would hide the message from the next host.
	 */
	const take = (): readonly InstanceBatch[] => {
		if (!isOpen()) return [];
		const instanceBatches = ready.pick();
		for (const { instance } of instanceBatches) instance.unflushed += 1;
		return instanceBatches;
	};
	const run = (instanceBatches: readonly InstanceBatch[]): Batch => {
		const batch = emptyBatch(clock.monotonic() + turnsBatchMsMax);
		for (const instanceBatch of instanceBatches) {
			instanceBatch.instance.unflushed -= 1;
			runInstanceBatch(instanceBatch, batch);
		}
		return batch;
	};
	/** Writes a batch. The next one may run meanwhile. */
	const write = (batch: Batch): Promise<void> => {
		const committed = commit(batch).catch(endsHere);
		under.add(committed);
		void committed.finally(() => under.delete(committed));
		return committed;
	};
	/** Writes the start record of these. */
	const counted = (instanceBatches: readonly InstanceBatch[]): Promise<void> =>
		instanceBatches.length === 0
			? Promise.resolve()
			: journal.commit(starts.of(instanceBatches), 'committed').catch(endsHere);

	async function pump(): Promise<void> {
		let instanceBatches = take();
		await counted(instanceBatches);
		while (isOpen() && instanceBatches.length > 0) {
			const isAlone = instanceBatches[0]?.triggers[0]?.runsAlone ?? false;
			const batch = run(instanceBatches);
			if (isAlone) {
				await write(batch);
				instanceBatches = take();
				await counted(instanceBatches);
				continue;
			}
			// The transaction that ends this batch writes the next start record, perhaps an empty one.
			instanceBatches = take();
			batch.changes.push(...starts.of(instanceBatches));
			void write(batch);
			if (instanceBatches.length > 0) await journal.commit([], 'committed').catch(endsHere);
		}
	}

	return {
		startsBefore: () => starts.read(),
		offer(trigger) {
			const instance = state === 'open' ? instances.use(trigger.key) : undefined;
			if (!instance) {
				if (state === 'open') instances.leave(trigger.key, trigger);
				release(trigger);
				return;
			}
			ready.add(instance, trigger);
		},
		fence() {
			state = 'fenced';
		},
		async drain() {
			if (state === 'open') state = 'draining';
			await Promise.all(under);
			// Empty the start record: what it names and did not run cannot be the reason of a crash.
			if (state === 'draining') await journal.commit(starts.of([]), 'committed').catch(endsHere);
		},
	};
}

/** Creates the queue of instances with triggers, and of the triggers that run alone before them. */
function createReadyQueue({
	instances,
	turnsBatchMax,
	wake,
}: Pick<TurnSchedulerParts, 'instances' | 'turnsBatchMax'> & { readonly wake: () => void }) {
	const queued: Instance[] = [];
	const lone: Trigger[] = [];

	/** Queues an instance for the next batch, if it has triggers. */
	const list = (instance: Instance): void => {
		if (instance.isListed || instance.isPausing || instance.queue.length === 0) return;
		instance.isListed = true;
		queued.push(instance);
		wake();
	};
	/** A batch of this trigger alone; an empty one if its instance is parked. */
	const pickLone = (trigger: Trigger): readonly InstanceBatch[] => {
		const instance = instances.use(trigger.key);
		if (instance) return [{ instance, triggers: [trigger] }];
		instances.leave(trigger.key, trigger);
		release(trigger);
		return [];
	};

	return {
		list,
		isEmpty: () => queued.length + lone.length === 0,
		add(instance: Instance, trigger: Trigger): void {
			if (trigger.runsAlone) {
				lone.push(trigger);
				wake();
			} else {
				instance.queue.push(trigger);
				list(instance);
			}
		},
		/** The next batch: one trigger that runs alone, or all that is ready, up to the limit. */
		pick(): readonly InstanceBatch[] {
			const first = lone.shift();
			if (first) return pickLone(first);
			const instanceBatches: InstanceBatch[] = [];
			let left = turnsBatchMax;
			while (left > 0) {
				const instance = queued.shift();
				if (!instance) break;
				instance.isListed = false;
				const triggers = instance.queue.splice(0, left);
				left -= triggers.length;
				instanceBatches.push({ instance, triggers });
				list(instance);
			}
			return instanceBatches;
		},
	};
}
