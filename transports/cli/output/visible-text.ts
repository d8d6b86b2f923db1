/**
 * Text of others on a terminal: output of commands, notes, names. Control sequences in it could
 * move the cursor, rewrite lines above, set the title or answer for the user, and marks of writing
 * direction could show words in another order. They are shown, and not obeyed.
 *
 * @module
 */

/** The colours that `render.ts` itself gives; another's colour changes nothing but the colour. */
const colour = String.raw`\u001B\[(?:0|1|22|3[0-7]|39|90)m`;
/** Other control characters, but not the end of a line and the tab. */
const control = String.raw`[\u0000-\u0008\u000B-\u001F\u007F-\u009F]`;
/** Marks that turn the direction of what follows, and line ends that terminals do not agree on. */
const direction = String.raw`[\u200E\u200F\u061C\u202A-\u202E\u2028\u2029\u2066-\u2069]`;
const hidden = new RegExp(`\\r\\n|${colour}|${control}|${direction}`, 'g');

/** The text with its control characters as signs: `␛` for ESC, `\x9b` or `\u202e` for others. */
export function visibleText(text: string): string {
	return text.replaceAll(hidden, (found) => {
		if (found === '\r\n') return '\n';
		return found.length > 1 ? found : signOf(found.charCodeAt(0));
	});
}

function signOf(code: number): string {
	if (code < 0x20) return String.fromCharCode(0x2400 + code);
	if (code === 0x7f) return '\u2421';
	const digits = code.toString(16);
	return code < 0x100 ? `\\x${digits}` : `\\u${digits.padStart(4, '0')}`;
}
