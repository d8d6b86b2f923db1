/**
 * Classes of bytes in a stream of JSON: most are part of a value, the others mark where a value
 * begins or ends.
 *
 * @module
 */

/**
 * The number of columns of the reader's table; a power of two, not below the number of meanings.
 */
export const columns = 16;

/** The meanings of bytes, as columns of the reader's table. */
export const meanings = {
	other: 0,
	space: 1,
	lineEnd: 2,
	nul: 3,
	quote: 4,
	backslash: 5,
	comma: 6,
	openArray: 7,
	openObject: 8,
	closeArray: 9,
	closeObject: 10,
	mark: 11,
} as const;

/** One of {@link meanings}. */
export type Meaning = keyof typeof meanings;

/** The meaning of each byte. */
export const meaningOf = new Uint8Array(256);
for (const [text, meaning] of [
	[' \t', 'space'],
	['\n\r', 'lineEnd'],
	['\0', 'nul'],
	['"', 'quote'],
	['\\', 'backslash'],
	[',', 'comma'],
	['[', 'openArray'],
	['{', 'openObject'],
	[']', 'closeArray'],
	['}', 'closeObject'],
] as const) {
	for (const byte of Buffer.from(text)) meaningOf[byte] = meanings[meaning];
}
// A byte order mark, which may stand before a value.
for (const byte of Buffer.from('\ufeff')) meaningOf[byte] = meanings.mark;
