/**
 * The identity of a followed file: its inode, and a hash of its first bytes. The inode alone
 * proves nothing: it is used again for another file, and `copytruncate` keeps it while the content
 * moves to a copy. Files whose first bytes are alike, such as a common banner, are told apart by
 * the inode only.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';

/** What a file begins with. */
export interface Head {
	readonly bytes: number;
	readonly hash: string;
}

/** A place in a file, and how the file is known again. */
export interface Place {
	readonly inode: number;
	readonly position: number;
	/** Absent while nothing of the file has been read, and in places of older versions. */
	readonly head?: Head | undefined;
	/** Wall-clock milliseconds when it was read so far. */
	readonly at?: number | undefined;
}

/** The head of what has been read of a file; undefined if that is nothing. */
export async function headOf(
	handle: FileHandle,
	position: number,
	bytesMax: number,
): Promise<Head | undefined> {
	const bytes = Math.min(position, bytesMax);
	if (bytes === 0) return undefined;
	const read = await readAt(handle, 0, bytes);
	if (read.length < bytes) return undefined;
	return { bytes, hash: createHash('sha256').update(read).digest('base64url').slice(0, 22) };
}

/** Whether an open file begins as it did, and is as long as it was at least. */
export async function isSame(handle: FileHandle, { position, head }: Place): Promise<boolean> {
	if ((await handle.stat()).size < position) return false;
	if (!head) return true;
	const now = await headOf(handle, head.bytes, head.bytes);
	return now?.hash === head.hash;
}

/** Up to `bytes` bytes from a position on; fewer at the end of the file. */
export async function readAt(
	handle: FileHandle,
	position: number,
	bytes: number,
): Promise<Uint8Array> {
	const buffer = Buffer.alloc(bytes);
	let count = 0;
	while (count < bytes) {
		const { bytesRead } = await handle.read(buffer, count, bytes - count, position + count);
		if (bytesRead === 0) break;
		count += bytesRead;
	}
	return buffer.subarray(0, count);
}

/** A file beside a followed one that may hold earlier content of it. */
export interface RotatedFile {
	readonly path: string;
	readonly inode: number;
	readonly changedAt: number;
	readonly isCompressed: boolean;
	/** The number of `name.1`, `name.2.gz`; the larger, the older. */
	readonly number: number | undefined;
}

/**
 * The rotated files of a path, oldest first: by their numbers, or else by the time of their last
 * change. Their names begin as the file's does, without its extension.
 */
export async function rotatedFiles(path: string, current: number): Promise<readonly RotatedFile[]> {
	const folder = dirname(path);
	const stem = basename(path, extname(path));
	const found: RotatedFile[] = [];
	for (const name of await readdir(folder)) {
		if (name === basename(path) || !name.startsWith(stem)) continue;
		if (!/^[.\-_]/.test(name.slice(stem.length))) continue;
		const about = await statOf(join(folder, name));
		if (!about || about.ino === current) continue;
		const [, number] = /\.(\d{1,9})(?:\.\w+)?$/.exec(name) ?? [];
		found.push({
			path: join(folder, name),
			inode: about.ino,
			changedAt: about.mtimeMs,
			isCompressed: /\.(?:gz|bz2|xz|zst|lz4|Z)$/.test(name),
			number: number === undefined ? undefined : Number(number),
		});
	}
	return found.toSorted((one, other) =>
		one.number !== undefined && other.number !== undefined
			? other.number - one.number
			: one.changedAt - other.changedAt,
	);
}

/** The file that a place is in, among these: of the same inode, or else with the same beginning. */
export async function fileOf(
	place: Place,
	files: readonly RotatedFile[],
): Promise<RotatedFile | undefined> {
	const byInode = files.filter(({ inode }) => inode === place.inode);
	const others = place.head ? files.filter(({ inode }) => inode !== place.inode) : [];
	for (const file of [...byInode, ...others]) {
		if (file.isCompressed) continue;
		const handle = await open(file.path, 'r').catch(() => undefined);
		try {
			if (handle && (await isSame(handle, place))) return file;
		} finally {
			await handle?.close();
		}
	}
	return undefined;
}

async function statOf(path: string): Promise<Stats | undefined> {
	const about = await stat(path).catch(() => undefined);
	return about?.isFile() ? about : undefined;
}
