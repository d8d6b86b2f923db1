import assert from 'node:assert/strict';
import test from 'node:test';
import type { Change } from '../../runtime/journal.ts';
import { newest } from '../../runtime/rewriting.ts';

test('of the changes of one cursor or lane the last is written, and every other change is', () => {
	const put = (table: Change['table'], key: Change['key'], value?: unknown): Change =>
		value === undefined ? { table, key } : { table, key, value };
	const changes = [
		put('lanes', ['a'], 1),
		put('outbox', ['a', 1], 'x'),
		put('cursors', ['s', 'a'], 1),
		put('lanes', ['a'], 2),
		put('outbox', ['a', 1]),
		put('lanes', ['b'], 1),
		put('cursors', ['s', 'a']),
	];
	assert.deepEqual(newest(changes), [changes[1], changes[3], changes[4], changes[5], changes[6]]);
	assert.equal(newest(changes.slice(4, 5)).length, 1);
});
