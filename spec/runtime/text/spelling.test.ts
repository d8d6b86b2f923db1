import assert from 'node:assert/strict';
import test from 'node:test';
import { nearestWord } from '../../../runtime/text/spelling.ts';

test('a misspelt word finds the nearest one, and a very long one is compared with none', () => {
	assert.equal(nearestWord('upitme', ['uptime', 'update']), 'uptime');
	assert.equal(nearestWord('zzz', ['uptime', 'update']), undefined);
	let compared = 0;
	const known = {
		*[Symbol.iterator]() {
			compared += 1;
			yield 'uptime';
		},
	};
	assert.equal(nearestWord('x'.repeat(1_000_000), known), undefined);
	assert.equal(compared, 0);
});
