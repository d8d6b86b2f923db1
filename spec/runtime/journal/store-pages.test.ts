import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import {
	headDamage,
	pageDamage,
	readPages,
	whileUnchanged,
} from '../../../runtime/journal/store-pages.ts';
import { seededChance } from '../../../runtime/platform/clock.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

const pageBytes = 4096;

/** The path of a store with small and large rows, of which some were written over and removed. */
async function filledStore(t: TestScope): Promise<string> {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	const random = seededChance(7);
	for (let round = 0; round < 20; round += 1) {
		const changes = Array.from({ length: 60 }, () => {
			const order = Math.floor(random() * 300);
			const place = { table: random() < 0.5 ? 'dead' : 'settled', key: [order] } as const;
			const value = `${order} `.repeat(1 + Math.floor(random() ** 6 * 9000));
			return random() < 0.3 ? place : { ...place, value };
		});
		await journal.commit(changes);
		assert.equal(pageDamage(join(folder, 'data.mdb')), undefined, 'while it is in use');
	}
	await journal.close();
	return join(folder, 'data.mdb');
}

function rowsOf(path: string): { rows: number; faults: string[] } {
	let rows = 0;
	const faults: string[] = [];
	readPages(path, {
		row: () => (rows += 1),
		fault: (table = '', text) => faults.push(`${table} ${text}`),
	});
	return { rows, faults };
}

test('the pages of a sound store have no fault, and all of its rows', async (t) => {
	const path = await filledStore(t);
	assert.equal(headDamage(path), undefined);
	const { rows, faults } = rowsOf(path);
	assert.deepEqual(faults, []);
	const { journal } = openedJournal(t, join(path, '..'));
	const tables = ['dead', 'settled', 'meta'] as const;
	const counted = tables.reduce((sum, table) => sum + journal.count(table), 0);
	assert.equal(rows, counted);
});

test('what is found in a store while another process writes into it counts for nothing', async (t) => {
	const path = await filledStore(t);
	const bytes = readFileSync(path);
	/** The number of the transaction in the first page: see LMDB's `mm_txnid`. */
	const at = 24 + 24 + 2 * 48 + 8;
	let looks = 0;
	const found = (isChanged: (look: number) => boolean) => {
		looks = 0;
		return whileUnchanged(path, () => {
			looks += 1;
			if (isChanged(looks)) {
				bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at) + 2n, at);
				writeFileSync(path, bytes);
			}
			return 'a page that was read while it was written';
		});
	};
	assert.equal(
		found(() => true),
		undefined,
	);
	assert.equal(looks, 3);
	assert.match(found((look) => look < 3) ?? '', /a page/, 'in the end it is as it was read');
});

test('a damaged first page is found by each start, and the other one tells the rest', async (t) => {
	for (const index of [0, 1]) {
		const path = await filledStore(t);
		const before = rowsOf(path);
		const bytes = readFileSync(path);
		bytes.fill(0, index * pageBytes, (index + 1) * pageBytes);
		writeFileSync(path, bytes);
		assert.match(headDamage(path) ?? '', new RegExp(`^page ${index} `));
		const { rows } = rowsOf(path);
		assert.ok(Math.abs(rows - before.rows) <= 1, 'at most one transaction is missing');
	}
});

test('a flipped bit in the number of the newest snapshot is found: LMDB would go back to an older one', async (t) => {
	const path = await filledStore(t);
	const bytes = readFileSync(path);
	const at = [0, 1].map((page) => page * pageBytes + 24 + 128);
	const [first = 0, second = 0] = at.map((offset) => Number(bytes.readBigUInt64LE(offset)));
	const newest = first > second ? 0 : 1;
	const offset = at[newest] ?? 0;
	bytes.writeUInt8(bytes.readUInt8(offset) ^ 8, offset);
	writeFileSync(path, bytes);
	assert.match(headDamage(path) ?? '', /snapshots/);
});

test('a page in the place of another, and a page that is gone, are found', async (t) => {
	const path = await filledStore(t);
	const sound = readFileSync(path);
	const { rows: all } = rowsOf(path);
	let found = 0;
	for (let page = 2; page < sound.length / pageBytes; page += 11) {
		const bytes = Buffer.from(sound);
		bytes.copy(bytes, page * pageBytes, 2 * pageBytes, 3 * pageBytes);
		if (page === 2) bytes.fill(0, page * pageBytes, (page + 1) * pageBytes);
		writeFileSync(path, bytes);
		const { rows, faults } = rowsOf(path);
		if (faults.length > 0) found += 1;
		else assert.equal(rows, all, 'a page that is not in use');
	}
	assert.ok(found > 2);
	truncateSync(path, sound.length / 2);
	assert.ok(rowsOf(path).faults.length > 0);
});

test('a page that is in use and in the list of free ones is found: it would be overwritten', async (t) => {
	const path = await filledStore(t);
	const bytes = readFileSync(path);
	const meta = [0, 1]
		.map((page) => page * pageBytes + 24)
		.toSorted((a, b) => Number(bytes.readBigUInt64LE(b + 128) - bytes.readBigUInt64LE(a + 128)));
	const [newest = 0] = meta;
	const tables = Number(bytes.readBigUInt64LE(newest + 24 + 48 + 40));
	const root = Number(bytes.readBigUInt64LE(newest + 24 + 40)) * pageBytes;
	assert.equal(bytes.readUInt16LE(root + 18) & 0xf, 2, 'the list is one leaf');
	const node = root + 24 + bytes.readUInt16LE(root + 24);
	const list = node + 8 + 8;
	assert.ok(bytes.readBigUInt64LE(list) > 0n);
	bytes.writeBigUInt64LE(BigInt(tables), list + 8);
	writeFileSync(path, bytes);
	assert.match(pageDamage(path) ?? '', /in use and free/);
});

test('a row that says it is longer than it is, is found: to remove it would spoil its page', async (t) => {
	const path = await filledStore(t);
	const bytes = readFileSync(path);
	const key = Buffer.from('epoch');
	for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + 1)) {
		bytes.writeUInt16LE(bytes.readUInt16LE(at - 8) + 2, at - 8);
	}
	writeFileSync(path, bytes);
	assert.match(pageDamage(path) ?? '', /^meta: /);
});

test('no flipped bits keep the reading from its end', async (t) => {
	const path = await filledStore(t);
	const sound = readFileSync(path);
	const random = seededChance(3);
	for (let round = 0; round < 60; round += 1) {
		const bytes = Buffer.from(sound);
		for (let flip = 0; flip < 60; flip += 1) {
			const isHead = random() < 0.1;
			const at = Math.floor(random() * (isHead ? 2 * pageBytes : bytes.length));
			bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
		}
		writeFileSync(path, bytes);
		rowsOf(path);
		headDamage(path);
	}
});
