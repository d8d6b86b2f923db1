/**
 * Startup messages: files in the folder `startup` of the data folder, each a message or a list of
 * them in JSON or YAML, that are sent at every start of the node. They are written, listed and
 * removed by methods, or by hand.
 *
 * @module
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isName } from './topics.ts';
import { fileError } from '../files/data-folder.ts';
import { ReeveError } from '../platform/errors.ts';

/** The name of the folder, in the data folder. */
export const startupFolder = 'startup';
/** The most files that are read; one file may hold several messages. */
export const startupFilesMax = 1000;

/** A file of startup messages. */
export interface StartupFile {
	readonly name: string;
	readonly bytes: number;
	/** Wall-clock milliseconds of its last change. */
	readonly at: number;
}

/**
 * The file name of what people call `name`.
 *
 * @throws ReeveError `bad_name`
 */
export function startupFileName(name: string): string {
	if (isName(name) && !name.startsWith('.')) return name;
	throw new ReeveError('bad_name', `startup message ${JSON.stringify(name)}`);
}

/** The files, in the order of their names, which is the order in which they are sent. */
export async function listStartup(dataFolder: string): Promise<readonly StartupFile[]> {
	const folder = join(dataFolder, startupFolder);
	try {
		const entries = await readdir(folder, { withFileTypes: true });
		const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
		const names = files.map(({ name }) => name).toSorted();
		return await Promise.all(
			names.slice(0, startupFilesMax).map(async (name) => {
				// A name that is not UTF-8 is listed, and refused when it is read; it must hide no other.
				const about = await stat(join(folder, name)).catch(() => undefined);
				return { name, bytes: about?.size ?? 0, at: Math.round(about?.mtimeMs ?? 0) };
			}),
		);
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return [];
		throw fileError(thrown);
	}
}

/** The content of one of them. */
export function readStartup(dataFolder: string, name: string): Promise<Buffer> {
	return readFile(join(dataFolder, startupFolder, startupFileName(name)));
}
