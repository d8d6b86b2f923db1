/**
 * Small files that must never be seen half-written: keys and lists of permissions.
 *
 * @module
 */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ReeveError } from './errors.ts';

/**
 * Writes beside the file first, so that a crash leaves the old one or the new one. Folders are made for
 * their owner only.
 *
 * @throws ReeveError `file_failed`
 */
export function writeSafely(path: string, text: string, mode: number): void {
	const beside = `${path}.new`;
	try {
		mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
		writeFileSync(beside, text, { mode });
		chmodSync(beside, mode);
		renameSync(beside, path);
	} catch (thrown) {
		rmSync(beside, { force: true });
		const why = thrown instanceof Error ? thrown.message : String(thrown);
		throw new ReeveError('file_failed', `${path}: ${why}`, { cause: thrown });
	}
}
