/**
 * The disk reserve: a file beside the store that keeps some of the disk from others. When the disk
 * is full, it is removed, and the store has space for what was under way, and for what an operator
 * does about it: cancel and drop. New messages are refused from then on, until there is space
 * again: on the disk, or within the store, where cancelled and dropped messages have been.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateModes } from './file-permissions.ts';

/** The reserve that {@link createDiskReserve} makes. */
export interface DiskReserve {
	/** Gives the space back to the disk; false if there was none. */
	release(): boolean;
	/** Takes the space again, if the disk has twice as much. */
	hold(): void;
	isHeld(): boolean;
	/**
	 * Whether there is space for `bytes` beside the reserve. Small ones may go into the store, where
	 * rows were removed; large ones need a place in one piece, which only the disk is sure to have.
	 */
	hasSpace(bytes?: number): boolean;
}

/** What a journal without a reserve has: it is told of a full disk only by a transaction. */
export const noReserve: DiskReserve = {
	release: () => false,
	hold: () => undefined,
	isHeld: () => true,
	hasSpace: () => true,
};

/** What a reserve is made of. */
export interface ReserveParts {
	readonly folder: string;
	readonly bytes: number;
	/** Bytes that the file of the store has, and that hold no rows. */
	readonly unusedBytes: () => number;
}

/** The file that keeps the space. */
export const reserveName = 'reserve';

/** The part of the reserve up to which something is small. */
const smallPart = 1 / 64;

/** Creates the reserve, and holds it if there is space. */
export function createDiskReserve({ folder, bytes, unusedBytes }: ReserveParts): DiskReserve {
	if (bytes === 0) return noReserve;
	const path = join(folder, reserveName);
	let isHeld = false;

	const freeBytes = (): number => {
		const { bavail, bsize } = statfsSync(folder);
		return bavail * bsize;
	};
	const hold = (): void => {
		if (isHeld) return;
		isHeld = isComplete(path, bytes) || (freeBytes() >= bytes * 2 && fill(path, bytes));
	};
	hold();
	return {
		release() {
			const wasHeld = isHeld;
			isHeld = false;
			rmSync(path, { force: true });
			return wasHeld;
		},
		hold,
		isHeld: () => isHeld,
		hasSpace(more = 0) {
			if (more <= bytes * smallPart) return isHeld || unusedBytes() >= bytes;
			return freeBytes() >= (isHeld ? more : more + bytes);
		},
	};
}

/** Whether an earlier process has left it, with all its blocks. */
function isComplete(path: string, bytes: number): boolean {
	const found = statSync(path, { throwIfNoEntry: false });
	return found !== undefined && found.size === bytes && found.blocks * blockBytes >= bytes;
}

/** The unit of `Stats.blocks`, whatever the file system. */
const blockBytes = 512;

/** Writes random bytes, because a file system that compresses keeps no space for zeros. */
function fill(path: string, bytes: number): boolean {
	try {
		writeFileSync(path, randomFillSync(Buffer.allocUnsafe(bytes)), { mode: privateModes.file });
		return true;
	} catch {
		// There is less space than it seems: a quota, or a limit on the size of files.
		rmSync(path, { force: true });
		return false;
	}
}
