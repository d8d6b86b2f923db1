/**
 * Whether a file is complete, as far as anybody but its writer can tell.
 *
 * @module
 */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../runtime/platform/clock.ts';

/** What files looked like, and since when. */
export interface Settling {
	/**
	 * Whether the file at this absolute path has looked the same for long enough, and nobody has it
	 * open for writing. A file that is gone is not complete.
	 */
	isComplete(path: string): Promise<boolean>;
	/** Forgets files that nobody has asked about since the last call. */
	forgetOthers(): void;
}

interface Look {
	readonly face: string;
	readonly since: number;
}

/** Creates a memory of what files looked like. It asks for at least two looks, `settleMs` apart. */
export function createSettling(clock: Clock, settleMs: number): Settling {
	let looks = new Map<string, Look>();
	let seen = new Map<string, Look>();
	return {
		async isComplete(path) {
			const about = await stat(path, { bigint: true }).catch(() => undefined);
			if (!about) return false;
			const face = [about.ino, about.size, about.mtimeNs].join(' ');
			const before = seen.get(path) ?? looks.get(path);
			const now = clock.monotonic();
			const look = before?.face === face ? before : { face, since: now };
			seen.set(path, look);
			if (now - look.since < settleMs) return false;
			return !(await isBeingWritten(path));
		},
		forgetOthers() {
			looks = seen;
			seen = new Map();
		},
	};
}

/**
 * Whether a process has this file open for writing. Linux tells it of the processes of this user,
 * and of all to root; elsewhere, and of others, nothing is known, and only the time that it rests
 * counts.
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
