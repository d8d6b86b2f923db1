import assert from 'node:assert/strict';
import test from 'node:test';
import { mergedChanges } from '../../../runtime/journal/change-merging.ts';
import type { Change } from '../../../runtime/journal/schema.ts';

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
	assert.deepEqual(mergedChanges(changes), [
		changes[1],
		changes[3],
		changes[4],
		changes[5],
		changes[6],
	]);
	assert.equal(mergedChanges(changes.slice(4, 5)).length, 1);
});

test('receipts of a transaction share rows, each under the lowest of its keys', () => {
	const receipts = [3, 1, 2].map((order): Change => {
		return { table: 'receipts', key: [order], value: [`r${order}`] };
	});
	const others: Change[] = [
		{ table: 'receipts', key: [0] },
		{ table: 'mailbox', key: ['m', 1] },
	];
	assert.deepEqual(mergedChanges([...receipts, ...others]), [
		...others,
		{ table: 'receipts', key: [1], value: ['r1', 'r2', 'r3'] },
	]);
	const many = Array.from({ length: 100 }, (_, order): Change => {
		return { table: 'receipts', key: [order], value: [order] };
	});
	const rows = mergedChanges(many);
	assert.deepEqual(
		rows.flatMap(({ value }) => value),
		many.map(({ key }) => key[0]),
	);
	assert.deepEqual(
		rows.map(({ key, value }) => key[0] === (value as number[])[0]),
		rows.map(() => true),
	);
	// A row with more would take pages of its own; all but the last are as full as may be.
	assert.deepEqual(
		rows.map(({ value }) => (value as number[]).length),
		[16, 16, 16, 16, 16, 16, 4],
	);
});
