/**
 * The method that takes a copied file.
 *
 * @module
 */
import { chmod, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { fileError, regularFile, syncFolder } from '../../runtime/files/data-folder.ts';
import { defineMethod, type MethodContext } from '../../runtime/method/method.ts';
import type { Message } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import {
	checksum,
	checksumOf,
	checksumOfBytes,
	copyPath,
	copyTarget,
	modeText,
	wholeNumber,
} from '../io/file-copy.ts';
import { untilSpace } from '../io/full-disk.ts';
import type { Output } from '../../runtime/message/reply.ts';

const path = z.string().min(1);
const words = z.union([
	z.tuple([z.literal('begin'), path, wholeNumber, checksum, modeText]),
	z.tuple([z.literal('chunk'), path, checksum, wholeNumber, checksum]),
	z.tuple([z.literal('end'), path, wholeNumber, checksum, wholeNumber]),
]);

/**
 * Takes what REQCopySrc sends; people do not call it. `begin` answers how many bytes of the file
 * are here, `chunk` writes more, and `end` compares the checksum and renames the file, in one step.
 *
 * Until the file is whole, its chunks are in `.reeve-<checksum>.part` beside it, each flushed. A
 * full disk is waited for. That file is removed if it cannot be written or get its name; if the
 * copy just does not go on, it is used if the file is sent again, and removed when another copy to
 * the same folder begins after `copyPartsKept`.
 */
export default defineMethod({
	name: 'REQCopyDst',
	aliases: ['copy-target'],
	summary: 'Take a piece of a file that is copied to here',
	kind: 'EventACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: true,
	args: z
		.array(z.string())
		.refine((args) => words.safeParse(args).success, 'only REQCopySrc knows what to ask for'),
	example: {
		methodArgs: [
			'begin',
			'copies/empty',
			'0',
			'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
			'',
		],
	},
	async run(message, context): Promise<Output> {
		const args = words.parse(message.methodArgs);
		try {
			switch (args[0]) {
				case 'begin':
					return await begin(args, context);
				case 'chunk':
					return await take(args, message, context);
				default:
					return await end(args, context);
			}
		} catch (thrown) {
			if (!(thrown instanceof ReeveError)) context.signal.throwIfAborted();
			throw fileError(thrown, args[1]);
		}
	},
});

type Begin = Extract<z.output<typeof words>, readonly ['begin', ...unknown[]]>;
type Chunk = Extract<z.output<typeof words>, readonly ['chunk', ...unknown[]]>;
type End = Extract<z.output<typeof words>, readonly ['end', ...unknown[]]>;

async function begin([, name, size, whole, mode]: Begin, context: MethodContext): Promise<Output> {
	const { copyBytesMax } = context.limits;
	if (Number(size) > copyBytesMax) throw new ReeveError('too_large', 'see copyBytesMax');
	const target = await copyTarget(name, mode, context);
	await regularFile(target);
	if (await isComplete(target, { size, whole }, context)) return { data: size };
	await removeOldParts(partOf(target, whole), context);
	const has = await sizeOf(partOf(target, whole));
	return { data: String(Math.min(has ?? 0, Number(size))) };
}

async function take(
	[, name, whole, offsetText, sum]: Chunk,
	{ data = '' }: Message,
	context: MethodContext,
): Promise<Output> {
	const bytes = Buffer.from(data as Uint8Array);
	if (checksumOfBytes(bytes) !== sum) throw new ReeveError('copy_failed', 'a chunk is damaged');
	const part = partOf(await copyPath(name, context), whole);
	const offset = Number(offsetText);
	const has = (await sizeOf(part)) ?? 0;
	// A repeated chunk is written over itself; but the file must not get a hole.
	if (offset > has) throw new ReeveError('copy_failed', `only ${has} bytes are here`);
	await orRemove(part, () =>
		untilSpace(context, () =>
			write(part, { bytes, offset, has }).catch((thrown: unknown) => {
				throw fileError(thrown, name);
			}),
		),
	);
	return { data: String(Math.max(has, offset + bytes.length)) };
}

async function end([, name, size, whole, mode]: End, context: MethodContext): Promise<Output> {
	const target = await copyPath(name, context);
	const part = partOf(target, whole);
	const done = { data: `copyDstDone, ${name}, ${size} bytes, sha256 ${whole}\n` };
	// Of an empty file no chunk comes.
	if (Number(size) === 0) await (await open(part, 'a', partMode)).close();
	const has = await sizeOf(part);
	if (has === undefined && (await isComplete(target, { size, whole }, context))) return done;
	if (has !== Number(size)) throw new ReeveError('copy_failed', `${has ?? 0} of ${size} bytes`);
	if ((await checksumOf(part, context.signal)) !== whole) {
		await rm(part, { force: true });
		throw new ReeveError('copy_failed', 'the checksum of the whole file is wrong');
	}
	await orRemove(part, async () => {
		await regularFile(target);
		await chmod(part, Number(mode) & 0o777);
		await rename(part, target);
		await syncFolder(dirname(target));
	});
	return done;
}

/** A chunk, where it belongs, and how many bytes the file has. */
interface Piece {
	readonly bytes: Buffer;
	readonly offset: number;
	readonly has: number;
}

/** Writes a chunk into a file that has `has` bytes. If that fails, the file is as before. */
async function write(part: string, { bytes, offset, has }: Piece): Promise<void> {
	const handle = await open(part, has === 0 ? 'w+' : 'r+', partMode);
	try {
		// On a disk that becomes full, the first write takes a part and only the next one fails.
		for (let at = 0; at < bytes.length;) {
			at += (await handle.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
		}
		await handle.datasync();
	} catch (thrown) {
		await handle.truncate(has).catch(() => undefined);
		throw thrown;
	} finally {
		await handle.close();
	}
}

/** Does the work, and removes the file if it fails for good. */
async function orRemove(part: string, work: () => Promise<void>): Promise<void> {
	try {
		await work();
	} catch (thrown) {
		const { code } = fileError(thrown);
		const isForGood = code === 'file_failed' || code === 'storage_full';
		if (isForGood) await rm(part, { force: true }).catch(() => undefined);
		throw thrown;
	}
}

const partName = /^\.reeve-[0-9a-f]{32}\.part$/;

/** Removes the parts of copies that have not gone on for long, such as those that a crash left. */
async function removeOldParts(own: string, { clock, limits }: MethodContext): Promise<void> {
	const folder = dirname(own);
	const oldest = clock.now() - limits.copyPartsKept * 1000;
	for (const name of await readdir(folder).catch(() => [])) {
		const path = join(folder, name);
		if (path === own || !partName.test(name)) continue;
		const found = await stat(path).catch(() => undefined);
		if (found && found.mtimeMs < oldest) await rm(path, { force: true });
	}
}

/** Until a file is whole and gets its own permissions, only the node may read it. */
const partMode = 0o600;

const partOf = (target: string, whole: string) =>
	join(dirname(target), `.reeve-${whole.slice(0, 32)}.part`);

async function sizeOf(file: string): Promise<number | undefined> {
	try {
		const found = await stat(file);
		return found.isFile() ? found.size : undefined;
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return undefined;
		throw fileError(thrown);
	}
}

/** Whether the target has this size and checksum already. */
async function isComplete(
	target: string,
	{ size, whole }: { readonly size: string; readonly whole: string },
	{ signal }: MethodContext,
): Promise<boolean> {
	if ((await sizeOf(target)) !== Number(size)) return false;
	return (await checksumOf(target, signal)) === whole;
}
