/**
 * Writing to a reader that may stand still, or be gone: a pipe, a socket or a terminal.
 *
 * @module
 */
import type { Writable } from 'node:stream';
import { ReeveError, reasonOf } from '../../../runtime/platform/errors.ts';

/** Why standard output did not take what was written to it. */
export function lostOutput(thrown: unknown): ReeveError {
	return new ReeveError('file_failed', `standard output: ${reasonOf(thrown)}`, { cause: thrown });
}

/**
 * Writes a text, and resolves when the reader has taken it. While the reader stands still, at most
 * `bytesMax` wait for it in this process; a text beyond them is refused at once.
 *
 * @throws ReeveError `file_failed`
 */
export function writeToReader(stream: Writable, text: string, bytesMax: number): Promise<void> {
	const bytes = Buffer.from(text);
	const { writableLength: waiting } = stream;
	if (waiting > 0 && waiting + bytes.length > bytesMax) {
		const why = `its reader stands still, and ${waiting} bytes wait for it`;
		return Promise.reject(lostOutput(why));
	}
	return new Promise((resolve, reject) => {
		stream.write(bytes, (thrown) => (thrown ? reject(lostOutput(thrown)) : resolve()));
	});
}
