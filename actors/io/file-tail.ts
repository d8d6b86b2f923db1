/**
 * Following a file: what is added to it, over rotation, truncation and deletion, with the place of
 * each piece in its file.
 *
 * This file is the door to @logdna/tail-file.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import TailFile from '@logdna/tail-file';
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import { fileError } from '../../runtime/files/data-folder.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';

/** A place in a file; the inode tells which file it was, whatever it is called by now. */
export interface Place {
	readonly inode: number;
	readonly position: number;
}

/** A piece of a file. */
export interface Piece {
	readonly bytes: Uint8Array;
	/** Where it begins. */
	readonly at: Place;
	/** Set if what comes next begins another file, or the same one anew. */
	readonly isLast?: true;
}

/** What is followed. */
export interface Following {
	readonly path: string;
	readonly clock: Clock;
	/** Ends it, without an error: what has been written by then still comes. */
	readonly signal: AbortSignal;
	readonly pollMs: number;
	/** From where; without it from the end, or from the beginning of a file that is not there yet. */
	readonly from?: Place | undefined;
	/** Called as soon as the file is open. */
	readonly onStart?: (place: Place) => void;
}

/** Read at a time from a file that was rotated away. */
const oldBytesAtATime = 65_536;
const nothing = new Uint8Array(0);

/**
 * What is added to a file, until the signal is raised. A file that is missing, or goes missing, is
 * waited for.
 *
 * From a place in a file that has been renamed since, in the same folder, its rest comes first.
 *
 * @throws ReeveError `file_failed` for what is no file, or must not be read
 */
export async function* followFile(following: Following): AsyncGenerator<Piece> {
	const { path, clock, signal, pollMs } = following;
	let { from } = following;
	for (let isNew = false; ; isNew = true) {
		const found = await lookAt(path);
		if (found) {
			if (from && found.inode !== from.inode) {
				yield* restOf(path, from);
				from = { inode: found.inode, position: 0 };
			}
			const start = beginningOf(found, from, isNew);
			following.onStart?.(start);
			if (yield* followOpen(following, start)) return;
			from = undefined;
		}
		if (signal.aborted) return;
		await pause(clock, pollMs, signal);
		if (signal.aborted && !(await lookAt(path))) return;
	}
}

/**
 * Where to begin with a file that ends at `end`. What came up while we waited has not been read.
 */
function beginningOf(end: Place, from: Place | undefined, isNew: boolean): Place {
	const isShorter = from !== undefined && from.position > end.position;
	if (isShorter || (!from && isNew)) return { ...end, position: 0 };
	return from ?? end;
}

/** Follows a file that is there; false if it has gone. */
async function* followOpen(
	{ path, signal, pollMs }: Following,
	start: Place,
): AsyncGenerator<Piece, boolean> {
	const tail = new TailFile(path, {
		startPos: start.position,
		pollFileIntervalMs: pollMs,
		pollFailureRetryMs: pollMs,
		maxPollFailures: Number.MAX_SAFE_INTEGER,
	});
	const watch = watchTail(tail, path, start);
	try {
		if (!(await isStarted(tail))) return false;
		for (;;) {
			yield* watch.read();
			if (watch.error) throw fileError(watch.error);
			if (watch.isEnded) return true;
			if (watch.isGone) {
				// What comes up by its name has not been read, even if it gets the same inode.
				yield watch.last();
				return false;
			}
			if (signal.aborted) {
				// The last look is ours: that of the library may bring again what it is just reading.
				yield* restOf(path, watch.place);
				return true;
			}
			await watch.news(signal);
		}
	} finally {
		drop(tail);
		tail.destroy();
	}
}

/** Ends it without a last look, which an error spares it; its types leave that argument out. */
function drop(tail: TailFile): void {
	const quit = Reflect.get(tail, 'quit') as (reason: Error) => Promise<void>;
	Reflect.apply(quit, tail, [new Error('it is not followed any more')]).catch(() => undefined);
}

async function isStarted(tail: TailFile): Promise<boolean> {
	try {
		await tail.start();
		return true;
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return false;
		throw fileError(thrown);
	}
}

/** What happens to a followed file, and where in what has been read. */
function watchTail(tail: TailFile, path: string, start: Place) {
	/** Where another file begins, in bytes of all that was read; with its inode. */
	const resets: { readonly at: number; readonly inode: number }[] = [];
	let place = start;
	let seen = 0;
	let wake = () => {};
	let error: Error | undefined;
	let isEnded = false;
	let isGone = false;
	const mark = () => {
		const inode = statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
		resets.push({ at: seen + tail.readableLength, inode });
		wake();
	};
	tail.on('renamed', mark);
	tail.on('truncated', mark);
	tail.on('error', (thrown: Error) => {
		error = thrown;
		wake();
	});
	tail.on('retry', () => {
		isGone = true;
		wake();
	});
	tail.on('readable', () => wake());
	tail.on('end', () => {
		isEnded = true;
		wake();
	});

	/** The next piece of a chunk: it belongs to one file. */
	const pieceOf = (chunk: Uint8Array): Piece => {
		const [reset] = resets;
		const bytes = reset ? chunk.subarray(0, reset.at - seen) : chunk;
		seen += bytes.length;
		const at = place;
		place = { ...at, position: at.position + bytes.length };
		if (reset?.at !== seen) return { bytes, at };
		resets.shift();
		place = { inode: reset.inode, position: 0 };
		return { bytes, at, isLast: true };
	};

	return {
		/** Where what has been read ends. */
		get place() {
			return place;
		},
		get error() {
			return error;
		},
		get isEnded() {
			return isEnded;
		},
		/** Whether there is no file of that name any more; what was left of it has been read. */
		get isGone() {
			return isGone;
		},
		/** Tells that nothing more comes of it. */
		last: (): Piece => ({ bytes: nothing, at: place, isLast: true }),
		/** What can be read now. */
		*read(): Generator<Piece> {
			for (;;) {
				let chunk = tail.read() as Uint8Array | null;
				while (chunk !== null && chunk.length > 0) {
					const piece = pieceOf(chunk);
					yield piece;
					chunk = chunk.subarray(piece.bytes.length);
				}
				if (resets[0]?.at === seen) yield pieceOf(nothing);
				else if (chunk === null) return;
			}
		},
		/** Resolves with false when there may be something to read, or nothing ever again. */
		news: (signal: AbortSignal) =>
			new Promise<false>((resolve) => {
				const look = () => {
					signal.removeEventListener('abort', look);
					resolve(false);
				};
				wake = look;
				if (!signal.aborted) signal.addEventListener('abort', look, { once: true });
				if (tail.readableLength > 0 || isEnded || isGone || error) look();
			}),
	};
}

/** The file's inode, and its size as a position; undefined if it is not there. */
async function lookAt(path: string): Promise<Place | undefined> {
	try {
		const found = await stat(path);
		if (found.isFile()) return { inode: found.ino, position: found.size };
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return undefined;
		throw fileError(thrown);
	}
	throw new ReeveError('file_failed', `${path} is no file`);
}

/**
 * What has been written to a file after we looked at it last, under the name that it has by now.
 */
async function* restOf(path: string, { inode, position }: Place): AsyncGenerator<Piece> {
	const folder = dirname(path);
	const names = await readdir(folder);
	for (const name of names) {
		const found = await stat(join(folder, name)).catch(() => undefined);
		if (found?.ino !== inode || !found.isFile()) continue;
		const handle = await open(join(folder, name), 'r');
		try {
			for (let at = position; ;) {
				const { bytesRead, buffer } = await handle.read(
					Buffer.alloc(oldBytesAtATime),
					0,
					oldBytesAtATime,
					at,
				);
				if (bytesRead === 0) break;
				yield { bytes: buffer.subarray(0, bytesRead), at: { inode, position: at } };
				at += bytesRead;
			}
		} finally {
			await handle.close();
		}
		break;
	}
	yield { bytes: nothing, at: { inode, position }, isLast: true };
}
