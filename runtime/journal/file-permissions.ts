/**
 * Permissions of the journal's files: only their owner may read them, because they hold commands
 * and outputs.
 *
 * @module
 */
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The mode of a file that only its owner may read, and that of such a folder. */
export const privateModes = { file: 0o600, folder: 0o700 } as const;

/** The files of a store. */
export const storeFiles = ['data.mdb', 'lock.mdb'] as const;

/**
 * Makes the files of the store in `folder` private; stores of earlier versions are not. Files of
 * another user stay as they are: only their owner can change that.
 */
export function makePrivate(folder: string): void {
	for (const name of storeFiles) {
		const path = join(folder, name);
		const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
		if ((mode & 0o077) === 0) continue;
		try {
			chmodSync(path, privateModes.file);
		} catch (thrown) {
			const code: unknown = Reflect.get(Object(thrown), 'code');
			if (code !== 'EPERM' && code !== 'EROFS') throw thrown;
		}
	}
}
