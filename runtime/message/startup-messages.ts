/**
 * Startup messages: files in a folder of their own, each a message or a list of them in JSON or
 * YAML, that are sent at every start of the node. They are written, listed and removed by methods,
 * or by hand. No other method can write there: what may write files must not be able to write
 * messages that are sent in the name of the node.
 *
 * A file that a method has written for others has a first line that says for whom: its messages are
 * sent on their behalf, at every start.
 *
 * ```
 * #reeve asked-by ["client:alice","node:central"]
 * {"method": "REQCliCommand", "methodArgs": ["./mount.sh"]}
 * ```
 *
 * @module
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { arePrincipals, noPrincipals, type Principal } from './principal.ts';
import { utf8Text } from '../text/utf8.ts';
import { isName } from './topics.ts';
import { fileError } from '../files/data-folder.ts';
import { ReeveError } from '../platform/errors.ts';

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
export async function listStartup(folder: string): Promise<readonly StartupFile[]> {
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

/** The content of a file, and on whose behalf it was written. */
export interface StartupContent {
	readonly bytes: Buffer;
	readonly askedBy: readonly Principal[];
}

const mark = '#reeve asked-by ';

/** The content of a file as it is written on behalf of these principals. */
export function startupContent(
	data: string | Uint8Array,
	askedBy: readonly Principal[],
): string | Uint8Array {
	if (askedBy.length === 0) return data;
	return Buffer.concat([
		Buffer.from(`${mark}${JSON.stringify(askedBy)}\n`),
		Buffer.from(data as Uint8Array),
	]);
}

/**
 * The content of one of the files.
 *
 * @throws ReeveError `bad_name`; `bad_message` if its first line does not say for whom it is
 */
export async function readStartup(folder: string, name: string): Promise<StartupContent> {
	const whole = await readFile(join(folder, startupFileName(name)));
	if (!whole.subarray(0, mark.length).equals(Buffer.from(mark))) {
		return { bytes: whole, askedBy: noPrincipals };
	}
	const end = whole.indexOf('\n');
	const line = whole.subarray(mark.length, end === -1 ? whole.length : end);
	return {
		bytes: whole.subarray(end === -1 ? whole.length : end + 1),
		askedBy: principalsIn(line),
	};
}

function principalsIn(line: Buffer): readonly Principal[] {
	try {
		const list: unknown = JSON.parse(utf8Text(line));
		if (arePrincipals(list)) return list;
		throw new ReeveError('bad_message', 'principals of no known kind');
	} catch (cause) {
		throw new ReeveError('bad_message', 'its first line does not say for whom it is', { cause });
	}
}
