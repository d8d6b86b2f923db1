/**
 * Secrets that a node makes itself where the configuration names none: the password of its broker,
 * and the token of its listeners.
 *
 * @module
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { writeAtomically } from '../files/atomic-file.ts';
import { withFileLock } from '../files/file-lock.ts';
import { realClock } from '../platform/clock.ts';
import { ReeveError, reasonOf } from '../platform/errors.ts';
import { secretText } from '../text/secret-file.ts';

/**
 * The secret in a file, which is made if it is not there: 256 random bits, for its owner only.
 * `contentOf` checks what is in the file.
 *
 * @throws ReeveError `bad_config`, also if others than its owner may read the file
 */
export function readOrMakeSecret(
	path: string,
	contentOf: (bytes: Uint8Array) => string = secretText,
): string {
	if (!existsSync(path)) withFileLock(path, () => makeSecret(path), { code: 'bad_config' });
	if ((statSync(path).mode & 0o077) !== 0) {
		throw new ReeveError('bad_config', `${path} may be read by others: chmod 600 ${path}`);
	}
	try {
		return contentOf(readFileSync(path));
	} catch (cause) {
		throw new ReeveError('bad_config', `${path}: ${reasonOf(cause)}`, { cause });
	}
}

function makeSecret(path: string): void {
	// Another process may have made it meanwhile.
	if (existsSync(path)) return;
	const text = `${Buffer.from(realClock.bytes(32)).toString('base64url')}\n`;
	writeAtomically(path, text, { mode: 0o600, code: 'bad_config' });
}
