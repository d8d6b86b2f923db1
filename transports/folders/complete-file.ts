/**
 * Decides whether a file is complete, as far as that can be seen from outside its writer.
 *
 * @module
 */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../runtime/platform/clock.ts';

/** Remembers the state of files between two scans. */
export interface Settling {
	/**
	 * Whether the file at this absolute path has not changed for long enough, and no process has it
	 * open for writing. A file that is gone is not complete.
	 */
	isComplete(path: Buffer): Promise<boolean>;
	/** Forgets the files that were not asked about since the last call. */
	forgetOthers(): void;
}

interface FileState {
	/** Inode, size and time of the last change. */
	readonly version: string;
	readonly since: number;
}

/** Creates an empty memory. A file must be seen at least twice, `settleMs` apart. */
export function createSettling(clock: Clock, settleMs: number): Settling {
	let earlier = new Map<string, FileState>();
	let seen = new Map<string, FileState>();
	return {
		async isComplete(path) {
			const about = await stat(path, { bigint: true }).catch(() => undefined);
			if (!about) return false;
			const key = path.toString('latin1');
			const version = [about.ino, about.size, about.mtimeNs].join(' ');
			const before = seen.get(key) ?? earlier.get(key);
			const now = clock.monotonic();
			const state = before?.version === version ? before : { version, since: now };
			seen.set(key, state);
			if (now - state.since < settleMs) return false;
			// Both texts have U+FFFD for a byte that is no UTF-8.
			return !(await isBeingWritten(path.toString()));
		},
		forgetOthers() {
			earlier = seen;
			seen = new Map();
		},
	};
}

/**
 * Whether a process has this file open for writing. Linux shows this for processes of the same
 * user, and for all to root. For other processes, and on other systems, only the time since the
 * last change counts.
 */
export async function isBeingWritten(path: string): Promise<boolean> {
	const processes = await readdir('/proc').catch(() => []);
	for (const pid of processes.filter((name) => /^\d+$/.test(name))) {
		const folder = join('/proc', pid, 'fd');
		for (const fd of await readdir(folder).catch(() => [])) {
			const target = await readlink(join(folder, fd)).catch(() => '');
			if (target !== path) continue;
			const about = await readFile(join('/proc', pid, 'fdinfo', fd), 'utf8').catch(() => '');
			const [, flags = '0'] = /^flags:\s*(\d+)/m.exec(about) ?? [];
			// The last two bits: 0 reads, 1 writes, 2 does both.
			if ((Number.parseInt(flags, 8) & 3) !== 0) return true;
		}
	}
	return false;
}
