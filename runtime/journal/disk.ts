/**
 * The disk: the layer between the journal and its file. A node uses {@link soundDisk}; specs use
 * one that fails, fills up, hangs or is cut off.
 *
 * @module
 */
import type { PassPoint } from '../platform/crash-points.ts';

/** A disk, as the journal sees it. */
export interface Disk {
	/**
	 * Runs one transaction by calling `write`. Resolves with false if another process has taken
	 * over; rejects where the disk fails, and then nothing of the transaction may have been written.
	 */
	transact(write: () => Promise<boolean>): Promise<boolean>;
	/** Resolves when everything that was transacted before is safe from a power cut. */
	flush(sync: () => Promise<void>): Promise<void>;
}

/** A disk without faults. */
export const soundDisk: Disk = {
	transact: (write) => write(),
	flush: (sync) => sync(),
};

/** Wraps a disk so that it passes the crash points of the journal. */
export function passingDisk(disk: Disk, passPoint: PassPoint): Disk {
	return {
		async transact(write) {
			const isWritten = await disk.transact(write);
			passPoint('journal.committed');
			return isWritten;
		},
		async flush(sync) {
			await disk.flush(sync);
			passPoint('journal.flushed');
		},
	};
}
