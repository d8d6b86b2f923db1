/**
 * A small disk that can be filled: a file system in memory where this user may mount one; else a
 * limit on the size of the files that one process writes; else none.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { closeSync, cpSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The disk of a node's journal. */
export interface Disk {
	/** What it is, for people. */
	readonly how: string;
	/** Whether it can be filled at all. */
	readonly isSmall: boolean;
	/** Leaves no room; for a process, where the limit is one of a process. */
	fill(pid: number | undefined): void;
	free(pid: number | undefined): void;
	/** Gives it up. With `isKept` its content stays in the folder. */
	end(isKept: boolean): void;
}

const pieceBytes = 65_536;

/** Puts a disk of `bytes` under a new folder. */
export function createDisk(folder: string, bytes: number): Disk {
	mkdirSync(folder, { recursive: true });
	if (mount(folder, bytes)) return mounted(folder);
	return isThere('prlimit') ? limited() : { ...limited(), how: 'none', isSmall: false };
}

/** Whether this user may mount a file system here. */
export function isMountable(): boolean {
	const folder = mkdtempSync(join(tmpdir(), 'reeve-mount-'));
	const isMounted = mount(folder, pieceBytes);
	if (isMounted) execFileSync('umount', [folder]);
	rmSync(folder, { recursive: true, force: true });
	return isMounted;
}

/** Whether a file system of that many bytes is mounted there now. */
function mount(folder: string, bytes: number): boolean {
	try {
		const words = ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'reeve-torture', folder];
		execFileSync('mount', words, { stdio: 'ignore' });
		return true;
	} catch {
		// Only root may, and not in every container.
		return false;
	}
}

function mounted(folder: string): Disk {
	const ballast = join(folder, 'ballast');
	return {
		how: 'tmpfs',
		isSmall: true,
		fill() {
			const file = openSync(ballast, 'a');
			try {
				for (let size = pieceBytes; size >= 1; size = Math.floor(size / 2)) writeAll(file, size);
			} finally {
				closeSync(file);
			}
		},
		free: () => rmSync(ballast, { force: true }),
		end(isKept) {
			rmSync(ballast, { force: true });
			const aside = `${folder}.kept`;
			if (isKept) cpSync(folder, aside, { recursive: true });
			execFileSync('umount', ['--lazy', folder]);
			if (isKept) cpSync(aside, folder, { recursive: true });
			rmSync(aside, { recursive: true, force: true });
		},
	};
}

/** Writes pieces of one size until there is no room for one more. */
function writeAll(file: number, size: number): void {
	const piece = Buffer.alloc(size);
	try {
		while (writeSync(file, piece) > 0);
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') !== 'ENOSPC') throw thrown;
	}
}

/**
 * A process cannot make any file longer than it is: what it appends to, and LMDB's file as well.
 */
function limited(): Disk {
	const limit = (pid: number | undefined, size: string): void => {
		if (pid === undefined) return;
		try {
			execFileSync('prlimit', ['--pid', String(pid), `--fsize=${size}:`], { stdio: 'ignore' });
		} catch (thrown) {
			// It may have ended meanwhile.
			if (Reflect.get(Object(thrown), 'status') === undefined) throw thrown;
		}
	};
	return {
		how: 'file size limit',
		isSmall: true,
		fill: (pid) => limit(pid, String(pieceBytes)),
		free: (pid) => limit(pid, 'unlimited'),
		end: () => undefined,
	};
}

function isThere(program: string): boolean {
	try {
		execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
		return true;
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'status') === undefined) throw thrown;
		return false;
	}
}
