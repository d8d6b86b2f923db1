/**
 * The faulty disk: for specs, fails on demand. It fills up, hangs, loses what was not flushed, or
 * is cut off as by the death of its process.
 *
 * @module
 */
import type { Disk } from './disk.ts';
import { deferred, type Deferred } from '../platform/deferred.ts';

/** The disk that {@link createFaultyDisk} makes. */
export interface FaultyDisk extends Disk {
	/** Every transaction fails from now on with `detail`; by default as on a full disk. */
	fill(detail?: string): void;
	/** There is space again. */
	free(): void;
	/**
	 * Transactions, flushes or both wait from now on, as on a disk that does not answer. A power cut
	 * would lose what is committed and not flushed.
	 */
	hold(what?: 'transactions' | 'flushes'): void;
	/** Ends {@link hold}. */
	release(): void;
	/**
	 * The process that wrote here is dead: nothing more is written, and calls that are under way stay
	 * pending. Once `buried` resolves, they end as those of a process that was replaced.
	 */
	cut(buried: Promise<void>): void;
	/** Resolves when all transactions and flushes that reached the file have ended. */
	idle(): Promise<void>;
	/** Whether a transaction or a flush is under way in the file. */
	isBusy(): boolean;
	/** What has been done so far. */
	counts(): Readonly<DiskCounts>;
}

/** Counts of what a disk did. */
export interface DiskCounts {
	transactions: number;
	flushes: number;
	/** Transactions that were refused. */
	failures: number;
}

/** Creates a disk that has no fault yet. */
export function createFaultyDisk(): FaultyDisk {
	const counts: DiskCounts = { transactions: 0, flushes: 0, failures: 0 };
	const active = new Set<Promise<unknown>>();
	const gates = { transactions: createGate(), flushes: createGate() };
	let fault: string | undefined;
	let buried: Promise<void> | undefined;

	const tracked = async <Value>(work: () => Promise<Value>): Promise<Value> => {
		const working = work();
		active.add(working);
		try {
			return await working;
		} finally {
			active.delete(working);
		}
	};

	return {
		async transact(write) {
			await gates.transactions.passage();
			if (fault !== undefined) {
				counts.failures += 1;
				throw new Error(fault);
			}
			const isWritten = buried ? false : await tracked(write);
			counts.transactions += 1;
			// A process that died meanwhile does not learn how its transaction ended.
			await buried;
			return buried ? false : isWritten;
		},
		async flush(sync) {
			await gates.flushes.passage();
			if (!buried) await tracked(sync);
			counts.flushes += 1;
			await buried;
		},
		fill: (detail = 'ENOSPC: no space left on device') => void (fault = detail),
		free: () => void (fault = undefined),
		hold(what) {
			if (what !== 'flushes') gates.transactions.close();
			if (what !== 'transactions') gates.flushes.close();
		},
		release() {
			gates.transactions.open();
			gates.flushes.open();
		},
		cut(until) {
			buried ??= until.then(() => {
				fault = undefined;
				gates.transactions.open();
				gates.flushes.open();
			});
		},
		async idle() {
			await Promise.allSettled(active);
		},
		isBusy: () => active.size > 0,
		counts: () => ({ ...counts }),
	};
}

/** Makes callers wait while it is closed. */
function createGate() {
	let closed: Deferred | undefined;
	return {
		/** Resolves as soon as the gate is open. */
		async passage() {
			while (closed) await closed.promise;
		},
		close() {
			closed ??= deferred();
		},
		open() {
			closed?.resolve();
			closed = undefined;
		},
	};
}
