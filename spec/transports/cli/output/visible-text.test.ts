import assert from 'node:assert/strict';
import test from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import * as fc from 'fast-check';
import { visibleText } from '../../../../transports/cli/output/visible-text.ts';

test('control sequences in the text of others are shown, and not obeyed', () => {
	const rows: readonly (readonly [string, string])[] = [
		['plain ünïcode 👍🏽\n\tline', 'plain ünïcode 👍🏽\n\tline'],
		['\u001B]0;title\u0007', '␛]0;title␇'],
		['\u001B[2J\u001B[1;1H', '␛[2J␛[1;1H'],
		['\u001B[5n', '␛[5n'],
		['a\rb', 'a␍b'],
		['a\r\nb', 'a\nb'],
		['\u007F\u009B2J', '␡\\x9b2J'],
		['abc\u202Exyz', 'abc\\u202exyz'],
		['\u001B[31mred\u001B[39m', '\u001B[31mred\u001B[39m'],
		['\u001B[8mhidden', '␛[8mhidden'],
	];
	for (const [given, shown] of rows) assert.equal(visibleText(given), shown);
});

test('whatever the text is, a terminal gets no control character but ends of lines and tabs', () => {
	fc.assert(
		fc.property(fc.string({ unit: 'binary' }), (text) => {
			// A colour is the only sequence that is let through.
			const shown = stripVTControlCharacters(visibleText(text));
			for (const each of shown) assert.ok(isHarmless(each.codePointAt(0) ?? 0), shown);
		}),
		{ numRuns: 2000 },
	);
});

function isHarmless(code: number): boolean {
	if (code === 9 || code === 10) return true;
	return code >= 0x20 && !(code >= 0x7f && code < 0xa0) && !(code >= 0x202a && code <= 0x202e);
}
