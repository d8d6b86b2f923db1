import assert from 'node:assert/strict';
import test from 'node:test';
import { utf8Text } from '../../../runtime/text/utf8.ts';

test('a file in another encoding is refused by its name, and a byte order mark is no part of it', () => {
	assert.equal(utf8Text(Buffer.from('\ufeffa: 1')), 'a: 1');
	assert.equal(utf8Text(Buffer.from('\u{1f600}')), '\u{1f600}');
	const marked = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('a: 1', 'utf16le')]);
	assert.throws(() => utf8Text(marked), /^Error: not UTF-8, but UTF-16: save it as UTF-8$/);
	const unmarked = Buffer.from('a: 1', 'utf16le');
	for (const bytes of [unmarked, Buffer.from(unmarked).swap16()]) {
		assert.throws(() => utf8Text(bytes), /UTF-16/);
	}
	assert.throws(() => utf8Text(Buffer.from([0x61, 0xe9])), /^Error: not UTF-8$/);
});
