/**
 * Group commit: the changes of all who write at about the same time share one transaction and one
 * flush. A flush costs the same for one row as for a thousand, so this is where throughput comes
 * from.
 *
 * It knows nothing of LMDB; {@link GroupCommitOptions.transact} does the writing, and specs give it
 * one that fails or fills up.
 *
 * @module
 */
import { pause, type Clock } from '../platform/clock.ts';
import { ReeveError, type ErrorCode } from '../platform/errors.ts';
import type { Signals } from '../observability/signals.ts';
import type { Change } from './schema.ts';

/** `flushed` survives a power cut; `committed` only a crash of the process. */
export type Durable = 'flushed' | 'committed';

/** What a group commit is made from. */
export interface GroupCommitOptions {
	readonly clock: Clock;
	readonly signals: Signals;
	readonly durability?: 'disk' | 'os';
	/** Writes all changes or none. False: another process has taken over, and nothing was written. */
	readonly transact: (changes: readonly Change[]) => Promise<boolean>;
	/** Resolves when everything that was transacted before is on disk. */
	readonly flushed: () => Promise<void>;
	readonly onFenced?: () => void;
}

/** The writer that {@link createGroupCommit} makes. */
export interface GroupCommit {
	/** See `Journal.commit`. */
	commit(changes: readonly Change[], until?: Durable): Promise<void>;
	isHealthy(): boolean;
	/** Whether there is something to be written for which no transaction has been asked yet. */
	isDue(): boolean;
	/**
	 * Waits for all that was given, writes `last`, and refuses what comes later. A disk that fails is
	 * waited for, but not for ever: what it has not taken by then is rejected with `stopping`.
	 */
	stop(last: Change): Promise<void>;
}

/** Larger transactions spill and stall; see kriszyp/lmdb-js #153. One commit is never split. */
const changesPerTransactionMax = 1000;
/** The pause between tries while the disk fails. */
const retryMs = 500;
/** How long a stop waits for a disk that fails. What it does not take was promised to nobody. */
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
		// What comes after a batch that was given up must not be written either: order is a promise.
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
		// What is written need not be kept until it is flushed.
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
		// One turn of the event loop, so that everybody who writes in this turn shares the transaction.
		await new Promise((resolve) => {
			setImmediate(resolve);
		});
		for (let batch = queue.shift(); batch; batch = queue.shift()) await write(batch);
		working = undefined;
	};

	return {
		isHealthy: () => persist.isHealthy() && state === 'open',
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
				// Who only waits for what was given before need not have a transaction of his own.
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
			// From here on nothing is taken, or it would be written to a file that is closed.
			if (state === 'open') state = 'stopping';
			persist.giveUpAfter(stopWaitMs);
			while (working) await working;
			if (state === 'stopping') await write({ ...emptyBatch(), changes: [last] });
			await lastFlush;
		},
	};
}

/** Repeats a transaction until it succeeds, and says when trouble begins and ends. */
function createPersistence({ clock, signals, transact }: GroupCommitOptions) {
	let failedSince: number | undefined;
	let isPatient = true;

	const failed = (thrown: unknown): void => {
		swallowCommitError(thrown);
		if (failedSince !== undefined) return;
		failedSince = clock.monotonic();
		const detail = thrown instanceof Error ? thrown.message : String(thrown);
		signals.emit('journal.failed', { code: storageCode(detail), detail });
	};

	return {
		isHealthy: () => failedSince === undefined,
		/** From so much later on, a transaction that fails is not repeated: the process is to end. */
		giveUpAfter(delayMs: number): void {
			clock.after(delayMs, () => void (isPatient = false));
		},
		async transact(changes: readonly Change[]): Promise<'written' | 'fenced' | 'given_up'> {
			for (;;) {
				try {
					const mayWrite = await transact(changes);
					if (failedSince !== undefined) {
						signals.emit('journal.recovered', { pausedMs: clock.monotonic() - failedSince });
						failedSince = undefined;
					}
					return mayWrite ? 'written' : 'fenced';
				} catch (thrown) {
					failed(thrown);
					// Nobody was told that it is written, so it may be missing.
					if (!isPatient) return 'given_up';
					await pause(clock, retryMs);
				}
			}
		},
	};
}

/** A commit error of lmdb-js carries a second promise that rejects too; nobody else awaits it. */
function swallowCommitError(thrown: unknown): void {
	if (typeof thrown !== 'object' || thrown === null || !('commitError' in thrown)) return;
	Promise.resolve(thrown.commitError).catch(() => undefined);
}

/** LMDB answers a full disk with EIO (5), ENOSPC or a full map, depending on where it noticed. */
function storageCode(detail: string): ErrorCode {
	const isFull = /ENOSPC|No space|MAP_FULL|error 5|Input\/output/i.test(detail);
	return isFull ? 'storage_full' : 'storage_failed';
}
