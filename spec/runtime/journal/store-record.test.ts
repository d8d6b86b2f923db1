import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { open as openStore } from 'lmdb';
import { steppedClock, type SteppedClock } from '../../../runtime/platform/clock.ts';
import { openJournal, type JournalOptions } from '../../../runtime/journal/journal.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

/** Opens stores on several hosts, with one clock. */
function hosts(t: TestScope, clock: SteppedClock = steppedClock(1)) {
	const open = (folder: string, host: string, more: Partial<JournalOptions> = {}) => {
		const journal = openJournal({
			folder,
			host,
			clock,
			signals: createSignals(clock),
			uncleanPeriodMs: 600_000,
			...more,
		});
		t.after(() => journal.close());
		return journal;
	};
	return { open, clock };
}

test('a store that comes up where it was is at home, however often', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	for (let start = 1; start <= 3; start += 1) {
		const journal = open(folder, 'one');
		assert.equal(journal.isMoved, false, `start ${start}`);
		await journal.close();
	}
});

test('a store that comes up on another host is moved, until that host is said to be its home', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	await open(folder, 'one').close();
	const second = open(folder, 'two');
	assert.equal(second.isMoved, true);
	await second.close();
	const third = open(folder, 'two');
	assert.equal(third.isMoved, true, 'nobody has said so yet');
	await third.settleHere();
	await third.close();
	const fourth = open(folder, 'two');
	assert.equal(fourth.isMoved, false);
	assert.equal(open(temporaryFolder(t), 'two').isMoved, false, 'a new store is at home at once');
});

test('a copy of the folder on the same host is noticed too', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	const first = open(folder, 'one');
	await first.close();
	const copy = join(temporaryFolder(t), 'copy');
	cpSync(folder, copy, { recursive: true });
	const second = open(copy, 'one');
	assert.equal(second.storeId, first.storeId);
	assert.equal(second.isMoved, true);
});

test('adopt makes the new host the home at once, and keeps the identity', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	const first = open(folder, 'one');
	await first.close();
	const second = open(folder, 'two', { identity: 'adopt' });
	assert.equal(second.isMoved, false);
	assert.equal(second.storeId, first.storeId);
	await second.close();
	assert.equal(open(folder, 'two').isMoved, false);
});

test('with strict identity another host is refused before anything is written, and the old one is not', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	const first = open(folder, 'one');
	await first.close();
	assert.throws(() => open(folder, 'two', { identity: 'strict' }), { code: 'cloned_store' });
	const again = open(folder, 'one', { identity: 'strict' });
	assert.equal(again.epoch, first.epoch + 1);
	assert.equal(again.wasUnclean, false);
});

test('fork makes another store of it: what was promised is set aside, what is history stays', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	const first = open(folder, 'one');
	const rows = Array.from({ length: 1201 }, (_, index) => index + 1);
	await first.commit([
		...rows.map(
			(seq) => ({ table: 'outbox', key: ['lane', seq], value: { id: `m${seq}` } }) as const,
		),
		{ table: 'lanes', key: ['lane'], value: { next: 1202 } },
		{ table: 'mailbox', key: ['REQPing', 1], value: { id: 'in' } },
		{ table: 'started', key: ['REQPing', 1], value: { epoch: 1, attempts: 1 } },
		{ table: 'ledger', key: ['m1'], value: { id: 'm1' } },
		{ table: 'ledger', key: ['done'], value: { id: 'done', settledAt: 1 } },
		{ table: 'cursors', key: ['store', 'lane'], value: { upTo: 3 } },
	]);
	await first.close();
	const fork = open(folder, 'two', { identity: 'fork' });
	assert.notEqual(fork.storeId, first.storeId);
	assert.equal(fork.isMoved, false);
	for (const table of ['outbox', 'lanes', 'mailbox', 'started'] as const) {
		assert.equal(fork.count(table), 0, table);
	}
	assert.equal(fork.count('quarantine'), 1201 + 1 + 1 + 1 + 1);
	assert.deepEqual(fork.get('quarantine', ['outbox', 'lane', 7]), { id: 'm7' });
	assert.deepEqual(fork.get('ledger', ['done']), { id: 'done', settledAt: 1 });
	assert.equal(fork.get('ledger', ['m1']), undefined, 'its outcome will be told to the original');
	assert.equal(fork.count('cursors'), 1, 'what was accepted is not accepted again');
	await fork.close();
	const next = open(folder, 'two');
	assert.equal(next.storeId, fork.storeId, 'only the start that was told so forks');
});

test('a fork that is cut short goes on at the next start', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	const first = open(folder, 'one');
	await first.commit([
		{ table: 'meta', key: ['forking'], value: true },
		{ table: 'outbox', key: ['lane', 1], value: { id: 'm1' } },
	]);
	await first.close();
	const second = open(folder, 'one');
	assert.equal(second.count('outbox'), 0);
	assert.equal(second.count('quarantine'), 1);
	assert.equal(second.get('meta', ['forking']), undefined);
});

test('a store of another format is refused and left as it is', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	const first = open(folder, 'one');
	await first.commit([{ table: 'meta', key: ['format'], value: 5 }]);
	await first.close();
	assert.throws(() => open(folder, 'one'), { code: 'journal_version', detail: /format 5/ });
	assert.throws(() => open(folder, 'two', { identity: 'fork' }), { code: 'journal_version' });
});

test('a store of the format whose checksums were others is refused, and not taken for damaged', async (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	await open(folder, 'one').close();
	const root = openStore({ path: folder, maxDbs: 64, cache: false });
	const meta = root.openDB({ name: 'meta', cache: false, encoding: 'binary' });
	await meta.put(['format'], Buffer.from([0, 0, 0, 0, 3]));
	await root.close();
	assert.throws(() => open(folder, 'one'), { code: 'journal_version', detail: /format 3/ });
});

test('unclean starts are counted within their period, and clean ones are not', async (t) => {
	const { open, clock } = hosts(t);
	const folder = temporaryFolder(t);
	const counts: number[] = [];
	const start = () => {
		const journal = open(folder, 'one');
		counts.push(journal.uncleanStarts);
		return journal;
	};
	start();
	for (let crash = 1; crash <= 3; crash += 1) {
		await clock.advance(60_000);
		start();
	}
	await clock.advance(60_000);
	await start().close();
	const clean = start();
	assert.deepEqual(counts, [0, 1, 2, 3, 4, 4]);
	assert.equal(clean.wasUnclean, false);
	await clock.advance(3_600_000);
	start();
	assert.equal(counts.at(-1), 1, 'the others are forgotten by now');
});

test('a clock that is set back by a year does not make unclean starts count for a year', async (t) => {
	const { open, clock } = hosts(t);
	const folder = temporaryFolder(t);
	open(folder, 'one');
	open(folder, 'one');
	assert.equal(open(folder, 'one').uncleanStarts, 2);
	clock.jump(-365 * 86_400_000);
	assert.equal(open(folder, 'one').uncleanStarts, 3, 'no time has passed between them');
	await clock.advance(3_600_000);
	assert.equal(open(folder, 'one').uncleanStarts, 1);
});

test('who opens the folder later is the owner; the former one is told when it looks', (t) => {
	const { open } = hosts(t);
	const folder = temporaryFolder(t);
	let fenced = 0;
	const first = open(folder, 'one', { onFenced: () => (fenced += 1) });
	assert.equal(first.isOwner(), true);
	const second = open(folder, 'one');
	assert.equal(first.isOwner(), false);
	assert.equal(first.isOwner(), false);
	assert.equal(fenced, 1);
	assert.equal(second.isOwner(), true);
});
