/**
 * The disk below the journal: what stands between it and its file. A node has {@link soundDisk}; a
 * specification puts one in its place that fails, fills up, stands still or is cut off.
 *
 * @module
 */
import type { PassPoint } from '../platform/crash-points.ts';

/** A disk, as the journal sees it. */
export interface Disk {
	/**
	 * Makes one transaction by calling `write`. Resolves with false if another process has taken
	 * over; rejects where the disk fails, and then nothing of the transaction may have been written.
	 */
	transact(write: () => Promise<boolean>): Promise<boolean>;
	/** Resolves when everything that was transacted before is safe from a power cut. */
	flush(sync: () => Promise<void>): Promise<void>;
}

/** A disk that does what it is told. */
export const soundDisk: Disk = {
	transact: (write) => write(),
	flush: (sync) => sync(),
};

/** The same disk, passing the crash points of the journal. */
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
