/**
 * The sending end of a copy: reads a file in chunks, and asks the target to write each.
 *
 * @module
 */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { fileError, regularFile } from '../../runtime/files/data-folder.ts';
import type { Answered, Asked, MethodContext } from '../../runtime/method/method.ts';
import { isErrorCode, ReeveError } from '../../runtime/platform/errors.ts';
import { checksumOf, checksumOfBytes } from './file-copy.ts';

/** A file to copy, and its target. */
export interface Copy {
	/** The file here. */
	readonly path: string;
	readonly toNode: string;
	/** The file there. */
	readonly target: string;
	readonly chunkBytes: number;
	/** Permissions of folders that are created there; empty: the default ones. */
	readonly folderMode: string;
}

/** How far a copy has come, as its run notes it. */
interface Progress {
	readonly size: number;
	readonly modifiedAt: number;
	readonly checksum: string;
	/** How many bytes the target has. */
	readonly sent: number;
}

/** Chunks under way at a time. */
const chunksMax = 8;
/** The smallest chunk that is tried. */
const chunkBytesMin = 1024;
/** How often the target may lose what it had before the copy fails. */
const lossesMax = 5;
/** Seconds that the target may take to compute the checksum of a large file. */
const checkSeconds = 3600;

/**
 * Sends a file, beginning with what the target does not have yet; resolves with the target's answer
 * when it has the whole file under its name.
 *
 * @throws ReeveError `file_failed`, `copy_failed`, or the failure of the target
 */
export async function sendFile(copy: Copy, context: MethodContext): Promise<string> {
	const file = await describe(copy, context);
	const { checksum, size } = file;
	const ask = asker(copy, context);
	let { chunkBytes } = copy;
	for (let losses = 0; ;) {
		const known = ['begin', copy.target, String(size), checksum, copy.folderMode];
		const has = Number(await ask({ methodArgs: known, methodTimeout: checkSeconds }));
		await context.note({ ...file, sent: has });
		try {
			await sendRest({ ...copy, chunkBytes }, context, { file, from: has, ask });
			const whole = ['end', copy.target, String(size), checksum, String(file.mode)];
			return await ask({ methodArgs: whole, methodTimeout: checkSeconds });
		} catch (thrown) {
			const code = thrown instanceof ReeveError ? thrown.code : undefined;
			if (isAboutSize(code) && chunkBytes > chunkBytesMin) {
				chunkBytes = Math.max(chunkBytesMin, Math.floor(chunkBytes / 2));
				continue;
			}
			if (code !== 'copy_failed' || losses >= lossesMax) throw thrown;
			losses += 1;
			// The file may have changed while it was read.
			const now = await stat(copy.path).catch((error: unknown) => {
				throw fileError(error);
			});
			if (now.mtimeMs === file.modifiedAt && now.size === size) continue;
			throw new ReeveError('copy_failed', `${copy.path} has changed meanwhile`);
		}
	}
}

/** Whether the broker, or the target, may take a smaller chunk. */
const isAboutSize = (code: string | undefined) => code === 'too_large' || code === 'broker_refused';

type Ask = (asked: Pick<Asked, 'methodArgs' | 'data' | 'methodTimeout'>) => Promise<string>;

/** Describes the file; its checksum is computed only once, unless the file changes. */
async function describe({ path }: Copy, context: MethodContext) {
	const found = await regularFile(path);
	if (!found) throw new ReeveError('file_failed', `${path} is missing`);
	const { size, mtimeMs: modifiedAt } = found;
	const { copyBytesMax } = context.limits;
	if (size > copyBytesMax) throw new ReeveError('too_large', `${size} bytes; see copyBytesMax`);
	const earlier = context.progress as Progress | undefined;
	const isSame = earlier?.size === size && earlier.modifiedAt === modifiedAt;
	const checksum = isSame ? earlier.checksum : await checksumOf(path, context.signal);
	return { size, modifiedAt, checksum, mode: found.mode & 0o777 };
}

/**
 * Sends chunks from `from` on, several at a time once one of that size has arrived; being of one
 * lane, they arrive in order.
 */
async function sendRest(
	{ path, target, chunkBytes }: Copy,
	context: MethodContext,
	{ file, from, ask }: { file: Omit<Progress, 'sent'>; from: number; ask: Ask },
): Promise<void> {
	const handle = await open(path, 'r').catch((thrown: unknown) => {
		throw fileError(thrown);
	});
	const underWay = new Set<Promise<void>>();
	let failure: unknown;
	let mostUnderWay = 1;
	try {
		for (let offset = from; offset < file.size && failure === undefined;) {
			const data = await readAt(handle, offset, chunkBytes);
			if (data.length === 0) throw new ReeveError('copy_failed', `${path} has become shorter`);
			const methodArgs = ['chunk', target, file.checksum, String(offset), checksumOfBytes(data)];
			offset += data.length;
			const end = offset;
			const taken = ask({ methodArgs, data })
				.then(() => {
					mostUnderWay = chunksMax;
					return context.note({ ...file, sent: end });
				})
				.catch((thrown: unknown) => {
					failure ??= thrown;
				})
				.finally(() => underWay.delete(taken));
			underWay.add(taken);
			if (underWay.size >= mostUnderWay) await Promise.race(underWay);
		}
		await Promise.all(underWay);
	} finally {
		await handle.close();
	}
	if (failure !== undefined) throw failure;
}

async function readAt(handle: FileHandle, offset: number, bytesMax: number): Promise<Uint8Array> {
	const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytesMax), 0, bytesMax, offset);
	return buffer.subarray(0, bytesRead);
}

/** Asks the target; rejects if the target fails. */
function asker({ toNode, path }: Copy, context: MethodContext): Ask {
	const note = `part of a copy of ${path}`.slice(0, 200);
	return async (asked) => {
		const { result, output } = await context.ask({ ...asked, toNode, method: 'REQCopyDst', note });
		if (result.outcome === 'done') return output;
		throw failureOf(result, toNode);
	};
}

function failureOf({ outcome, code = '', detail = '' }: Answered['result'], toNode: string) {
	const text = `${toNode}: ${detail || outcome}`;
	return new ReeveError(isErrorCode(code) ? code : 'copy_failed', text);
}
