import assert from 'node:assert/strict';
import test from 'node:test';
import { pemBytes, secretText, tokenText } from '../../../runtime/text/secret-file.ts';

const word = '0123456789abcdef';
const marked = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`${word}\r\n`, 'utf16le')]);
const bigEndian = Buffer.from(marked).swap16();

test('a token that no client could send is refused, and the refusal says what to do', () => {
	const cases: readonly (readonly [Buffer, RegExp])[] = [
		[marked, /UTF-16: save it as UTF-8/],
		[bigEndian, /UTF-16/],
		[marked.subarray(2), /UTF-16/],
		[bigEndian.subarray(2), /UTF-16/],
		[Buffer.from(`${word}\u00e9`, 'latin1'), /not UTF-8/],
		[Buffer.from(`${word}\u00e9`), /not ASCII/],
		[Buffer.from(`${word} ${word}`), /white space/],
		[Buffer.from(`${word}\n${word}\n`), /several lines/],
		[Buffer.from(`${word}\0`), /control characters/],
		[Buffer.from(word.slice(1)), /fewer than 16/],
		[Buffer.from('\n'), /empty/],
	];
	for (const [bytes, why] of cases) {
		assert.throws(() => tokenText(bytes), why);
		assert.throws(
			() => tokenText(bytes),
			({ message }: Error) => !message.includes('abc'),
		);
	}
	for (const right of [word, `${word}\n`, `${word}\r\n`, `\ufeff${word}`, ` ${word} \n`]) {
		assert.equal(tokenText(Buffer.from(right)), word);
	}
});

test('a password may hold spaces and letters of any language, but is one line of UTF-8', () => {
	assert.equal(secretText(Buffer.from('\ufeffgut\u00e9 word\r\n')), 'gut\u00e9 word');
	const latin = Buffer.from('gut\u00e9', 'latin1');
	for (const wrong of [marked, latin, Buffer.from('a\nb'), Buffer.from('a\0b'), Buffer.from('')]) {
		assert.throws(() => secretText(wrong), Error);
	}
});

test('a certificate or key that is not PEM is refused, and a byte order mark is no part of it', () => {
	const pem = '-----BEGIN PRIVATE KEY-----\n';
	assert.equal(String(pemBytes(Buffer.from(pem))), pem);
	assert.equal(String(pemBytes(Buffer.from(`\ufeff${pem}`))), pem);
	const withRemark = Buffer.from(`caf\u00e9\n${pem}`, 'latin1');
	assert.equal(pemBytes(withRemark), withRemark);
	assert.throws(() => pemBytes(Buffer.from(pem, 'utf16le')), /UTF-16/);
	assert.throws(() => pemBytes(Buffer.from([0x30, 0x82, 1])), /not PEM/);
	assert.throws(() => pemBytes(Buffer.from('')), /not PEM/);
});
