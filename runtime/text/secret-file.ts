/**
 * Files with a secret or a certificate: what is in them is checked when they are read, because a
 * secret in another encoding raises no error later: it only never matches. No message repeats any
 * of it.
 *
 * @module
 */
import { isUtf16, utf8Text } from './utf8.ts';

/**
 * The secret in a file that holds it and nothing else: one line of UTF-8, without the white space
 * after it.
 *
 * @throws Error what is wrong with the file, and what to do
 */
export function secretText(bytes: Uint8Array): string {
	const secret = utf8Text(bytes).trimEnd();
	if (/[\r\n]/.test(secret)) throw new Error('it has several lines: leave only the secret in it');
	if (/\p{Cc}/u.test(secret))
		throw new Error('it holds control characters: write it as plain text');
	if (secret === '') throw new Error('it is empty: write the secret into it');
	noteSecret(secret);
	return secret;
}

/** The secrets that this process has read, for {@link holdsSecret}. */
const secrets = new Set<string>();
/** The most of them; a secret is exchanged now and then. */
const secretsMax = 100;
/** What is shorter is in many texts by chance. */
const secretCharactersMin = 6;

/** Remembers a secret that was read, so that no text with it is handed on. */
export function noteSecret(secret: string): void {
	if (secret.length < secretCharactersMin) return;
	if (secrets.size >= secretsMax) secrets.delete(secrets.keys().next().value ?? '');
	secrets.add(secret);
}

/** Whether a secret that this process has read is in a text. */
export function holdsSecret(text: string): boolean {
	return [...secrets].some((secret) => text.includes(secret));
}

const fewestCharacters = 16;

/**
 * The token in a file. A client sends it in a header of HTTP, or in a line of JSON, so it has the
 * characters that both carry: those of ASCII that can be seen.
 *
 * @throws Error what is wrong with the file, and what to do
 */
export function tokenText(bytes: Uint8Array): string {
	const token = secretText(bytes).trim();
	if (!/^[!-~]*$/.test(token)) {
		throw new Error(
			'the token holds white space, or characters that are not ASCII: no header of HTTP carries ' +
				'it; take letters and digits',
		);
	}
	if (token.length >= fewestCharacters) return token;
	throw new Error(`the token has fewer than ${fewestCharacters} characters`);
}

const byteOrderMark = Buffer.from('\ufeff');

/**
 * The bytes of a certificate or a key as PEM, without a byte order mark, with which OpenSSL finds
 * nothing in it.
 *
 * @throws Error what is wrong with the file, and what to do
 */
export function pemBytes(bytes: Buffer): Buffer {
	if (isUtf16(bytes)) throw new Error('it is UTF-16: save it as UTF-8');
	if (!bytes.includes('-----BEGIN ')) {
		throw new Error('it is not PEM, which has a line -----BEGIN: convert it with openssl');
	}
	const isMarked = bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark);
	return isMarked ? bytes.subarray(byteOrderMark.length) : bytes;
}
