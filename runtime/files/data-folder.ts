/**
 * The data folder: the only folder that methods write into. Messages name folders and files in it;
 * no such name may lead out of it, neither by `..` nor by a symbolic link, and none may be one that
 * the node gives its own files there.
 *
 * @module
 */
import type { Stats } from 'node:fs';
import { chmod, lstat, mkdir, open, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { ReeveError, reasonOf } from '../platform/errors.ts';

/**
 * The absolute path of a file in the data folder `root`, all its folders created.
 *
 * Each part may have several segments. A leading `/` means the data folder itself: steward's
 * messages write `/var/log` for `<data>/var/log`. A part may use `..` within itself but cannot
 * climb above where it starts, so a file name cannot reach the results of another node either.
 *
 * The check and the later use are two steps: a program on this machine that may create links in the
 * data folder could put one in between. Messages cannot, because no method creates links.
 *
 * @throws ReeveError `path_outside` if the parts lead out of the data folder, name no file or
 * hold a NUL; `bad_name` for a name of the node's own; `file_failed` if a folder cannot be created
 */
export async function dataFile(root: string, ...parts: readonly string[]): Promise<string> {
	const named = parts.map(segmentsOf);
	const isNamed = (named.at(-1) ?? []).length > 0;
	const segments = named.flat();
	refuseOwnNames(segments);
	const name = segments.pop();
	if (!isNamed || name === undefined)
		throw new ReeveError('path_outside', 'the path names no file');
	try {
		const top = await realFolder(resolve(root));
		return await ownFile(top, await folderIn(top, segments), name);
	} catch (thrown) {
		throw fileError(thrown);
	}
}

/**
 * Refuses the names of files that are the node's own: what is written until it gets its name, and
 * what an earlier version noted there. Some file systems take two cases of a letter for one.
 *
 * @throws ReeveError `bad_name`
 */
export function refuseOwnNames(segments: readonly string[]): void {
	const own = segments.find((segment) => /^\.(?:reeve|append)-/i.test(segment));
	if (own === undefined) return;
	const detail = `${JSON.stringify(own.slice(0, 200))}: names like this are of the node itself`;
	throw new ReeveError('bad_name', detail);
}

/** Creates a folder that only the node may read and write, if it is missing. */
export async function makePrivateFolder(folder: string): Promise<void> {
	const made = await mkdir(folder, { recursive: true, mode: folderMode });
	// The mode of a folder that is made depends on the mask of the process.
	if (made !== undefined) await chmod(folder, folderMode);
}

/**
 * What the file system reported, as an operational error; an operational error stays what it is.
 * `path` is added if the report names no file, as those about an open file do not.
 */
export function fileError(thrown: unknown, path?: string): ReeveError {
	if (thrown instanceof ReeveError) return thrown;
	const code = fullDisk.has(codeOf(thrown)) ? 'storage_full' : 'file_failed';
	const isNamed = path === undefined || Reflect.has(Object(thrown), 'path');
	const detail = isNamed ? reasonOf(thrown) : `${reasonOf(thrown)} '${path}'`;
	return new ReeveError(code, detail, { cause: thrown });
}

/** Codes of the system for a file that cannot grow. */
const fullDisk: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/**
 * What the system knows of the regular file at `path`; undefined if there is none. Ask before the
 * file is opened: opening a pipe may never end, and what is written to one cannot be taken back.
 *
 * @throws ReeveError `file_failed`, saying what it is, if it is anything but a regular file
 */
export async function regularFile(path: string): Promise<Stats | undefined> {
	try {
		const found = await stat(path);
		if (found.isFile()) return found;
		const detail = `${path} is ${kindOf(found)}, not a regular file`;
		throw new ReeveError('file_failed', detail);
	} catch (thrown) {
		if (isMissing(thrown)) return undefined;
		throw fileError(thrown);
	}
}

function kindOf(found: Stats): string {
	if (found.isDirectory()) return 'a folder';
	if (found.isFIFO()) return 'a named pipe';
	if (found.isSocket()) return 'a socket';
	return 'a device';
}

/** Flushes `folder`, so that a new name in it survives a power cut. */
export async function syncFolder(folder: string): Promise<void> {
	const handle = await open(folder, 'r');
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** One part as plain segments, `.` and `..` resolved. */
function segmentsOf(part: string): string[] {
	if (part.includes('\0')) throw new ReeveError('path_outside', 'the path holds a NUL');
	const segments: string[] = [];
	for (const segment of part.split(sep === '/' ? sep : /[\\/]/)) {
		if (segment === '' || segment === '.') continue;
		if (segment !== '..') segments.push(segment);
		else if (segments.pop() === undefined) {
			throw new ReeveError('path_outside', `${JSON.stringify(part)} climbs above its folder`);
		}
	}
	return segments;
}

/** Outputs of commands are for the owner of the node only, until the operator says otherwise. */
const folderMode = 0o700;

/** The real path of a folder that is created if it is missing. */
async function realFolder(path: string): Promise<string> {
	try {
		return await realpath(path);
	} catch (thrown) {
		if (!isMissing(thrown)) throw thrown;
	}
	await mkdir(path, { recursive: true, mode: folderMode });
	return realpath(path);
}

/** The real path of a folder below `top`: in one step if it is there, else segment by segment. */
async function folderIn(top: string, segments: readonly string[]): Promise<string> {
	try {
		return inside(top, await realpath(join(top, ...segments)));
	} catch (thrown) {
		if (!isMissing(thrown)) throw thrown;
	}
	let folder = top;
	for (const segment of segments) {
		const next = join(folder, segment);
		if (await isCreated(next)) await syncFolder(folder);
		folder = inside(top, await realpath(next));
	}
	return folder;
}

/** Creates the folder; false if something of that name exists. */
async function isCreated(path: string): Promise<boolean> {
	try {
		await mkdir(path, { mode: folderMode });
		return true;
	} catch (thrown) {
		if (codeOf(thrown) === 'EEXIST') return false;
		throw thrown;
	}
}

/** The path of a file in `folder`; if it is a link, of the file that it leads to. */
async function ownFile(top: string, folder: string, name: string): Promise<string> {
	const path = join(folder, name);
	try {
		if (!(await lstat(path)).isSymbolicLink()) return path;
	} catch (thrown) {
		if (isMissing(thrown)) return path;
		throw thrown;
	}
	try {
		return inside(top, await realpath(path));
	} catch (thrown) {
		if (!isMissing(thrown)) throw thrown;
		throw new ReeveError('path_outside', `${name} is a link that leads nowhere`);
	}
}

/** Returns `path`, or throws if a link has led out of `top`. */
function inside(top: string, path: string): string {
	const within = top.endsWith(sep) ? top : top + sep;
	if (path === top || path.startsWith(within)) return path;
	throw new ReeveError('path_outside', `a link leads to ${dirname(path)}`);
}

function codeOf(thrown: unknown): unknown {
	return thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
}

const isMissing = (thrown: unknown) => codeOf(thrown) === 'ENOENT';
