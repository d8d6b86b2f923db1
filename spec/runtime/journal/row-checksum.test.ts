import assert from 'node:assert/strict';
import test from 'node:test';
import { rowChecksum } from '../../../runtime/journal/row-checksum.ts';
import type { Key } from '../../../runtime/journal/schema.ts';

const checksum = rowChecksum('mailbox');
const isSound = (key: Key, row: Buffer): boolean => checksum.soundValue(key, row) !== undefined;

const checked = (key: Key, text: string): Buffer => {
	const row = Buffer.concat([Buffer.alloc(4), Buffer.from(text)]);
	checksum.write(key, row);
	return row;
};

test('a row is sound as it was written, and not with any bit of it flipped', () => {
	const key = ['REQPing', 7];
	const row = checked(key, 'a message');
	assert.equal(checksum.soundValue(key, row)?.toString(), 'a message');
	for (let bit = 0; bit < row.length * 8; bit += 1) {
		const flipped = Buffer.from(row);
		flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
		assert.equal(isSound(key, flipped), false, `bit ${bit}`);
	}
});

test('a row that stands under another key than its own is not sound', () => {
	const keys: readonly Key[] = [
		['a', 1],
		['a', 2],
		['a', 2 ** 32 + 1],
		['a', 1.7e12],
		['a', 1.000_000_1],
		['a', 2.5],
		['b', 1],
		['a'],
		['a', 1, ''],
		['a', '1'],
		['', 'a', 1],
	];
	for (const own of keys) {
		for (const other of keys) assert.equal(isSound(other, checked(own, 'row')), own === other);
	}
});

test('a row that stands in another table than its own is not sound', () => {
	const key = ['REQPing', 7];
	assert.equal(rowChecksum('started').soundValue(key, checked(key, 'row')), undefined);
});

test('a damaged key with parts that no key has is not sound, and no error', () => {
	const parts: readonly unknown[] = ['a', Uint8Array.of(1, 2), null, 5n];
	const key = parts as Key;
	assert.equal(isSound(key, checked(['a'], 'row')), false);
});

test('a row that was cut to its checksum, or less, is not sound', () => {
	const row = checked(['a'], 'row');
	for (let size = 0; size <= 4; size += 1)
		assert.equal(isSound(['a'], row.subarray(0, size)), false);
});
