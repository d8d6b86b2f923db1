/**
 * Patterns: regular expressions that people write, in the syntax of RE2. Their time grows with the
 * text and not faster, because the engine never goes back; so there are no back references and no
 * look-around. JavaScript's own engine may take years for a text of forty characters.
 *
 * This file is the door to re2js.
 *
 * @module
 */
import { RE2JS } from 're2js';
import { asReeveError, ReeveError } from '../platform/errors.ts';

/** A pattern that was understood. */
export interface Pattern {
	/** Its parts. A test takes at most so many times the length of its text. */
	readonly size: number;
	/** Whether it is found anywhere in a text. */
	readonly test: (text: string) => boolean;
}

/** The longest pattern, in characters. */
const lengthMax = 1000;
/** The most parts of a pattern, repetitions such as `{20}` written out. */
const sizeMax = 500;

/**
 * Understands a pattern.
 *
 * @throws ReeveError `bad_arguments`
 */
export function readPattern(text: string): Pattern {
	if (text.length > lengthMax) throw refused(text, `it is longer than ${lengthMax} characters`);
	// Before the engine sees it, which would write out all repetitions.
	if (writtenOut(text) > sizeMax) throw refused(text, `it has more than ${sizeMax} parts`);
	try {
		const made = RE2JS.compile(text);
		return { size: made.programSize(), test: (given) => made.test(given) };
	} catch (thrown) {
		throw refused(text, asReeveError(thrown).detail);
	}
}

function refused(text: string, why: string): ReeveError {
	const start = text.length > 60 ? `${text.slice(0, 60)}...` : text;
	return new ReeveError('bad_arguments', `the pattern ${start}: ${why}`);
}

/** A class such as `[a-z]`, a character with a backslash, a repetition, or any one character. */
const token =
	/\[\^?\]?(?:\\[^]|\[:\w+:\]|[^\]\\])*\]|\\[pPx]\{[^}]*\}|\\[^]|\{(\d+)(?:,(\d*))?\}|[^]/gy;

/** How many parts a pattern has once its repetitions are written out, or a few more. */
function writtenOut(text: string): number {
	/** The parts of each group that is open; `last` is what a repetition would repeat. */
	const open = [{ parts: 0, last: 0 }];
	const add = (parts: number): void => {
		const group = open.at(-1) ?? { parts: 0, last: 0 };
		group.parts += parts;
		group.last = parts;
	};
	for (const [found, from, to] of text.matchAll(token)) {
		if (found === '(') open.push({ parts: 0, last: 0 });
		else if (found === ')' && open.length > 1) add((open.pop()?.parts ?? 0) + 2);
		else if (found === '\\Q') return Number.POSITIVE_INFINITY;
		else if (from !== undefined) {
			const times = Math.max(Number(from), Number(to ?? 0)) + 1;
			add((open.at(-1)?.last ?? 0) * times);
		} else add(1);
	}
	return open.reduce((sum, { parts }) => sum + parts, 0);
}
