import assert from 'node:assert/strict';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { rowsUnder, type Change } from '../../../runtime/journal/schema.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';
import {
	isStoreDamaged,
	openGuarded,
	saveStore,
	type Mark,
} from '../../../runtime/journal/store-opening.ts';
import { tryStore } from '../../../runtime/journal/lmdb-store.ts';
import { readSaved } from '../../../runtime/journal/saved-fact.ts';
import { readStart, startChange } from '../../../runtime/mailbox/start-rows.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { flipIn } from '../../support/damage.ts';

test('a journal is opened in a folder that is not there yet, as at the first start of a node', (t) => {
	const { journal } = openedJournal(t, join(temporaryFolder(t), 'ship1', 'db'));
	assert.equal(journal.isHealthy(), true);
});

test('a folder that cannot be made is reported as a failure of the storage', (t) => {
	const file = join(temporaryFolder(t), 'file');
	writeFileSync(file, '');
	assert.throws(
		() => openedJournal(t, join(file, 'db')),
		(thrown) => thrown instanceof ReeveError && thrown.code === 'storage_failed',
	);
});

const asides = (folder: string) =>
	readdirSync(folder).filter((name) => name.startsWith('quarantine-'));

test('a file that is no journal is set aside, and a new journal begins', async (t) => {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	await journal.close();
	const garbage = Buffer.alloc(65_536, 'no journal ');
	writeFileSync(join(folder, 'data.mdb'), garbage);
	const next = openedJournal(t, folder).journal;
	assert.equal(next.epoch, 1);
	const [aside = ''] = asides(folder);
	assert.equal(next.quarantined, join(folder, aside));
	assert.deepEqual(readFileSync(join(folder, aside, 'data.mdb')), garbage);
	await next.close();
	const third = openedJournal(t, folder).journal;
	assert.equal(third.epoch, 2);
	assert.equal(third.quarantined, undefined);
});

test('a healthy journal whose opening was cut short by a kill is kept, however often', async (t) => {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	const { storeId } = journal;
	await journal.close();
	for (let kill = 0; kill < 2; kill += 1) {
		writeFileSync(join(folder, 'opening'), '');
		const again = openedJournal(t, folder).journal;
		assert.equal(again.storeId, storeId);
		assert.equal(again.quarantined, undefined);
		await again.close();
	}
	assert.deepEqual(asides(folder), []);
	assert.equal(existsSync(join(folder, 'opening')), false);
});

test('a journal that kills its reader is set aside by the start after the one that died', async (t) => {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	const rows = Array.from({ length: 900 }, (_, order) => {
		return { table: 'dead', key: [order], value: 'x'.repeat(1000) } as const;
	});
	await journal.commit(rows);
	await journal.close();
	truncateSync(join(folder, 'data.mdb'), 12_288);
	assert.equal(isStoreDamaged(folder), true);
	// The process that opened it is gone; this is what it has left.
	writeFileSync(join(folder, 'opening'), '');
	const next = openedJournal(t, folder).journal;
	assert.equal(next.count('dead'), 0, 'all of these are behind the cut');
	assert.equal(next.quarantined, join(folder, asides(folder)[0] ?? ''));
});

test('clock jumps: a clock that shows the same instant twice costs no store that was set aside', async (t) => {
	const folder = temporaryFolder(t);
	for (const text of ['one journal ', 'two journal ']) {
		const { journal } = openedJournal(t, folder);
		await journal.close();
		writeFileSync(join(folder, 'data.mdb'), Buffer.alloc(65_536, text));
	}
	const last = openedJournal(t, folder).journal;
	await last.close();
	const kept = asides(folder).map((name) =>
		readFileSync(join(folder, name, 'data.mdb'))
			.subarray(0, 3)
			.toString(),
	);
	assert.deepEqual(kept.toSorted(), ['one', 'two']);
});

test('a store whose file is empty, or gone, is damage and not a first start', async (t) => {
	for (const lose of [(path: string) => truncateSync(path, 0), (path: string) => rmSync(path)]) {
		const folder = temporaryFolder(t);
		const { journal } = openedJournal(t, folder);
		const { storeId } = journal;
		await journal.close();
		lose(join(folder, 'data.mdb'));
		const next = openedJournal(t, folder).journal;
		const [aside = ''] = asides(folder);
		assert.equal(next.quarantined, join(folder, aside), 'it is told');
		const kept = readFileSync(join(folder, aside, 'store-id'), 'utf8');
		assert.equal(kept.trim(), storeId, 'which store it was is known');
		await next.close();
		assert.equal(openedJournal(t, folder).journal.quarantined, undefined, 'once');
	}
});

test('what can be read of a damaged store is saved, row by row, also behind the damage', async (t) => {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	const rows = Array.from({ length: 400 }, (_, order) => {
		return { table: 'dead', key: [order], value: `row ${order} `.padEnd(1000, '.') } as const;
	});
	await journal.commit(rows);
	await journal.close();
	const path = join(folder, 'data.mdb');
	const bytes = readFileSync(path);
	// The page with this row in it is overwritten, as a whole.
	const at = bytes.indexOf('row 200 ');
	bytes.fill(0xff, at - (at % 4096), at - (at % 4096) + 4096);
	writeFileSync(path, bytes);
	writeFileSync(join(folder, 'opening'), '');
	assert.equal(isStoreDamaged(folder), true);
	const next = openedJournal(t, folder).journal;
	assert.ok(next.quarantined);
	const saved = next.scan<string>('dead', rowsUnder());
	assert.ok(saved.length >= 395 && saved.length < 400, `${saved.length} of 400`);
	for (const { key, value } of saved) assert.ok(value.startsWith(`row ${key[0]} `));
	assert.equal(next.get('dead', [0]), rows[0]?.value);
	assert.equal(next.get('dead', [399]), rows[399]?.value, 'also behind the damage');
});

/** A journal that was closed, and the path of its file. */
async function closedStore(t: TestScope, rows: readonly Change[] = []) {
	const folder = temporaryFolder(t);
	const { journal } = openedJournal(t, folder);
	await journal.commit(rows);
	await journal.commit([]);
	await journal.close();
	return { folder, path: join(folder, 'data.mdb') };
}

test('a store that loses either of its first pages keeps its rows', async (t) => {
	for (const page of [0, 1]) {
		const { folder, path } = await closedStore(t, [{ table: 'dead', key: [1], value: 'kept' }]);
		const bytes = readFileSync(path);
		bytes.fill(0, page * 4096, (page + 1) * 4096);
		writeFileSync(path, bytes);
		const next = openedJournal(t, folder).journal;
		assert.ok(next.quarantined, 'it is told');
		assert.equal(next.get('dead', [1]), 'kept');
		assert.match(readSaved(next)?.faults[0] ?? '', new RegExp(`^page ${page} `));
	}
});

test('a store whose process dies while it uses it is tried on a copy, at the second time', async (t) => {
	const { folder } = await closedStore(t);
	const marks = ['running 1\n', 'running 2\n'];
	const tried = marks.map((mark) => {
		writeFileSync(join(folder, 'opening'), mark);
		let seen: Mark | undefined;
		openGuarded({
			folder,
			clock: steppedClock(1),
			open: () => ({}),
			idOf: () => 'one',
			save: () => assert.fail('it is not damaged'),
			isDamaged(_folder, given) {
				seen = given;
				return false;
			},
		});
		return seen;
	});
	assert.deepEqual(tried, [
		{ deaths: 1, isOpening: false },
		{ deaths: 2, isOpening: false },
	]);
	assert.equal(isStoreDamaged(folder, { deaths: 2, isOpening: false }), false);
	assert.deepEqual(readdirSync(folder).toSorted(), ['data.mdb', 'lock.mdb', 'opening', 'store-id']);
});

test('a trial passes a sound store, and a table with options is damage', async (t) => {
	const { folder, path } = await closedStore(t);
	const bytes = readFileSync(path);
	const name = 'quarantine\0';
	for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) {
		// Its keys have several values each, it says.
		bytes.writeUInt16LE(4, at + name.length + 4);
	}
	await tryStore(folder);
	writeFileSync(path, bytes);
	assert.equal(isStoreDamaged(folder), true);
});

test('a process that is killed while a damaged store is replaced leaves the rest to the next one', async (t) => {
	const { folder, path } = await closedStore(t, [{ table: 'dead', key: [1], value: 'kept' }]);
	const aside = join(folder, 'quarantine-then');
	mkdirSync(aside);
	saveStore(path, join(folder, 'saving'), 1);
	writeFileSync(join(folder, 'saved'), aside);
	renameSync(path, join(aside, 'data.mdb'));
	const next = openedJournal(t, folder).journal;
	assert.equal(next.quarantined, aside);
	assert.equal(next.get('dead', [1]), 'kept');
	assert.deepEqual(asides(folder), ['quarantine-then']);
	assert.equal(existsSync(join(folder, 'saving')), false);
});

test('a message runs at most once also where the starts of a store are lost', async (t) => {
	const starts = Array.from({ length: 200 }, (_, arrival) => arrival + 1);
	const { folder, path } = await closedStore(t, [
		...starts.map((arrival) => ({ table: 'mailbox', key: ['exec', arrival], value: 'm' }) as const),
		...starts.map((arrival) => startChange(['exec', arrival], { epoch: 1, attempts: 1 })),
	]);
	const bytes = readFileSync(path);
	// A page of nothing but starts.
	const at = bytes.lastIndexOf('attempts');
	bytes.fill(0, at - (at % 4096), at - (at % 4096) + 4096);
	writeFileSync(path, bytes);
	const { journal } = openedJournal(t, folder);
	assert.ok(journal.quarantined);
	assert.equal(journal.count('mailbox'), 200);
	for (const arrival of starts) assert.ok(readStart(journal, ['exec', arrival])?.attempts === 1);
});

test('damaged rows of a store that is replaced are kept with their keys', async (t) => {
	const rows = Array.from({ length: 400 }, (_, order) => {
		return { table: 'dead', key: [order], value: `row ${order} `.padEnd(1000, '.') } as const;
	});
	const { folder, path } = await closedStore(t, rows);
	flipIn(folder, 'row 7 ');
	const bytes = readFileSync(path);
	const at = bytes.indexOf('row 200 ');
	bytes.fill(0, at - (at % 4096), at - (at % 4096) + 4096);
	writeFileSync(path, bytes);
	const { journal } = openedJournal(t, folder);
	assert.ok(journal.quarantined);
	assert.deepEqual(journal.keys('damaged', rowsUnder()), [['dead', 7]]);
	assert.equal(readSaved(journal)?.damaged.dead, 1);
});
