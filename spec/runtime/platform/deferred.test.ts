import assert from 'node:assert/strict';
import test from 'node:test';
import { deferred } from '../../../runtime/platform/deferred.ts';

test('a deferred is settled from outside, and once', async () => {
	const { promise, resolve, reject } = deferred<number>();
	resolve(1);
	resolve(2);
	reject(new Error('too late'));
	assert.equal(await promise, 1);
});

test('a deferred that is rejected rejects', async () => {
	const { promise, reject } = deferred<never>();
	reject(new Error('broken'));
	await assert.rejects(promise, /broken/);
});
