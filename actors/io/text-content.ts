/**
 * Conversion of output bytes to text.
 *
 * @module
 */

/**
 * Text if the bytes are UTF-8, else the bytes. With `isCut` a last partial character is dropped.
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

/** Text in any case, with replacement characters for bytes that are not UTF-8. */
export function textOf(bytes: Uint8Array): string {
	return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
