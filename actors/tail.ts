/**
 * Following a file: what is added to it, over rotation, truncation and deletion, with the place of each
 * piece in its file.
 *
 * This file is the door to @logdna/tail-file.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import TailFile from '@logdna/tail-file';
import { pause, type Clock } from '../runtime/clock.ts';
import { fileError } from '../runtime/data-folder.ts';
import { ReeveError } from '../runtime/errors.ts';

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

/** How long the last look at a file may take. */
const lastLookMs = 500;
/** Read at a time from a file that was rotated away. */
const oldBytesAtATime = 65_536;

/**
 * What is added to a file, until the signal is raised. A file that is missing, or goes missing, is waited for.
 *
 * From a place in a file that has been renamed since, in the same folder, its rest comes first.
 *
 * @throws ReeveError `file_failed` for what is no file, or must not be read
 */
export async function* followFile(following: Following): AsyncGenerator<Piece> {
	const { path, clock, signal, pollMs } = following;
	let { from } = following;
	let isNew = false;
	for (;;) {
		const found = await inodeOf(path);
		if (found !== undefined && from && found.inode !== from.inode) {
			yield* restOf(path, from);
			from = { inode: found.inode, position: 0 };
		}
		if (found !== undefined) {
			const size = found.position;
			const isShorter = from && from.position > size;
			const beginning = { inode: found.inode, position: 0 };
			const start = isShorter ? beginning : (from ?? (isNew ? beginning : found));
			following.onStart?.(start);
			const isOver = yield* followOpen(following, start);
			if (isOver) return;
			from = undefined;
		}
		// Whatever is there the next time has not been read.
		isNew = true;
		if (signal.aborted) return;
		await pause(clock, pollMs, signal);
		if (signal.aborted && (await inodeOf(path)) === undefined) return;
	}
}

/** Follows a file that is there; false if it has gone before it could be opened. */
async function* followOpen(
	{ path, clock, signal, pollMs }: Following,
	start: Place,
): AsyncGenerator<Piece, boolean> {
	const tail = new TailFile(path, {
		startPos: start.position,
		pollFileIntervalMs: pollMs,
		pollFailureRetryMs: pollMs,
		maxPollFailures: Number.MAX_SAFE_INTEGER,
	});
	const watch = watchTail(tail, path);
	const quit = () => void tail.quit().catch(() => undefined);
	try {
		if (!(await isStarted(tail))) return false;
		signal.addEventListener('abort', quit, { once: true });
		if (signal.aborted) quit();
		let at = start;
		for (;;) {
			const chunk = tail.read() as Buffer | null;
			if (chunk !== null) {
				for (const piece of watch.cut(chunk, at)) {
					yield piece;
					at = { ...piece.at, position: piece.at.position + piece.bytes.length };
					if (piece.isLast) at = watch.next();
				}
				continue;
			}
			const reset = watch.pending();
			if (reset) {
				yield { bytes: new Uint8Array(0), at, isLast: true };
				at = watch.next();
				continue;
			}
			if (watch.error) throw fileError(watch.error);
			if (tail.readableEnded || watch.isEnded) return true;
			// Without the file there is no last look to wait for.
			const ended = signal.aborted ? pause(clock, lastLookMs).then(() => true) : undefined;
			if (await Promise.race([watch.news(signal), ...(ended ? [ended] : [])])) return true;
		}
	} finally {
		signal.removeEventListener('abort', quit);
		if (!signal.aborted) quit();
		tail.destroy();
	}
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
function watchTail(tail: TailFile, path: string) {
	/** Places at which another file begins, in bytes of all that was read; with its inode. */
	const resets: { readonly at: number; readonly inode: number }[] = [];
	let seen = 0;
	let wake = () => {};
	const state = { error: undefined as Error | undefined, isEnded: false };
	const mark = () => {
		resets.push({
			at: seen + tail.readableLength,
			inode: statSync(path, { throwIfNoEntry: false })?.ino ?? 0,
		});
		wake();
	};
	tail.on('renamed', mark);
	tail.on('truncated', mark);
	tail.on('error', (error: Error) => {
		state.error = error;
		wake();
	});
	tail.on('readable', () => wake());
	tail.on('end', () => {
		state.isEnded = true;
		wake();
	});
	return {
		get error() {
			return state.error;
		},
		get isEnded() {
			return state.isEnded;
		},
		/** The chunk as pieces that each belong to one file. */
		*cut(chunk: Buffer, at: Place): Generator<Piece> {
			let place = at;
			let rest = chunk;
			while (rest.length > 0) {
				const [reset] = resets;
				const length = reset ? Math.min(rest.length, reset.at - seen) : rest.length;
				const bytes = rest.subarray(0, length);
				rest = rest.subarray(length);
				seen += length;
				const isLast = reset?.at === seen;
				yield { bytes, at: place, ...(isLast ? { isLast } : {}) };
				place = isLast
					? { inode: reset.inode, position: 0 }
					: { ...place, position: place.position + length };
			}
		},
		/** Whether another file begins right here. */
		pending: () => resets[0]?.at === seen,
		/** Where it begins. */
		next(): Place {
			return { inode: resets.shift()?.inode ?? 0, position: 0 };
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
				if (tail.readableLength > 0 || state.isEnded || state.error) look();
			}),
	};
}

/** The file's inode, and its size as a position; undefined if it is not there. */
async function inodeOf(path: string): Promise<Place | undefined> {
	try {
		const found = await stat(path);
		if (found.isFile()) return { inode: found.ino, position: found.size };
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return undefined;
		throw fileError(thrown);
	}
	throw new ReeveError('file_failed', `${path} is no file`);
}

/** What has been written to a file after we looked at it last, under the name that it has by now. */
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
	yield { bytes: new Uint8Array(0), at: { inode, position }, isLast: true };
}
