/**
 * Lenient JSON: UTF-8 with trailing commas allowed, as the examples of steward's README have them.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer';
import { ReeveError } from '../platform/errors.ts';
import { notUtf8Text, textOf } from './utf8.ts';

/** The value in a piece of JSON text, or why there is none. */
export type ReadJson =
	| { readonly type: 'value'; readonly value: unknown }
	| { readonly type: 'error'; readonly error: ReeveError };

/** Reads one value; undefined if there is only white space. Never throws. */
export function readJson(bytes: Uint8Array): ReadJson | undefined {
	const text = textOf(bytes);
	// Decoding puts U+FFFD where the bytes are not UTF-8; only then check them.
	if (text.includes('\ufffd') && !isUtf8(bytes)) {
		return { type: 'error', error: new ReeveError('bad_json', notUtf8Text(bytes)) };
	}
	try {
		return { type: 'value', value: JSON.parse(text) };
	} catch (cause) {
		return readLeniently(text, cause);
	}
}

function readLeniently(text: string, cause: unknown): ReadJson | undefined {
	if (text.trim() === '') return undefined;
	const lenient = withoutTrailingCommas(text);
	if (lenient !== text) {
		try {
			return { type: 'value', value: JSON.parse(lenient) };
		} catch {
			// The error of the original text names the right position.
			return { type: 'error', error: badJson(cause) };
		}
	}
	return { type: 'error', error: badJson(cause) };
}

function badJson(cause: unknown): ReeveError {
	return new ReeveError('bad_json', cause instanceof Error ? cause.message : '', { cause });
}

/** Removes each comma that only white space separates from a closing bracket; in linear time. */
function withoutTrailingCommas(text: string): string {
	const interesting = /[",]/g;
	const closing = /\s*[}\]]/y;
	const pieces: string[] = [];
	let from = 0;
	for (let found = interesting.exec(text); found; found = interesting.exec(text)) {
		const at = found.index;
		if (found[0] === '"') {
			interesting.lastIndex = endOfString(text, at);
			continue;
		}
		closing.lastIndex = at + 1;
		if (!closing.test(text)) continue;
		pieces.push(text.slice(from, at));
		from = at + 1;
	}
	return pieces.length === 0 ? text : pieces.join('') + text.slice(from);
}

/** The position behind the string that begins at `at`. */
function endOfString(text: string, at: number): number {
	const special = /["\\]/g;
	special.lastIndex = at + 1;
	for (let found = special.exec(text); found; found = special.exec(text)) {
		if (found[0] === '"') return special.lastIndex;
		special.lastIndex += 1;
	}
	return text.length;
}
