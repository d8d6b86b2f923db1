/**
 * Text of files and clients: UTF-8, with or without the byte order mark that editors on Windows
 * begin it with. The mark is invisible and no part of the text, so it is left out.
 *
 * @module
 */

import { isUtf8 } from 'node:buffer';

/** The text in these bytes, without a byte order mark. What is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
	const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
	return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/**
 * The text of a file that a person has written.
 *
 * @throws Error if it is not UTF-8: in another encoding it would be a riddle to every parser
 */
export function utf8Text(bytes: Uint8Array): string {
	if (!isUtf8(bytes) || isUtf16(bytes)) throw new Error(notUtf8Text(bytes));
	return textOf(bytes);
}

/**
 * Whether bytes are text in UTF-16, with a byte order mark or without. Each second byte of ASCII is
 * zero there, so that it is UTF-8 as well, with a NUL beside each character.
 */
export function isUtf16(bytes: Uint8Array): boolean {
	const [first, second] = bytes;
	const isMarked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
	return isMarked || (bytes.length > 1 && (first === 0) !== (second === 0));
}

/** Why bytes that are not UTF-8 are refused; PowerShell and old editors write UTF-16. */
export function notUtf8Text(bytes: Uint8Array): string {
	return isUtf16(bytes) ? 'not UTF-8, but UTF-16: save it as UTF-8' : 'not UTF-8';
}
