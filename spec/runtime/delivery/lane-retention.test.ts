import assert from 'node:assert/strict';
import test from 'node:test';
import type { Frame } from '../../../runtime/protocol/frame.ts';
import type { Journal } from '../../../runtime/journal/journal.ts';
import { createLaneRetention, startSweeping } from '../../../runtime/delivery/lane-retention.ts';
import { openedJournal } from '../../support/open-journal.ts';

const dayMs = 86_400_000;
const config = { laneSilenceMax: 30 * 86_400, lanesPerStoreMax: 3 };

const frame = (lane: string, more: Partial<Frame> = {}): Frame => ({
	v: 1,
	from: 'ship1',
	storeId: 'store',
	epoch: 4,
	lane,
	lo: 1,
	first: 1,
	rows: [{ id: 'm1', ttlMs: 1000, body: new Uint8Array() }],
	...more,
});

/** Puts a cursor and a refusal where an inbox would. */
async function accept(journal: Journal, lane: string): Promise<void> {
	await journal.commit([
		{ table: 'cursors', key: ['store', lane], value: { upTo: 1 } },
		{ table: 'refusals', key: ['store', lane, 1], value: 'too_large' },
	]);
}

test('a lane is forgotten when it was silent for longer than any message lives, and not before', async (t) => {
	const { journal, clock, signals } = openedJournal(t);
	const retention = createLaneRetention({ journal, clock, config, signals });
	for (const lane of ['old', 'kept']) {
		assert.equal(retention.admit(frame(lane)), undefined);
		await accept(journal, lane);
	}
	for (let day = 0; day < 30; day += 1) {
		await clock.advance(dayMs);
		retention.admit(frame('kept'));
		await retention.sweep();
	}
	assert.equal(journal.count('cursors'), 2, 'after thirty days a copy may still come');
	await clock.advance(2 * dayMs);
	await retention.sweep();
	assert.equal(journal.get('cursors', ['store', 'old']), undefined);
	assert.equal(journal.count('refusals'), 1);
	assert.equal(journal.count('heard'), 1);
	assert.equal(signals.counts()['lanes.forgotten'], 1);
	assert.ok(journal.get('cursors', ['store', 'kept']));
});

test('a clock that jumps by a year causes no lane to be forgotten', async (t) => {
	const { journal, clock, signals } = openedJournal(t);
	const retention = createLaneRetention({ journal, clock, config, signals });
	retention.admit(frame('lane'));
	await accept(journal, 'lane');
	for (const years of [1, -2]) {
		clock.jump(years * 365 * dayMs);
		await retention.sweep();
		assert.equal(journal.count('cursors'), 1);
	}
});

test('the time in which the node was off does not count, and the time before a restart does', async (t) => {
	const first = openedJournal(t);
	const before = createLaneRetention({ ...first, config });
	before.admit(frame('lane'));
	await accept(first.journal, 'lane');
	await first.clock.advance(20 * dayMs);
	await before.sweep();
	const second = await first.reopen();
	const after = createLaneRetention({ ...second, config });
	await second.clock.advance(10 * dayMs);
	await after.sweep();
	assert.equal(second.journal.count('cursors'), 1);
	await second.clock.advance(2 * dayMs);
	await after.sweep();
	assert.equal(second.journal.count('cursors'), 0);
});

test('more lanes than one sender may have are refused for good, and cost nothing', async (t) => {
	const { journal, clock, signals } = openedJournal(t);
	const retention = createLaneRetention({ journal, clock, config, signals });
	for (const lane of ['a', 'b', 'c']) assert.equal(retention.admit(frame(lane)), undefined);
	const rows = ['m7', 'm8'].map((id) => ({ id, ttlMs: 1, body: new Uint8Array() }));
	const refusal = retention.admit(frame('d', { lo: 7, first: 7, rows }));
	assert.deepEqual(refusal, {
		lane: 'd',
		epoch: 4,
		upTo: 8,
		id: 'm8',
		credit: 0,
		except: [
			[7, 'too_many_lanes'],
			[8, 'too_many_lanes'],
		],
	});
	const later = retention.admit(frame('d', { lo: 7, first: 9, rows }));
	assert.equal(later?.upTo, 0, 'what comes behind the first unresolved one resolves nothing');
	await journal.commit([]);
	assert.equal(journal.count('heard'), 3);
	assert.equal(retention.admit(frame('a')), undefined, 'those that are known go on');
	assert.equal(retention.admit(frame('a', { storeId: 'other' })), undefined, 'each has its own');
});

test('lanes that were accepted by an earlier version are known by their cursors', async (t) => {
	const { journal, clock, signals } = openedJournal(t);
	for (const lane of ['a', 'b', 'c', 'd']) await accept(journal, lane);
	const retention = createLaneRetention({ journal, clock, config, signals });
	for (const lane of ['a', 'b', 'c', 'd']) {
		assert.equal(retention.admit(frame(lane)), undefined, lane);
	}
});

test('sweeping goes on by itself every hour, until it is stopped', async (t) => {
	const { journal, clock, signals } = openedJournal(t);
	const retention = createLaneRetention({ journal, clock, config, signals });
	const sweeping = startSweeping(retention, clock);
	await clock.advance(3_600_000);
	await journal.commit([]);
	assert.equal(journal.get('meta', ['runningMs']), 3_600_000);
	await sweeping.stop();
	assert.equal(clock.pending(), 0);
});
