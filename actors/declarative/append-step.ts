/**
 * The step that appends to a file: once, even if a crash interrupts it and it runs again.
 *
 * @module
 */
import { open, readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import {
	fileError,
	makePrivateFolder,
	regularFile,
	syncFolder,
} from '../../runtime/files/data-folder.ts';
import { replaceFile } from '../io/result-file.ts';
import { appendWhole, countPresent } from '../io/whole-append.ts';

/** What a step appends. */
export interface StepAppending {
	readonly path: string;
	readonly bytes: Buffer;
	/** The same on every run of the step, and unique to it. */
	readonly id: string;
	/** Where the steps are noted: a folder into which no message writes. */
	readonly notesFolder: string;
}

/** Steps, and the size of the file when each began. */
const notesShape = z.array(z.tuple([z.string(), z.int().min(0)]));
type Notes = z.output<typeof notesShape>;

/**
 * How many steps are noted of a file. A step runs again only if its result is not on disk; if more
 * steps than these have appended to the file meanwhile, its bytes may be appended twice.
 */
const notesMax = 256;

/** Steps append to a file one after another, because their notes hold its size. */
const queues = new Map<string, Promise<void>>();

/**
 * Appends to a file. First it notes the step and the size of the file in a file in `notesFolder`; a
 * second run compares what follows after that size, and adds only what is missing.
 *
 * @throws ReeveError `file_failed`, `storage_full`
 */
export async function appendStep(appending: StepAppending): Promise<void> {
	const { path } = appending;
	const before = queues.get(path) ?? Promise.resolve();
	const work = before.then(() => append(appending));
	const last = work.catch(() => undefined);
	queues.set(path, last);
	try {
		await work;
	} catch (thrown) {
		throw fileError(thrown, path);
	} finally {
		if (queues.get(path) === last) queues.delete(path);
	}
}

async function append({ path, bytes, id, notesFolder }: StepAppending): Promise<void> {
	await makePrivateFolder(notesFolder);
	const name = createHash('sha256').update(path).digest('hex').slice(0, 32);
	const notePath = join(notesFolder, `step-${name}.json`);
	const notes = await readNotes(notePath);
	await regularFile(path);
	const handle = await open(path, 'a+', 0o600);
	try {
		const { size } = await handle.stat();
		const [, since] = notes.find(([step]) => step === id) ?? [];
		const present = since === undefined ? undefined : await countPresent(handle, bytes, since);
		if (present === undefined) {
			const kept: Notes = [...notes.filter(([step]) => step !== id), [id, size]];
			// In one step: if the disk is full, the notes of the others stay.
			await replaceFile(notePath, JSON.stringify(kept.slice(-notesMax)), { id });
		}
		await appendWhole(handle, bytes, present ?? 0);
		if (size === 0) await syncFolder(dirname(path));
	} finally {
		await handle.close();
	}
}

/** The notes; none if the file is missing or cut short, since then nothing was appended yet. */
async function readNotes(path: string): Promise<Notes> {
	try {
		return notesShape.safeParse(JSON.parse(await readFile(path, 'utf8'))).data ?? [];
	} catch (thrown) {
		const isMissing = Reflect.get(Object(thrown), 'code') === 'ENOENT';
		if (thrown instanceof SyntaxError || isMissing) return [];
		throw thrown;
	}
}
