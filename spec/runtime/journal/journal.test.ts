import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { openJournal } from '../../../runtime/journal/journal.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import {
	behind,
	rowsStartingWith,
	rowsUnder,
	type Change,
	type Key,
	type Stretch,
} from '../../../runtime/journal/schema.ts';

const put = (number: number, value: unknown = number): Change => ({
	table: 'dead',
	key: [number],
	value,
});

test('what was committed is found again after the journal is closed and opened', async (t) => {
	const first = openedJournal(t);
	const body = Buffer.from([0, 255, 1]);
	const change = { table: 'outbox', key: ['ship1/REQPing/EventACK/', 7], value: { body } } as const;
	await first.journal.commit([change]);
	const { journal } = await first.reopen();
	assert.deepEqual(journal.get('outbox', change.key), { body });
});

test('the identity of a store stays, and every start raises its epoch', async (t) => {
	const first = openedJournal(t);
	const second = await first.reopen();
	const third = await second.reopen();
	assert.match(first.journal.storeId, /^[0-9a-f]{32}$/);
	assert.equal(third.journal.storeId, first.journal.storeId);
	assert.deepEqual(
		[first, second, third].map(({ journal }) => journal.epoch),
		[1, 2, 3],
	);
});

test('an end without a close is seen by the next process, and only by that one', async (t) => {
	const first = openedJournal(t);
	assert.equal(first.journal.wasUnclean, false);
	const second = first.takeOver();
	assert.equal(second.journal.wasUnclean, true, 'the first still runs, or has died');
	const third = await second.reopen();
	assert.equal(third.journal.wasUnclean, false);
});

test('a process that was replaced writes nothing more, and is told so once', async (t) => {
	const first = openedJournal(t);
	await first.journal.commit([put(1)]);
	const second = first.takeOver();
	const refused = [first.journal.commit([put(2)]), first.journal.commit([put(3)], 'committed')];
	for (const commit of refused) await assert.rejects(commit, { code: 'fenced' });
	await assert.rejects(first.journal.commit([put(4)]), { code: 'fenced' });
	assert.equal(first.fenced.count, 1);
	assert.equal(first.journal.isHealthy(), false);
	await second.journal.commit([put(5)]);
	await first.journal.close();
	assert.equal(second.journal.count('dead'), 2);
	const third = await second.reopen();
	assert.equal(third.journal.wasUnclean, false, 'the end of the fenced one is not its end');
});

test('the changes of one commit are all there or none, in the order in which they were given', async (t) => {
	const { journal } = openedJournal(t);
	await journal.commit([put(1, 'a'), put(1, 'b'), put(2), { table: 'dead', key: [2] }]);
	assert.equal(journal.get('dead', [1]), 'b');
	assert.equal(journal.get('dead', [2]), undefined);
	await journal.commit([{ table: 'dead', key: [77] }]);
	assert.equal(journal.count('dead'), 1);
});

test('what is still on its way is not seen', async (t) => {
	const { journal } = openedJournal(t);
	const writing = journal.commit([put(1)]);
	assert.equal(journal.get('dead', [1]), undefined);
	await writing;
	assert.equal(journal.get('dead', [1]), 1);
});

test('a stretch has its first key and not its last, forwards and backwards', async (t) => {
	const { journal } = openedJournal(t);
	await journal.commit([1, 2, 3, 4, 5].map((number) => put(number)));
	const values = (more: { limit?: number; reverse?: boolean }) =>
		journal.scan('dead', { from: [2], to: [4], ...more }).map(({ value }) => value);
	assert.deepEqual(values({}), [2, 3]);
	assert.deepEqual(values({ reverse: true }), [3, 2]);
	assert.deepEqual(values({ limit: 1 }), [2]);
	assert.deepEqual(values({ limit: 1, reverse: true }), [3]);
	assert.equal(journal.count('dead', { from: [2], to: [4] }), 2);
	assert.equal(journal.count('dead', { from: [2], to: [4], reverse: true }), 2);
	assert.equal(journal.count('dead'), 5);
});

test('a key is read back as it was written, also if it has one part', async (t) => {
	const { journal } = openedJournal(t);
	const written = [
		['lanes', ['ship1/REQPing/EventACK/']],
		['settled', [7]],
	] as const;
	await journal.commit(written.map(([table, key]) => ({ table, key, value: 1 })));
	for (const [table, key] of written) {
		assert.deepEqual(journal.scan(table, rowsUnder()), [{ key, value: 1 }]);
	}
});

test('a lane whose name begins like another has rows of its own', async (t) => {
	const { journal } = openedJournal(t);
	const lanes = ['a/b/EventACK/', 'a/b/EventACK/k', 'a/b/EventACK/k\0', 'a/b/EventACK/k\0x'];
	await journal.commit(
		lanes.flatMap((lane) =>
			[1, 2].map((seq) => ({ table: 'outbox', key: [lane, seq], value: lane }) as const),
		),
	);
	for (const lane of lanes) {
		const rows = journal.scan('outbox', rowsUnder(lane));
		assert.deepEqual(
			rows.map(({ value }) => value),
			[lane, lane],
		);
	}
});

test('the rows under a prefix are found whatever characters their keys have', async (t) => {
	const { journal } = openedJournal(t);
	const texts = [
		'',
		'\0',
		'~',
		'é',
		'\ud800',
		'\uffff',
		'\uffff\uffff',
		'\u{20BB7}',
		'😀',
		'\u{10ffff}',
	];
	const numbers = [-1, 0, 0.5, Number.MAX_SAFE_INTEGER, 1e300, Infinity];
	const parts = [...numbers, ...texts, '😀'.repeat(100)];
	const keys: Key[] = ['', 'a', '😀'].flatMap((actor) => parts.map((part): Key => [actor, part]));
	await journal.commit(keys.map((key) => ({ table: 'started', key, value: 1 })));
	const found = (stretch: Stretch) => journal.scan('started', stretch).length;
	assert.equal(found(rowsUnder()), keys.length);
	assert.equal(found({ ...rowsUnder(), reverse: true }), keys.length);
	assert.equal(journal.count('started', rowsUnder()), keys.length);
	assert.equal(journal.keys('started', rowsUnder()).length, keys.length);
	for (const actor of ['', 'a', '😀']) {
		const inOrder = journal.scan('started', rowsUnder(actor)).map(({ key }) => key);
		assert.equal(inOrder.length, parts.length);
		assert.ok(inOrder.every(([first]) => first === actor));
		const backwards = journal.scan('started', { ...rowsUnder(actor), reverse: true });
		assert.deepEqual(backwards.map(({ key }) => key).toReversed(), inOrder);
		const paged: Key[] = [];
		for (let { from, to } = rowsUnder(actor); ;) {
			const [row] = journal.scan('started', { from, to, limit: 1 });
			if (!row) break;
			paged.push(row.key);
			from = behind(row.key);
		}
		assert.deepEqual(paged, inOrder);
	}
	assert.equal(found(rowsUnder('b')), 0);
});

test('the rows whose key starts with a text are found, and no others', async (t) => {
	const { journal } = openedJournal(t);
	const ids = ['a', 'ab', 'ab\uffff', 'ab😀', 'ab\u{20BB7}c', `ab${'x'.repeat(100)}`, 'ac', 'b'];
	await journal.commit(ids.map((id) => ({ table: 'ledger', key: [id], value: 1 })));
	for (const text of ['a', 'ab', 'ab😀', 'b', 'c', '😀']) {
		const found = journal.scan('ledger', rowsStartingWith(text)).map(({ key }) => String(key[0]));
		assert.deepEqual(found.toSorted(), ids.filter((id) => id.startsWith(text)).toSorted());
	}
});

test('a key that the file cannot hold is refused, and the journal goes on', async (t) => {
	const { journal, signals } = openedJournal(t);
	for (const key of [['s', 'x'.repeat(5000)], ['é'.repeat(1000)]]) {
		await assert.rejects(journal.commit([put(1), { table: 'cursors', key, value: 1 }]), {
			code: 'internal',
		});
		assert.equal(journal.get('cursors', key), undefined);
	}
	await journal.commit([put(2)]);
	assert.equal(journal.get('dead', [1]), undefined, 'all of a commit or nothing');
	assert.equal(signals.counts()['journal.failed'], undefined);
});

test('five thousand rows of one commit arrive together', async (t) => {
	const { journal } = openedJournal(t);
	await journal.commit(Array.from({ length: 5000 }, (_, number) => put(number)));
	assert.equal(journal.count('dead'), 5000);
});

test('bytes that were read stay what they are while the journal is written on', async (t) => {
	const { journal } = openedJournal(t);
	const body = Buffer.alloc(5000, 7);
	await journal.commit([put(1, { body })]);
	const read = journal.get<{ body: Uint8Array }>('dead', [1]);
	for (let round = 0; round < 20; round += 1) {
		await journal.commit([put(1, { body: Buffer.alloc(5000, round) })], 'committed');
		journal.get('dead', [1]);
	}
	assert.ok(read?.body.every((byte) => byte === 7));
});

test('a closed journal refuses, and closing twice is the same as once', async (t) => {
	const { journal } = openedJournal(t);
	const last = journal.commit([put(1)]);
	await Promise.all([journal.close(), journal.close(), last]);
	await assert.rejects(journal.commit([put(2)]), { code: 'stopping' });
});

test('a folder that cannot be one is reported', (t) => {
	const folder = temporaryFolder(t);
	const file = join(folder, 'file');
	writeFileSync(file, 'x');
	const clock = steppedClock();
	const parts = { clock, signals: createSignals(clock) };
	assert.throws(() => openJournal({ ...parts, folder: file }), { code: 'storage_failed' });
});
