/**
 * File copies between nodes: paths and checksums that both ends use. The source sends chunks; the
 * target keeps what it has in a partial file beside the final one, named by the checksum of the
 * whole. So a copy goes on where it was after a death of either end, and even if it is sent again.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, relative, sep } from 'node:path';
import { z } from 'zod';
import { fileError, refuseOwnNames } from '../../runtime/files/data-folder.ts';
import type { MethodContext } from '../../runtime/method/method.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { dataRoot } from './result-file.ts';

/** A whole number that is not negative, as text. */
export const wholeNumber = z.string().regex(/^\d{1,15}$/, 'must be a whole number');
/** Permissions as Unix writes them, such as 0755; empty: the default ones. */
export const modeText = z.string().regex(/^(?:0?[0-7]{3})?$/, 'must be permissions such as 0755');
/** A checksum as text. */
export const checksum = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal');

/**
 * Resolves the path of a message: relative paths lie in the data folder; absolute ones are taken as
 * they are, if `copyOutside` is on.
 *
 * @throws ReeveError `path_outside`; `bad_name` for a name that the node gives its own files
 */
export async function copyPath(path: string, context: MethodContext): Promise<string> {
	if (!isAbsolute(path)) return context.dataFile(path);
	refuseOwnNames(normalize(path).split(sep));
	if (context.limits.copyOutside && !path.includes('\0')) return path;
	throw new ReeveError('path_outside', `${path.slice(0, 200)}; see copyOutside`);
}

/** As {@link copyPath}; missing folders are created with these permissions. */
export async function copyTarget(
	path: string,
	mode: string,
	context: MethodContext,
): Promise<string> {
	const permissions = mode === '' ? undefined : Number.parseInt(mode, 8);
	const root = isAbsolute(path) ? sep : await dataRoot(context);
	const segments = relative(root, join(root, dirname(path))).split(sep);
	const folders = segments.map((_, index) => join(root, ...segments.slice(0, index + 1)));
	const missing: string[] = [];
	for (const folder of folders) if (!(await isThere(folder))) missing.push(folder);
	const target = await copyPath(path, context);
	try {
		await mkdir(dirname(target), { recursive: true, mode: 0o700 });
		if (permissions !== undefined) for (const folder of missing) await chmod(folder, permissions);
	} catch (thrown) {
		throw fileError(thrown);
	}
	return target;
}

/**
 * The checksum of a file.
 *
 * @throws ReeveError `file_failed`; the reason of the signal
 */
export async function checksumOf(path: string, signal: AbortSignal): Promise<string> {
	const hash = createHash('sha256');
	try {
		for await (const chunk of createReadStream(path, { signal, highWaterMark: 1_048_576 })) {
			hash.update(chunk as Uint8Array);
		}
	} catch (thrown) {
		signal.throwIfAborted();
		throw fileError(thrown);
	}
	return hash.digest('hex');
}

/** The checksum of bytes. */
export function checksumOfBytes(bytes: Uint8Array): string {
	return createHash('sha256').update(bytes).digest('hex');
}

async function isThere(path: string): Promise<boolean> {
	return lstat(path).then(
		() => true,
		() => false,
	);
}
