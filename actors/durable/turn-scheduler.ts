/**
 * Dispatch: brings the causes of one actor to its instances. An instance takes one turn at a time,
 * in the order of its causes; many instances share a batch, and a batch shares a transaction.
 *
 * Before a batch runs it is on disk that it does. So after a death of the process it is known which
 * messages may have been the reason; each of those then runs alone and is counted, until it is dead
 * or it has turned out to be innocent.
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

/** What dispatch works with. */
export interface TurnSchedulerParts {
	readonly definition: ActorDefinition;
	readonly journal: Journal;
	readonly clock: Clock;
	readonly router: MessageRouter;
	readonly instances: InstanceCache;
	readonly run: Run;
	readonly end: BatchEnd;
	/** Whether the instance wants this event in another state. */
	readonly defers: (instance: Instance, event: EventObject) => boolean;
	readonly turnsBatchMax: number;
	/** Called with an error of our own: the host cannot go on. */
	readonly broken: (thrown: unknown) => void;
}

/** The dispatch that {@link createTurnScheduler} makes. */
export interface TurnScheduler {
	/** What a crash has left in doubt: how often each cause was started, by its mark. */
	crashRecovery(): ReadonlyMap<string, number>;
	/** Takes a cause, and releases it when nothing is left to be done for it. */
	offer(trigger: Trigger): void;
	/** From now on nothing that was begun has an effect any more. */
	fence(): void;
	/** Takes no more turns; resolves when those that were taken are on disk. */
	drain(): Promise<void>;
}

/** Creates the dispatch of one actor. */
export function createTurnScheduler(parts: TurnSchedulerParts): TurnScheduler {
	const { journal, router, instances, end, broken } = parts;
	const starts = createStartRecords(parts);
	const under = new Set<Promise<void>>();
	let isPumping = false;
	let state: 'open' | 'draining' | 'fenced' = 'open';
	const isOpen = () => state === 'open';

	const wake = (): void => {
		if (isPumping || state !== 'open') return;
		isPumping = true;
		// After whoever is offering causes has offered them all.
		queueMicrotask(() => {
			pump()
				.catch(broken)
				.finally(() => {
					isPumping = false;
					if (!ready.isEmpty()) wake();
				});
		});
	};

	const ready = createReadyLine({ ...parts, wake });
	const runInstanceBatch = createInstanceBatchRun({ ...parts, list: ready.list, isOpen });

	const commit = async (batch: Batch): Promise<void> => {
		end.signer(batch);
		// What is given away here need not be kept while the disk writes.
		await router.send(batch.messages.splice(0), batch.changes.splice(0));
		if (state === 'fenced') return;
		end.finish(batch);
		instances.evict();
	};
	/**
	 * Memory has got apart from the disk, unless the process has been replaced or is about to end.
	 */
	const endsHere = (thrown: unknown): void => {
		state = 'fenced';
		if (!isFenced(thrown)) broken(thrown);
	};

	/** What is to run next, in hand: not to be put away. */
	const take = (): readonly InstanceBatch[] => {
		const instanceBatches = ready.pick();
		for (const { instance } of instanceBatches) instance.unflushed += 1;
		return instanceBatches;
	};
	const run = (instanceBatches: readonly InstanceBatch[]): Batch => {
		const batch = emptyBatch();
		for (const instanceBatch of instanceBatches) {
			instanceBatch.instance.unflushed -= 1;
			runInstanceBatch(instanceBatch, batch);
		}
		return batch;
	};
	/** Writes what a batch came to; nobody need wait for that to take the next one. */
	const write = (batch: Batch): Promise<void> => {
		const committed = commit(batch).catch(endsHere);
		under.add(committed);
		void committed.finally(() => under.delete(committed));
		return committed;
	};
	/** Writes that these are started. */
	const counted = (instanceBatches: readonly InstanceBatch[]): Promise<void> =>
		instanceBatches.length === 0
			? Promise.resolve()
			: journal.commit(starts.of(instanceBatches), 'committed').catch(endsHere);

	async function pump(): Promise<void> {
		let instanceBatches = take();
		await counted(instanceBatches);
		while (isOpen() && instanceBatches.length > 0) {
			const isAlone = instanceBatches[0]?.triggers[0]?.isSuspect ?? false;
			const batch = run(instanceBatches);
			if (isAlone) {
				await write(batch);
				instanceBatches = take();
				await counted(instanceBatches);
				continue;
			}
			// The transaction that ends this batch begins the next one, or says that none has begun.
			instanceBatches = take();
			batch.changes.push(...starts.of(instanceBatches));
			void write(batch);
			if (instanceBatches.length > 0) await journal.commit([], 'committed').catch(endsHere);
		}
	}

	return {
		crashRecovery: () => starts.read(),
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
			// What was counted and does not run any more was not the reason of any death.
			if (state === 'draining') await journal.commit(starts.of([]), 'committed').catch(endsHere);
		},
	};
}

/** The instances that have something to do, and the causes that run alone before all others. */
function createReadyLine({
	instances,
	turnsBatchMax,
	wake,
}: Pick<TurnSchedulerParts, 'instances' | 'turnsBatchMax'> & { readonly wake: () => void }) {
	const line: Instance[] = [];
	const crashRecovery: Trigger[] = [];

	/** Puts an instance into the line, if it has something to do. */
	const list = (instance: Instance): void => {
		if (instance.isListed || instance.isPausing || instance.queue.length === 0) return;
		instance.isListed = true;
		line.push(instance);
		wake();
	};
	/** A suspect by itself; nothing if it is no longer to be run. */
	const alone = (suspect: Trigger): readonly InstanceBatch[] => {
		const instance = instances.use(suspect.key);
		if (instance) return [{ instance, triggers: [suspect] }];
		instances.leave(suspect.key, suspect);
		release(suspect);
		return [];
	};

	return {
		list,
		isEmpty: () => line.length + crashRecovery.length === 0,
		add(instance: Instance, trigger: Trigger): void {
			if (trigger.isSuspect) {
				crashRecovery.push(trigger);
				wake();
			} else {
				instance.queue.push(trigger);
				list(instance);
			}
		},
		/** The next batch: a suspect alone, or all that is ready, up to the limit. */
		pick(): readonly InstanceBatch[] {
			const suspect = crashRecovery.shift();
			if (suspect) return alone(suspect);
			const instanceBatches: InstanceBatch[] = [];
			let room = turnsBatchMax;
			while (room > 0) {
				const instance = line.shift();
				if (!instance) break;
				instance.isListed = false;
				const triggers = instance.queue.splice(0, room);
				room -= triggers.length;
				instanceBatches.push({ instance, triggers });
				list(instance);
			}
			return instanceBatches;
		},
	};
}
