/**
 * A rotating file: lines are appended to `name`; when it is full it becomes `name.1`, the one
 * before `name.2` and so on. Only a limited number is kept.
 *
 * @module
 */
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

/** The limits of the files. */
export interface RotatingLimits {
	readonly bytesMax: number;
	/** Number of files, the current one included; at least one. */
	readonly filesMax: number;
}

/** The file that {@link createRotatingFile} makes. */
export interface RotatingFile {
	/**
	 * Appends whole lines, and flushes them to disk. A line that is larger than a file gets one of
	 * its own.
	 */
	append(lines: readonly string[]): Promise<void>;
	/**
	 * The last whole line, of the newest file that has one. Cuts off a partial line that a crash left
	 * behind it, so that the next line does not continue it.
	 */
	lastLine(): Promise<string | undefined>;
	/** All lines, newest file first; within a file, oldest first. */
	lines(): AsyncIterable<string>;
}

/** Creates one at this path. The file is created with its first line. */
export function createRotatingFile(path: string, limits: RotatingLimits): RotatingFile {
	const { bytesMax } = limits;
	const filesMax = Math.max(1, limits.filesMax);
	const nth = (at: number) => (at === 0 ? path : `${path}.${at}`);

	const rotate = async (): Promise<void> => {
		await rm(nth(filesMax - 1), { force: true });
		for (let at = filesMax - 1; at > 0; at -= 1) await rename(nth(at - 1), nth(at)).catch(ifThere);
	};
	const write = async (text: string): Promise<void> => {
		const file = await open(path, 'a', 0o600);
		try {
			const { size } = await file.stat();
			try {
				await file.appendFile(text);
				await file.datasync();
			} catch (thrown) {
				// No half line may stay that the next one would continue.
				await file.truncate(size);
				throw thrown;
			}
		} finally {
			await file.close();
		}
	};

	return {
		async append(lines) {
			await mkdir(dirname(path), { recursive: true, mode: 0o700 });
			let size = await sizeOf(path);
			let text = '';
			for (const line of lines) {
				const bytes = Buffer.byteLength(line) + 1;
				if (size > 0 && size + bytes > bytesMax) {
					if (text !== '') await write(text);
					await rotate();
					[size, text] = [0, ''];
				}
				text += `${line}\n`;
				size += bytes;
			}
			if (text !== '') await write(text);
		},
		async lastLine() {
			for (let at = 0; at < filesMax; at += 1) {
				const found = await tailOf(nth(at));
				if (found !== undefined) return found;
			}
			return undefined;
		},
		async *lines() {
			for (let at = 0; at < filesMax; at += 1) {
				if ((await sizeOf(nth(at))) === 0) continue;
				yield* createInterface({ input: createReadStream(nth(at)), crlfDelay: Infinity });
			}
		},
	};
}

/** The last whole line of a file; cuts off a partial one behind it. */
async function tailOf(path: string): Promise<string | undefined> {
	const size = await sizeOf(path);
	if (size === 0) return undefined;
	const file = await open(path, 'r');
	let tail = Buffer.alloc(0);
	try {
		for (let from = size; from > 0;) {
			const length = Math.min(pieceBytes, from);
			from -= length;
			const piece = Buffer.alloc(length);
			await file.read(piece, 0, length, from);
			tail = Buffer.concat([piece, tail]);
			const end = tail.lastIndexOf(newline);
			const before = end <= 0 ? -1 : tail.lastIndexOf(newline, end - 1);
			if (before >= 0 || from === 0) break;
		}
	} finally {
		await file.close();
	}
	const end = tail.lastIndexOf(newline);
	await truncate(path, size - (tail.length - end - 1));
	if (end < 0) return undefined;
	return tail.subarray(tail.lastIndexOf(newline, end - 1) + 1, end).toString('utf8');
}

const pieceBytes = 65_536;
const newline = 0x0a;

async function sizeOf(path: string): Promise<number> {
	try {
		return (await stat(path)).size;
	} catch (thrown) {
		ifThere(thrown);
		return 0;
	}
}

/** A file that is not there yet is no failure. */
function ifThere(thrown: unknown): void {
	if (Reflect.get(Object(thrown), 'code') !== 'ENOENT') throw thrown;
}
