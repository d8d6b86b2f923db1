/**
 * Following a file: yields what is added to it, over rotation, truncation and deletion, with the
 * position of each piece in its file.
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

/** A place in a file. The inode identifies the file even if it has been renamed. */
export interface Place {
	readonly inode: number;
	readonly position: number;
}

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
	/**
	 * Where to begin; by default at the end, or at the beginning of a file that does not exist yet.
	 */
	readonly from?: Place | undefined;
	/** Called as soon as the file is open. */
	readonly onStart?: (place: Place) => void;
}

/** The bytes that are read at a time from a file that was rotated away. */
const oldBytesAtATime = 65_536;
const nothing = new Uint8Array(0);

/**
 * Yields what is added to a file, until the signal is raised. It waits for a file that is missing,
 * or goes missing. If `from` is in a file that was renamed in the same folder since, the rest of
 * that comes first.
 *
 * @throws ReeveError `file_failed` if it is not a file, or must not be read
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

/** Where to begin in a file that ends at `end`. A file that appeared during the wait is unread. */
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
				// The next file of this name is unread, even if it gets the same inode.
				yield watch.last();
				return false;
			}
			if (signal.aborted) {
				// The rest is read here: the library's last read may repeat what it is just reading.
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

/** Stops the library without its last read, by an error; its types leave that argument out. */
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

/** Keeps track of what happens to a followed file, and at which byte of what was read. */
function watchTail(tail: TailFile, path: string, start: Place) {
	/** At how many bytes of all that was read another file begins, and its inode. */
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
		/** Where the next piece begins. */
		get place() {
			return place;
		},
		get error() {
			return error;
		},
		get isEnded() {
			return isEnded;
		},
		/** Whether the file has gone; what was left of it has been read. */
		get isGone() {
			return isGone;
		},
		/** The empty piece that ends a file which has gone. */
		last: (): Piece => ({ bytes: nothing, at: place, isLast: true }),
		/** Yields what can be read now. */
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
		/** Resolves when there may be something to read, or the file has ended, gone or failed. */
		news: (signal: AbortSignal) =>
			new Promise<void>((resolve) => {
				const done = () => {
					signal.removeEventListener('abort', done);
					resolve();
				};
				wake = done;
				if (!signal.aborted) signal.addEventListener('abort', done, { once: true });
				if (tail.readableLength > 0 || isEnded || isGone || error) done();
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
	throw new ReeveError('file_failed', `${path} is not a file`);
}

/** Yields the rest of a file from a place on, found by its inode in the folder of `path`. */
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
