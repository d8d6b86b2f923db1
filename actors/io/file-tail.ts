/**
 * Following a file: yields what is added to it, over rotation, truncation and deletion, with the
 * position of each piece in its file. Content that was rotated away between two looks, or while the
 * node was down, is read from the rotated files; what cannot be found is told.
 *
 * @module
 */
import { basename } from 'node:path';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import { fileError, regularFile } from '../../runtime/files/data-folder.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { fileOf, headOf, isSame, readAt, rotatedFiles, type Place } from './file-identity.ts';

/** A piece of a file. */
export interface Piece {
	readonly bytes: Uint8Array;
	/** Where it begins. */
	readonly at: Place;
	/** Set if the next piece is from another file, or from the beginning of the same one. */
	readonly isLast?: true;
}

/** A file to follow, and how. */
export interface Following {
	readonly path: string;
	readonly clock: Clock;
	/** Ends it, without an error: what was written before that is still yielded. */
	readonly signal: AbortSignal;
	readonly pollMs: number;
	/** How many of its first bytes a file is known by. */
	readonly markBytes: number;
	/**
	 * Where to begin; by default at the end, or at the beginning of a file that does not exist yet.
	 */
	readonly from?: Place | undefined;
	/** Called as soon as a file is open. */
	readonly onStart?: (place: Place) => void;
	/** Told of content that could not be found. */
	readonly onGap?: (why: ReeveError) => void;
}

/** The most bytes that are read at a time. */
const bytesAtATime = 65_536;
const nothing = new Uint8Array(0);

/** Where the content that was read last is, once its file is not the one of this name any more. */
interface Left {
	readonly place: Place;
	/** Whether it was read to its end, and has no name any more. */
	readonly isGone: boolean;
}

/**
 * Yields what is added to a file, until the signal is raised. It waits for a file that is missing,
 * or goes missing.
 *
 * @throws ReeveError `file_failed` if it is not a file, or must not be read
 */
export async function* followFile(following: Following): AsyncGenerator<Piece> {
	const { path, clock, signal, pollMs, from } = following;
	let left: Left | undefined = from && { place: from, isGone: false };
	let isNew = false;
	try {
		for (;;) {
			const handle = await openIfThere(path);
			if (handle) {
				try {
					const start = yield* approach(following, handle, { left, isNew });
					following.onStart?.(start);
					left = yield* followOpen(following, handle, start);
				} finally {
					await handle.close();
				}
				if (!left) return;
			}
			isNew = true;
			if (handle && !left?.isGone) continue;
			if (signal.aborted) return;
			await pause(clock, pollMs, signal);
		}
	} catch (thrown) {
		throw fileError(thrown);
	}
}

/** Yields what is in older files first; returns where to begin in the present one. */
async function* approach(
	following: Following,
	handle: FileHandle,
	{ left, isNew }: { readonly left: Left | undefined; readonly isNew: boolean },
): AsyncGenerator<Piece, Place> {
	const { ino: inode, size } = await handle.stat();
	if (!left) return await placeIn(following, handle, { inode, position: isNew ? 0 : size });
	const { place, isGone } = left;
	if (!isGone && place.inode === inode && (await isSame(handle, place))) return place;
	yield* olderContent(following, inode, left);
	return placeIn(following, handle, { inode, position: 0 });
}

/** Follows an open file; returns where it was left, or undefined at the end of the time. */
async function* followOpen(
	following: Following,
	handle: FileHandle,
	start: Place,
): AsyncGenerator<Piece, Left | undefined> {
	const { path, clock, signal, pollMs } = following;
	let place = start;
	let changedAt: number | undefined;
	for (;;) {
		const isEnd = signal.aborted;
		const found = await stat(path).catch(() => undefined);
		const isOther = found?.ino !== place.inode;
		const { size, mtimeMs } = await handle.stat();
		const hasChanged = size !== place.position || (changedAt ?? mtimeMs) !== mtimeMs;
		changedAt = mtimeMs;
		if (hasChanged && !(await isSame(handle, place))) {
			yield { bytes: nothing, at: place, isLast: true };
			return { place, isGone: false };
		}
		// After the look at its name, so that nothing is added once this is read.
		place = yield* restOf(following, handle, place);
		if (isOther) {
			yield { bytes: nothing, at: place, isLast: true };
			return { place, isGone: found === undefined };
		}
		if (isEnd) return undefined;
		await pause(clock, pollMs, signal);
	}
}

/** Yields what follows after a place in an open file; returns the place behind it. */
async function* restOf(
	following: Following,
	handle: FileHandle,
	start: Place,
): AsyncGenerator<Piece, Place> {
	let place = start;
	for (;;) {
		const bytes = await readAt(handle, place.position, bytesAtATime);
		if (bytes.length === 0) return place;
		const position = place.position + bytes.length;
		const next = await placeIn(following, handle, { ...place, position });
		// The head of the piece itself counts: its lines are noted with this place.
		yield { bytes, at: { ...next, position: place.position } };
		place = next;
	}
}

/** A place with what the file is known by. */
async function placeIn(
	{ clock, markBytes }: Following,
	handle: FileHandle,
	{ inode, position, head: known }: Place,
): Promise<Place> {
	const isFull = known !== undefined && known.bytes >= markBytes;
	const head = isFull ? known : ((await headOf(handle, position, markBytes)) ?? known);
	return { inode, position, ...(head ? { head } : {}), at: clock.now() };
}

/** Yields what was added behind a place before the present file was begun. */
async function* olderContent(
	following: Following,
	current: number,
	{ place, isGone }: Left,
): AsyncGenerator<Piece> {
	const { path, onGap } = following;
	const files = await rotatedFiles(path, current);
	const own = await fileOf(place, files);
	const gap = (what: string) => onGap?.(new ReeveError('file_gap', `${path}: ${what}`));
	if (!own && !isGone) {
		gap('it was rotated or truncated, and the rest of what was followed is not there any more');
	}
	const { at = Infinity } = place;
	const later = own
		? files.slice(files.indexOf(own) + 1)
		: files.filter(({ changedAt }) => changedAt > at);
	if (own) yield* wholeFile(following, own.path, place);
	for (const { path: rotated, inode, isCompressed } of later) {
		if (isCompressed) gap(`${basename(rotated)} is compressed, and is not read`);
		else yield* wholeFile(following, rotated, { inode, position: 0 });
	}
}

async function* wholeFile(following: Following, path: string, place: Place): AsyncGenerator<Piece> {
	const handle = await open(path, 'r');
	try {
		const { ino: inode } = await handle.stat();
		const at = yield* restOf(following, handle, { ...place, inode });
		yield { bytes: nothing, at, isLast: true };
	} finally {
		await handle.close();
	}
}

/** Opens a file; undefined if there is none. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
	try {
		// A pipe without a writer would keep `open` waiting.
		return (await regularFile(path)) && (await open(path, 'r'));
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return undefined;
		throw thrown;
	}
}
