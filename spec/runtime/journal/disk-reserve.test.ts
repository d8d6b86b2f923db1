import assert from 'node:assert/strict';
import { existsSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { createDiskReserve } from '../../../runtime/journal/disk-reserve.ts';
import { openStore, unusedBytesOf } from '../../../runtime/journal/lmdb-store.ts';
import { openJournal } from '../../../runtime/journal/journal.ts';
import { tableNames } from '../../../runtime/journal/schema.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const bytes = 65_536;

test('the reserve is a file of its own, which is given up once and taken again', (t) => {
	const folder = temporaryFolder(t);
	const reserve = createDiskReserve({ folder, bytes, unusedBytes: () => 0 });
	const path = join(folder, 'reserve');
	assert.equal(statSync(path).size, bytes);
	assert.equal(statSync(path).mode & 0o077, 0, 'nobody else can read it');
	assert.deepEqual([reserve.isHeld(), reserve.hasSpace()], [true, true]);
	assert.deepEqual([reserve.release(), reserve.release()], [true, false]);
	assert.deepEqual([existsSync(path), reserve.hasSpace()], [false, false]);
	reserve.hold();
	assert.deepEqual([existsSync(path), reserve.isHeld(), reserve.hasSpace()], [true, true, true]);
});

test('a reserve that is only as long as it should be is written anew', (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'reserve');
	createDiskReserve({ folder, bytes, unusedBytes: () => 0 });
	truncateSync(path, 0);
	truncateSync(path, bytes);
	const reserve = createDiskReserve({ folder, bytes, unusedBytes: () => 0 });
	assert.equal(reserve.isHeld(), true);
	assert.ok(statSync(path).blocks * 512 >= bytes);
});

test('without the reserve there is space for as much as the store has no rows in', (t) => {
	let unused = 0;
	const folder = temporaryFolder(t);
	const reserve = createDiskReserve({ folder, bytes, unusedBytes: () => unused });
	assert.equal(reserve.hasSpace(Number.MAX_SAFE_INTEGER), false, 'no disk has as much');
	reserve.release();
	unused = bytes;
	assert.deepEqual([reserve.hasSpace(), reserve.hasSpace(1000)], [true, true]);
	unused = bytes - 1;
	assert.equal(reserve.hasSpace(), false);
	unused = Number.MAX_SAFE_INTEGER;
	assert.equal(reserve.hasSpace(2 ** 50), false, 'it may be in small pieces');
});

test('without a size there is no reserve, and always space', (t) => {
	const folder = temporaryFolder(t);
	const reserve = createDiskReserve({ folder, bytes: 0, unusedBytes: () => 0 });
	assert.deepEqual([reserve.release(), reserve.hasSpace(bytes)], [false, true]);
	assert.equal(existsSync(join(folder, 'reserve')), false);
});

test('a disk that fills under a transaction has space for it in the reserve, and takes nothing new', async (t) => {
	const folder = temporaryFolder(t);
	const clock = steppedClock(1);
	const signals = createSignals(clock);
	let isFull = false;
	const journal = openJournal({
		folder,
		clock,
		signals,
		reserveBytes: bytes,
		disk: {
			async transact(write) {
				// The disk of this spec is full for as long as the reserve is there.
				if (isFull && existsSync(join(folder, 'reserve'))) throw new Error('ENOSPC');
				return write();
			},
			flush: (sync) => sync(),
		},
	});
	t.after(() => journal.close());
	isFull = true;
	await journal.commit([{ table: 'dead', key: [1], value: 'under way' }]);
	assert.deepEqual([journal.isHealthy(), journal.isWritable()], [false, true]);
	assert.equal(signals.counts()['journal.failed'], 1);
	await journal.commit([{ table: 'dead', key: [1] }]);
	assert.equal(journal.count('dead'), 0, 'what frees space is written');
	isFull = false;
	await clock.advance(1000);
	assert.equal(journal.isHealthy(), true, 'there is space for the reserve again');
	assert.equal(signals.counts()['journal.recovered'], 1);
});

test('the store knows how much of its file holds no rows', async (t) => {
	const folder = temporaryFolder(t);
	const options = { folder, clock: steppedClock(1) };
	const store = openStore(options, tableNames);
	t.after(() => store.root.close());
	const keys = Array.from({ length: 200 }, (_, index) => [index]);
	const write = (value: string | undefined) =>
		store.root.transactionSync(() => {
			for (const key of keys) {
				if (value === undefined) store.stores.dead.removeSync(key);
				else store.stores.dead.putSync(key, value);
			}
		});
	write('x'.repeat(3000));
	const before = unusedBytesOf(store);
	write(undefined);
	assert.ok(unusedBytesOf(store) - before > 600_000);
});
