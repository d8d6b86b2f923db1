/**
 * The console of a node: where `REQToConsole` and the `log` of actors print. Under `reeve run` it
 * is standard output. A node in another program has none: there the signal `console.printed` is all
 * that is seen, and the program may show it.
 *
 * @module
 */
import { asReeveError, ReeveError } from '../platform/errors.ts';
import type { Signals } from './signals.ts';

/** Writes a text on the console; rejects with a ReeveError if it could not be written. */
export type ConsoleOutput = (text: string) => Promise<void>;

/**
 * Prints a text, and tells by a signal whose it is. On an output it begins a line of its own.
 *
 * @throws ReeveError `file_failed` if the output did not take it
 */
export type PrintOnConsole = (from: string, text: string) => Promise<void>;

/**
 * Creates the console of a node. What cannot be printed is told by `console.failed`, once until it
 * works again: the texts of actors have no sender who would learn of it.
 */
export function createConsole(
	signals: Pick<Signals, 'emit'>,
	output: ConsoleOutput | undefined,
): PrintOnConsole {
	let isTroubled = false;
	return async (from, text) => {
		if (output && text !== '') {
			try {
				await output(text.endsWith('\n') ? text : `${text}\n`);
			} catch (cause) {
				const { code, detail } = asReeveError(cause, 'file_failed');
				if (!isTroubled) signals.emit('console.failed', { code, detail });
				isTroubled = true;
				throw new ReeveError(code, detail, { cause });
			}
			isTroubled = false;
		}
		signals.emit('console.printed', { from, text });
	};
}
