/**
 * Atomic files: small files that no reader may see half-written, such as keys and access rules.
 *
 * @module
 */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ReeveError, type ErrorCode, reasonOf } from '../platform/errors.ts';

/**
 * Writes a new file beside the old one and renames it, so that a crash leaves one or the other.
 *
 * @throws ReeveError of this code
 */
export function writeAtomically(
	path: string,
	text: string,
	{ mode, code = 'file_failed' }: { readonly mode: number; readonly code?: ErrorCode },
): void {
	const beside = `${path}.new`;
	try {
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(beside, text, { mode, flush: true });
		chmodSync(beside, mode);
		renameSync(beside, path);
	} catch (thrown) {
		rmSync(beside, { force: true });
		const why = reasonOf(thrown);
		throw new ReeveError(code, `${path} cannot be written: ${why}`, { cause: thrown });
	}
}
