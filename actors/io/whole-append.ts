/**
 * Whole appends: bytes are added to a file all together, or not at all.
 *
 * @module
 */
import type { FileHandle } from 'node:fs/promises';

/**
 * Appends and flushes what is missing of `bytes`, the first `present` of which the file ends with.
 * If that fails, all of them are taken away again; so a full disk leaves no half line that the next
 * append would continue.
 */
export async function appendWhole(
	handle: FileHandle,
	bytes: Buffer,
	present: number,
): Promise<void> {
	const { size } = await handle.stat();
	try {
		await handle.appendFile(bytes.subarray(present));
		await handle.datasync();
	} catch (thrown) {
		// If that fails as well, the next append finds the note of this one, and takes it back.
		await takeBack(handle, bytes, size - present).catch(() => undefined);
		throw thrown;
	}
}

/** Removes the part of `bytes` that follows after `from`, if nothing else does. */
async function takeBack(handle: FileHandle, bytes: Buffer, from: number): Promise<void> {
	const { size } = await handle.stat();
	const isOurs = (await countPresent(handle, bytes, from)) === size - from;
	if (isOurs) await handle.truncate(from);
}

/** How many of `bytes` the file ends with from `from` on; undefined if other bytes are there. */
export async function countPresent(
	handle: FileHandle,
	bytes: Buffer,
	from: number,
): Promise<number | undefined> {
	const there = Buffer.alloc(bytes.length);
	let count = 0;
	while (count < there.length) {
		const { bytesRead } = await handle.read(there, count, there.length - count, from + count);
		if (bytesRead === 0) break;
		count += bytesRead;
	}
	return there.subarray(0, count).equals(bytes.subarray(0, count)) ? count : undefined;
}
