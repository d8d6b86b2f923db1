/**
 * The backup of a store: copies it into a new folder, completely or not at all.
 *
 * @module
 */
import { chmod, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { privateModes } from './file-permissions.ts';
import { ReeveError, reasonOf } from '../platform/errors.ts';

/** What a copy needs. */
export interface CopyParts {
	/** The folder of the copy; new, or empty. */
	readonly to: string;
	/** Writes the file `data.mdb` into it. */
	readonly copy: () => Promise<void>;
}

/**
 * Creates the folder, writes the copy, and flushes it to disk. A copy that fails is removed.
 *
 * @throws ReeveError `backup_failed`, also for a folder that is not empty, which it does not touch
 */
export async function copyStore({ to, copy }: CopyParts): Promise<{ bytes: number }> {
	const file = join(to, 'data.mdb');
	let isOurs = false;
	try {
		await mkdir(to, { recursive: true, mode: privateModes.folder });
		if ((await readdir(to)).length > 0) throw new Error(`${to} is not empty`);
		isOurs = true;
		await copy();
		// LMDB lets the group and others read its copies.
		await chmod(file, privateModes.file);
		for (const path of [file, to]) {
			const handle = await open(path, 'r');
			try {
				await handle.sync();
			} finally {
				await handle.close();
			}
		}
		return { bytes: (await stat(file)).size };
	} catch (cause) {
		if (isOurs) await rm(file, { force: true });
		const detail = reasonOf(cause);
		throw new ReeveError('backup_failed', detail, { cause });
	}
}
