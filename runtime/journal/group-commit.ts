/**
 * Group commit: changes that are given at about the same time share one transaction and one flush.
 * A flush costs the same for one row as for a thousand, so throughput depends on this file.
 *
 * It knows nothing of LMDB; {@link GroupCommitOptions.transact} does the writing, and specs pass
 * one that fails or fills up.
 *
 * @module
 */
import { pause, type Clock, type Timer } from '../platform/clock.ts';
import { ReeveError, type ErrorCode, reasonOf } from '../platform/errors.ts';
import type { Signals } from '../observability/signals.ts';
import { noReserve, type DiskReserve } from './disk-reserve.ts';
import type { Change } from './schema.ts';

/** `flushed` survives a power cut; `committed` only a crash of the process. */
export type Durable = 'flushed' | 'committed';

/** What a group commit needs. */
export interface GroupCommitOptions {
	readonly clock: Clock;
	readonly signals: Signals;
	readonly durability?: 'disk' | 'os';
	/** Writes all changes or none. False: another process has taken over, and nothing was written. */
	readonly transact: (changes: readonly Change[]) => Promise<boolean>;
	/** Resolves when everything that was transacted before is on disk. */
	readonly flushed: () => Promise<void>;
	readonly onFenced?: () => void;
	/** What is given up first when the disk is full. */
	readonly reserve?: DiskReserve;
}

/** The writer that {@link createGroupCommit} makes. */
export interface GroupCommit {
	/** See `Journal.commit`. */
	commit(changes: readonly Change[], until?: Durable): Promise<void>;
	/** Whether new work may be taken, of that many bytes. */
	isHealthy(bytes?: number): boolean;
	/** Whether transactions succeed, if only out of the reserve. */
	isWritable(): boolean;
	/** Whether changes wait for which no transaction was requested yet. */
	isDue(): boolean;
	/**
	 * Waits for all earlier changes, writes `last`, and refuses later ones. If the disk fails for too
	 * long, rejects what is not written with `stopping`.
	 */
	stop(last: Change): Promise<void>;
}

/** Larger transactions spill and stall (kriszyp/lmdb-js #153). One commit is never split. */
const changesPerTransactionMax = 1000;
/** Pause between attempts while the disk fails. */
const retryMs = 500;
/** Pause between looks whether a full disk has space again. */
const spaceMs = 1000;
/** How long a stop waits for a failing disk. No caller was told yet that the rest is written. */
const stopWaitMs = 5000;

interface Batch {
	readonly changes: Change[];
	readonly committed: (() => void)[];
	readonly flushed: (() => void)[];
	readonly failed: ((error: ReeveError) => void)[];
}

const emptyBatch = (): Batch => ({ changes: [], committed: [], flushed: [], failed: [] });

/** Creates the writer. Nothing runs until the first commit. */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
	const { flushed, durability = 'disk', onFenced, clock, signals } = options;
	const persist = createPersistence(options);
	const queue: Batch[] = [];
	let working: Promise<void> | undefined;
	let lastFlush: Promise<void> = Promise.resolve();
	let state: 'open' | 'stopping' | 'fenced' | 'given_up' = 'open';

	const write = async (batch: Batch): Promise<void> => {
		// Changes are written in order: after a batch that was given up no later one is written either.
		const earlier = state === 'fenced' || state === 'given_up' ? state : undefined;
		const since = clock.monotonic();
		const verdict = earlier ?? (await persist.transact(batch.changes));
		if (verdict !== 'written') {
			if (verdict === 'fenced' && state !== 'fenced') onFenced?.();
			state = verdict;
			const code = verdict === 'fenced' ? 'fenced' : 'stopping';
			for (const fail of batch.failed) fail(new ReeveError(code));
			return;
		}
		const { length: count } = batch.changes;
		// Written changes are not needed for the flush: free them early.
		batch.changes.length = 0;
		for (const done of batch.committed) done();
		const release = () => {
			for (const done of batch.flushed) done();
			signals.emit('journal.committed', { count, tookMs: clock.monotonic() - since });
		};
		if (durability === 'os') release();
		else lastFlush = flushed().then(release);
	};

	const work = async (): Promise<void> => {
		// Wait one turn of the event loop: all commits of this turn share the transaction.
		await new Promise((resolve) => {
			setImmediate(resolve);
		});
		for (let batch = queue.shift(); batch; batch = queue.shift()) await write(batch);
		working = undefined;
	};

	return {
		isHealthy: (bytes) => state === 'open' && persist.isHealthy(bytes),
		isWritable: () => state === 'open' && persist.isWritable(),
		isDue: () => queue.length > 0,
		commit(changes, until = 'flushed') {
			return new Promise<void>((resolve, reject) => {
				if (state !== 'open') {
					reject(new ReeveError(state === 'fenced' ? 'fenced' : 'stopping'));
					return;
				}
				let batch = queue.at(-1);
				const isMore = changes.length > 0;
				const count = (batch?.changes.length ?? 0) + changes.length;
				// A commit without changes only waits for earlier ones: it needs no transaction of its own.
				if (!batch || (isMore && count > changesPerTransactionMax)) {
					batch = emptyBatch();
					queue.push(batch);
				}
				for (const change of changes) batch.changes.push(change);
				batch[until].push(resolve);
				batch.failed.push(reject);
				working ??= work();
			});
		},
		async stop(last) {
			// Refuse later commits: they would be written to a closed file.
			if (state === 'open') state = 'stopping';
			persist.giveUpAfter(stopWaitMs);
			while (working) await working;
			if (state === 'stopping') await write({ ...emptyBatch(), changes: [last] });
			await lastFlush;
		},
	};
}

/** What is told of a disk that has nothing left to keep for later. */
const noSpace = 'ENOSPC: the disk has no space for the reserve (diskReserveBytes)';

/** Repeats a transaction until it succeeds, and signals when the disk fails and recovers. */
function createPersistence(options: GroupCommitOptions) {
	const { clock, signals, transact, reserve = noReserve } = options;
	let failedSince: number | undefined;
	/** Whether the last transaction has failed, and what it had to write is not written. */
	let isStuck = false;
	let isPatient = true;
	let look: Timer | undefined;

	const fail = (detail: string): void => {
		if (failedSince !== undefined) return;
		failedSince = clock.monotonic();
		signals.emit('journal.failed', { code: storageCode(detail), detail });
	};
	/** Transactions succeed, or none was tried: tells whether there is space for new work. */
	const review = (): void => {
		if (isStuck) return;
		if (!reserve.hasSpace()) fail(noSpace);
		else if (failedSince !== undefined) {
			signals.emit('journal.recovered', { pausedMs: clock.monotonic() - failedSince });
			failedSince = undefined;
		}
		if (reserve.isHeld()) return;
		look ??= clock.after(spaceMs, () => {
			look = undefined;
			if (!isStuck) reserve.hold();
			review();
		});
	};
	review();

	return {
		isHealthy: (bytes?: number) => failedSince === undefined && reserve.hasSpace(bytes),
		isWritable: () => !isStuck,
		/** After `delayMs` a failed transaction is not repeated any more, because the process ends. */
		giveUpAfter(delayMs: number): void {
			look?.cancel();
			clock.after(delayMs, () => void (isPatient = false));
		},
		async transact(changes: readonly Change[]): Promise<'written' | 'fenced' | 'given_up'> {
			for (;;) {
				try {
					const mayWrite = await transact(changes);
					isStuck = false;
					review();
					return mayWrite ? 'written' : 'fenced';
				} catch (thrown) {
					swallowCommitError(thrown);
					fail(reasonOf(thrown));
					if (reserve.release()) continue;
					isStuck = true;
					// No caller was told that it is written, so it may be dropped.
					if (!isPatient) return 'given_up';
					await pause(clock, retryMs);
				}
			}
		},
	};
}

/** A commit error of lmdb-js carries a second promise that rejects, too: handle it. */
function swallowCommitError(thrown: unknown): void {
	if (typeof thrown !== 'object' || thrown === null || !('commitError' in thrown)) return;
	Promise.resolve(thrown.commitError).catch(() => undefined);
}

/** LMDB answers a full disk with EIO (5), ENOSPC or a full map, depending on where it noticed. */
function storageCode(detail: string): ErrorCode {
	const isFull = /ENOSPC|No space|MAP_FULL|error 5|Input\/output/i.test(detail);
	return isFull ? 'storage_full' : 'storage_failed';
}
