/**
 * Content: bytes as text wherever they are text.
 *
 * @module
 */

/**
 * Text if it is text, else the bytes. If it was cut off, a character that was cut in two is left
 * out.
 */
export function contentOf(bytes: Uint8Array, isCut = false): string | Uint8Array {
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, {
			stream: isCut,
		});
	} catch (thrown) {
		if (thrown instanceof TypeError) return bytes;
		throw thrown;
	}
}

/** Text in any case, with a replacement character for what is none. */
export function textOf(bytes: Uint8Array): string {
	return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
