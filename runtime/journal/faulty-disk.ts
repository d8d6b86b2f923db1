/**
 * A disk for specifications that goes wrong on demand: it fills up, stands still, loses what was
 * not flushed, or is cut off as by the death of its process.
 *
 * @module
 */
import type { Disk } from './disk.ts';
import { deferred, type Deferred } from '../platform/deferred.ts';

/** The disk that {@link createFaultyDisk} makes. */
export interface FaultyDisk extends Disk {
	/** Every transaction fails from now on, as on a full disk or, with a detail, as it says. */
	fill(detail?: string): void;
	/** There is space again. */
	free(): void;
	/**
	 * Transactions and flushes wait from now on, as on a disk that does not answer; or only the ones
	 * or the others. What is committed and not flushed is what a power cut would take.
	 */
	hold(what?: 'transactions' | 'flushes'): void;
	/** Nothing waits any more. */
	release(): void;
	/**
	 * The process that wrote here is dead: nothing is written any more, and nobody hears how what was
	 * under way has ended. Once `buried` resolves, its remains are told that others have taken over.
	 */
	cut(buried: Promise<void>): void;
	/** Resolves when the file has done everything that it was given so far. */
	idle(): Promise<void>;
	/** Whether the file is at work. */
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

/** Creates a disk with nothing wrong with it. */
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
			// A process that has died meanwhile does not hear of it.
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

/** Something to wait at. */
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
