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

const [quote, comma, backslash] = [0x22, 0x2c, 0x5c];
const closing: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const blank: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Removes each comma that only white space separates from a closing bracket. It looks at codes, one
 * by one: a pattern takes ten times longer for text that is nothing but commas or escapes.
 */
function withoutTrailingCommas(text: string): string {
	const pieces: string[] = [];
	let from = 0;
	for (let at = 0; at < text.length; at += 1) {
		const code = text.charCodeAt(at);
		if (code === quote) at = endOfString(text, at + 1);
		if (code !== comma || !isClosed(text, at + 1)) continue;
		pieces.push(text.slice(from, at));
		from = at + 1;
	}
	return pieces.length === 0 ? text : pieces.join('') + text.slice(from);
}

/** Whether a closing bracket follows here, behind white space at most. */
function isClosed(text: string, from: number): boolean {
	let at = from;
	while (blank.has(text.charCodeAt(at))) at += 1;
	return closing.has(text.charCodeAt(at));
}

/** Where the string ends whose first character is at `from`. */
function endOfString(text: string, from: number): number {
	let at = from;
	for (; at < text.length; at += 1) {
		const code = text.charCodeAt(at);
		if (code === quote) break;
		if (code === backslash) at += 1;
	}
	return at;
}
