import assert from 'node:assert/strict';
import test from 'node:test';
import { fingerprint } from '../../../runtime/platform/hash.ts';

test('a fingerprint is that of FNV-1a, for ever', () => {
	assert.deepEqual(
		['', 'a', 'b', 'foobar'].map(fingerprint),
		[0x811c9dc5, 0xe40c292c, 0xe70c2de5, 0xbf9cf968],
	);
});
