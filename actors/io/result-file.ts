/**
 * Result files: where a message's data is written, and how that survives a crash.
 *
 * @module
 */
import { open, readFile, realpath, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join, sep } from 'node:path';
import { z } from 'zod';
import {
	fileError,
	makePrivateFolder,
	regularFile,
	syncFolder,
} from '../../runtime/files/data-folder.ts';
import type { MethodContext } from '../../runtime/method/method.ts';
import { isReply, type Message } from '../../runtime/message/message.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { appendWhole, countPresent } from './whole-append.ts';

/** What to append, where, and by which method. */
export interface Appending {
	readonly path: string;
	readonly data: string | Uint8Array;
	/** The method that appends; it must be sequential. */
	readonly method: string;
}

/**
 * The file that a message names: `<data>/<directory>/<node>/<fileName>`, as in steward. The node is
 * the sender of a reply, and the receiver of anything else. If a sender tells of a third node, that
 * one has a folder in the folder of the sender, because no node may write the results of others.
 *
 * @throws ReeveError `bad_arguments` without a `fileName`; `path_outside`; `file_failed`
 */
export async function resultFile(message: Message, context: MethodContext): Promise<string> {
	if (!message.fileName) {
		const advice = "check that you've specified a value for fileName in the message";
		throw new ReeveError('bad_arguments', advice);
	}
	const { directory = '', fromNode, aboutNode = fromNode, fileName } = message;
	const owner = isReply(message) ? fromNode : context.node;
	if (aboutNode === fromNode) return context.dataFile(directory, owner, fileName);
	// What this node tells itself of another node is the result of that one.
	const folders = fromNode === context.node ? [aboutNode] : [owner, aboutNode];
	return context.dataFile(directory, ...folders, fileName);
}

/** Of a new file: outputs are for the owner of the node only, until the operator says otherwise. */
const fileMode = 0o600;

/**
 * Replaces the file's content by `data`. Readers see the old content or the new one, never a part,
 * whatever happens in between; a second run leaves the same file. What is no regular file, such as
 * a named pipe, is not replaced. It keeps its permissions unless a `mode` is given.
 *
 * @throws ReeveError `file_failed`, `storage_full`
 */
export async function replaceFile(
	path: string,
	data: string | Uint8Array,
	{ id, mode }: { readonly id: string; readonly mode?: number },
): Promise<void> {
	const folder = dirname(path);
	// A run after a crash uses the same name, and so removes what the crash left.
	const temporary = join(folder, `.reeve-${nameOf(id)}.tmp`);
	// The new file gets the permissions of the one that it replaces.
	const replaced = await regularFile(path);
	try {
		await writeSynced(temporary, data, mode ?? (replaced && replaced.mode & 0o7777));
		await rename(temporary, path);
		await syncFolder(folder);
	} catch (thrown) {
		await rm(temporary, { force: true });
		throw fileError(thrown, path);
	}
}

/**
 * Appends to a file so that a message that is run again after a crash is not in it twice, and no
 * part of it stays if it cannot be appended whole.
 *
 * Before it appends, it notes the message, the length of the file and that of the data in a file in
 * `notesFolder`, where no message can write. A second run compares the bytes after that length
 * with what it would append, and adds only what is missing. If another message comes first, because
 * that one is not run again, what is there of it is removed. One note is enough because the method
 * runs one message at a time. The note itself is not flushed: after a power cut, though not after a
 * crash, the last message may be in the file twice. It is never lost. The same holds if another
 * program writes to the file.
 *
 * @throws ReeveError `file_failed`, `storage_full`
 */
export async function appendOnce(
	message: Message,
	context: MethodContext,
	{ path, data, method }: Appending,
): Promise<void> {
	const notePath = join(context.notesFolder, `${method}.json`);
	const bytes = Buffer.from(data);
	try {
		await makePrivateFolder(context.notesFolder);
		const earlier =
			whole.has(notePath) && context.attempt === 1 ? undefined : await readNote(notePath);
		if (earlier && earlier.id !== message.id) await removePart(earlier, context);
		whole.delete(notePath);
		await regularFile(path);
		const handle = await open(path, 'a+', fileMode);
		try {
			const { size, ino: inode } = await handle.stat();
			const isSame = earlier?.id === message.id && earlier.path === path;
			const done = isSame ? await countPresent(handle, bytes, earlier.size) : undefined;
			if (done === undefined) {
				const note: Note = { id: message.id, path, size, inode, length: bytes.length };
				await writeFile(notePath, JSON.stringify(note), { mode: fileMode });
			}
			await appendWhole(handle, bytes, done ?? 0);
			whole.add(notePath);
			if (size === 0) await syncFolder(dirname(path));
		} finally {
			await handle.close();
		}
	} catch (thrown) {
		throw fileError(thrown, path);
	}
}

/** The notes of this process whose message is whole. */
const whole = new Set<string>();

/** A name made from a text that may hold anything, also what means something in paths. */
function nameOf(text: string): string {
	return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** The real path of the data folder. */
export async function dataRoot(context: Pick<MethodContext, 'dataFile'>): Promise<string> {
	return dirname(await context.dataFile('.root'));
}

/**
 * The message that was about to be appended, and the length of the file before that; which file it
 * was, and the length of the data.
 */
const noteShape = z.object({
	id: z.string(),
	path: z.string(),
	size: z.int().min(0),
	inode: z.int(),
	length: z.int().min(0),
});
type Note = z.output<typeof noteShape>;

/** Removes what is there of a message that is not whole, in the data folder and nowhere else. */
async function removePart({ path, size, inode, length }: Note, context: MethodContext) {
	try {
		const isInside = path.startsWith((await dataRoot(context)) + sep);
		if (!isInside || (await realpath(path)) !== path) return;
		const found = await stat(path);
		const isPart = found.size > size && found.size < size + length;
		if (isPart && found.ino === inode) await truncate(path, size);
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') !== 'ENOENT') throw thrown;
	}
}

/** The note, unless there is none or it was cut short: then nothing had been appended yet. */
async function readNote(path: string): Promise<Note | undefined> {
	try {
		return noteShape.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
	} catch (thrown) {
		const isExpected =
			thrown instanceof SyntaxError || Reflect.get(Object(thrown), 'code') === 'ENOENT';
		if (isExpected) return undefined;
		throw thrown;
	}
}

async function writeSynced(path: string, data: string | Uint8Array, mode?: number): Promise<void> {
	const handle = await open(path, 'w', fileMode);
	try {
		if (mode !== undefined) await handle.chmod(mode);
		await handle.writeFile(data);
		await handle.sync();
	} finally {
		await handle.close();
	}
}
