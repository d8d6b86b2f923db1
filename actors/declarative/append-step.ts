/**
 * Appending to a file as a step: once, whatever crashes meanwhile.
 *
 * @module
 */
import { open, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileError, syncFolder } from '../../runtime/files/data-folder.ts';
import { countPresent } from '../io/result-file.ts';

/** What is appended, by which step. */
export interface StepAppending {
	readonly path: string;
	readonly bytes: Buffer;
	/** The same on every run of the step, and no other's. */
	readonly id: string;
}

/** A step, and how long the file was when it began. */
type Note = readonly [id: string, size: number];

/**
 * How many steps a file remembers. A step may be run again only until its result is on disk, which
 * is soon; if more than these have appended to the same file by then, it may stand there twice.
 */
const notesMax = 256;

/** One after the other for each file: their notes are lengths. */
const lines = new Map<string, Promise<void>>();

/**
 * Appends to a file. Before it does, it notes the step and the length of the file in
 * `.<name>.append` beside it; a second run compares what stands behind that length, and adds only
 * what is missing.
 *
 * @throws ReeveError `file_failed`
 */
export async function appendStep(appending: StepAppending): Promise<void> {
	const { path } = appending;
	const before = lines.get(path) ?? Promise.resolve();
	const work = before.then(() => append(appending));
	const line = work.catch(() => undefined);
	lines.set(path, line);
	try {
		await work;
	} catch (thrown) {
		throw fileError(thrown);
	} finally {
		if (lines.get(path) === line) lines.delete(path);
	}
}

async function append({ path, bytes, id }: StepAppending): Promise<void> {
	const notePath = join(dirname(path), `.${basename(path)}.append`);
	const notes = await readNotes(notePath);
	const handle = await open(path, 'a+');
	try {
		const { size } = await handle.stat();
		const [, since] = notes.find(([step]) => step === id) ?? [];
		const present = since === undefined ? undefined : await countPresent(handle, bytes, since);
		if (present === undefined) {
			const kept: Note[] = [...notes.filter(([step]) => step !== id), [id, size]];
			await writeFile(notePath, JSON.stringify(kept.slice(-notesMax)));
		}
		await handle.appendFile(bytes.subarray(present ?? 0));
		await handle.datasync();
		if (size === 0) await syncFolder(dirname(path));
	} finally {
		await handle.close();
	}
}

/** The notes, unless there are none, or they were cut short: then nothing had been appended yet. */
async function readNotes(path: string): Promise<readonly Note[]> {
	try {
		return JSON.parse(await readFile(path, 'utf8')) as readonly Note[];
	} catch (thrown) {
		const isMissing = Reflect.get(Object(thrown), 'code') === 'ENOENT';
		if (thrown instanceof SyntaxError || isMissing) return [];
		throw thrown;
	}
}
