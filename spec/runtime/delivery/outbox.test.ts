import assert from 'node:assert/strict';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { createOutbox, type Lane } from '../../../runtime/delivery/outbox.ts';
import { createLedger } from '../../../runtime/ledger/ledger.ts';
import { unpackMessage } from '../../../runtime/message/codec.ts';
import { messageOf } from '../../support/messages.ts';
import { type OpenedJournal, openedJournal } from '../../support/open-journal.ts';

const name = 'ship1/REQPing/EventACK/';

/** An outbox with a window of four, on a journal. */
function outboxOn(opened: OpenedJournal) {
	const { journal } = opened;
	const shared = { ...opened, config: configOf({ windowMessagesMax: 4 }) };
	const ledger = createLedger(shared);
	const outbox = createOutbox({ ...shared, ledger });
	const append = async (...ids: string[]) => {
		const appended = ids.map((id) => {
			const message = messageOf({ id });
			const { lane, seq, body, changes } = outbox.append(message);
			const entry = ledger.open(message, { lane: lane.name, seq }, body);
			return { lane, seq, changes: [...changes, ...entry] };
		});
		await journal.commit(appended.flatMap(({ changes }) => changes));
		for (const { lane, seq } of appended) outbox.flushed(lane, seq);
		return laneOf();
	};
	const laneOf = (): Lane => {
		const lane = outbox.lane(name);
		assert.ok(lane);
		return lane;
	};
	return { ...opened, ledger, outbox, append, laneOf };
}

const loaded = (lane: Lane) => lane.rows.map(({ seq, id }) => `${seq} ${id}`);

test('messages of a lane are numbered without gaps, and a window of them is in memory', async (t) => {
	const { append, outbox } = outboxOn(openedJournal(t));
	const lane = await append('a', 'b', 'c', 'd', 'e', 'f');
	assert.deepEqual(loaded(lane), ['1 a', '2 b', '3 c', '4 d']);
	assert.deepEqual([lane.lo, lane.next, lane.flushed], [1, 7, 6]);
	assert.equal(outbox.waiting(), 6);
	assert.equal(outbox.waiting('ship1'), 6);
	assert.equal(outbox.waiting('ship2'), 0);
});

test('messages of different receivers, methods, kinds and keys are in different lanes', (t) => {
	const { outbox } = outboxOn(openedJournal(t));
	for (const fields of [
		{},
		{ toNode: 'ship2' },
		{ method: 'REQPong' },
		{ kind: 'CommandACK' as const },
		{ key: 'a' },
		{ key: 'b' },
	]) {
		assert.equal(outbox.append(messageOf(fields)).seq, 1, JSON.stringify(fields));
	}
	assert.equal(outbox.append(messageOf({ key: 'a' })).seq, 2);
	assert.equal(outbox.size(), 6);
});

test('what is resolved is gone from memory and disk, and the window moves on', async (t) => {
	const { append, outbox, journal } = outboxOn(openedJournal(t));
	const lane = await append('a', 'b', 'c', 'd', 'e', 'f');
	const { rows, changes } = outbox.resolve(lane, 2);
	assert.deepEqual(
		rows.map(({ id }) => id),
		['a', 'b'],
	);
	await journal.commit(changes);
	outbox.fill(lane);
	assert.deepEqual(loaded(lane), ['3 c', '4 d', '5 e', '6 f']);
	assert.equal(journal.count('outbox'), 4);
	assert.equal(outbox.waiting(), 4);
});

test('resolving beyond what is loaded leaves nothing on disk', async (t) => {
	const opened = openedJournal(t);
	const { append, outbox, journal } = outboxOn(opened);
	const lane = await append('a', 'b', 'c', 'd', 'e', 'f', 'g');
	await journal.commit(outbox.resolve(lane, 6).changes);
	assert.deepEqual(loaded(lane), []);
	outbox.fill(lane);
	assert.deepEqual(loaded(lane), ['7 g']);
	assert.equal(journal.count('outbox'), 1);
	const { laneOf } = outboxOn(await opened.reopen());
	assert.deepEqual([laneOf().lo, laneOf().next], [7, 8]);
});

test('after a restart a lane goes on with its numbers, and its rows are read when they are needed', async (t) => {
	const opened = openedJournal(t);
	const before = outboxOn(opened);
	const lane = await before.append('a', 'b', 'c');
	await opened.journal.commit(before.outbox.resolve(lane, 1).changes);
	const { outbox, append, laneOf } = outboxOn(await opened.reopen());
	assert.deepEqual(
		[...outbox.lanes()].map((each) => each.name),
		[name],
	);
	assert.deepEqual([laneOf().lo, laneOf().next, laneOf().inherited], [2, 4, 3]);
	assert.deepEqual(loaded(laneOf()), []);
	assert.equal(outbox.waiting(), 2);
	await append('d');
	outbox.fill(laneOf());
	assert.deepEqual(loaded(laneOf()), ['2 b', '3 c', '4 d']);
});

test('an empty lane keeps its numbers over a restart: its receiver knows them', async (t) => {
	const opened = openedJournal(t);
	const before = outboxOn(opened);
	const lane = await before.append('a', 'b');
	await opened.journal.commit(before.outbox.resolve(lane, 2).changes);
	const { append, outbox } = outboxOn(await opened.reopen());
	assert.equal(outbox.waiting(), 0);
	const again = await append('c');
	assert.deepEqual(loaded(again), ['3 c']);
});

test('under a new identity all that waits may be a repetition, to the last, and nothing later', async (t) => {
	const opened = openedJournal(t);
	const { append, outbox, journal } = outboxOn(opened);
	const lane = await append('a', 'b', 'c');
	await journal.commit(outbox.resolve(lane, 1).changes);
	const { lane: empty, changes } = outbox.append(messageOf({ id: 'x', toNode: 'ship2' }));
	await journal.commit([...changes, ...outbox.resolve(empty, 1).changes]);
	const renewed = outbox.renew();
	assert.deepEqual([renewed.length, lane.repeatUpTo, empty.repeatUpTo], [1, 3, 0]);
	await journal.commit(renewed);
	await append('d');
	assert.equal(lane.repeatUpTo, 3);
	const { laneOf } = outboxOn(await opened.reopen());
	assert.equal(laneOf().repeatUpTo, 3);
});

test('what was sent before a lane is bound to another store may have been accepted there', async (t) => {
	const opened = openedJournal(t);
	const { append, outbox, journal } = outboxOn(opened);
	const lane = await append('a', 'b', 'c');
	await journal.commit(outbox.bind(lane, 'store1', 2));
	assert.deepEqual([lane.repeatUpTo, lane.formerUpTo], [0, 0], 'there was no store before');
	assert.deepEqual(outbox.bind(lane, 'store1', 3), [], 'it is the same');
	await journal.commit(outbox.bind(lane, 'store2', 2));
	await journal.commit(outbox.bind(lane, 'store3', 1));
	assert.deepEqual([lane.repeatUpTo, lane.formerUpTo], [2, 2]);
	const { laneOf } = outboxOn(await opened.reopen());
	const { boundTo, repeatUpTo, formerUpTo } = laneOf();
	assert.deepEqual([boundTo, repeatUpTo, formerUpTo], ['store3', 2, 2]);
});

test('a row that is on disk but not flushed is not loaded', async (t) => {
	const { append, outbox, journal } = outboxOn(openedJournal(t));
	const lane = await append('a', 'b', 'c', 'd', 'e');
	const { seq, changes } = outbox.append(messageOf({ id: 'f' }));
	await journal.commit(changes);
	outbox.resolve(lane, 3);
	outbox.fill(lane);
	assert.deepEqual(loaded(lane), ['4 d', '5 e']);
	outbox.flushed(lane, seq);
	outbox.fill(lane);
	assert.deepEqual(loaded(lane), ['4 d', '5 e', '6 f']);
});

test('a row is sent, and its subscribers are told, only once it is flushed', async (t) => {
	const { outbox, journal } = outboxOn(openedJournal(t));
	const seen: number[] = [];
	outbox.onMail((lane) => seen.push(lane.flushed));
	const { lane, seq, changes } = outbox.append(messageOf({ id: 'a' }));
	assert.equal(lane.flushed, 0);
	assert.deepEqual(seen, []);
	await journal.commit(changes);
	outbox.flushed(lane, seq);
	outbox.flushed(lane, seq);
	await Promise.resolve();
	assert.deepEqual([seen, lane.flushed], [[1], 1], 'once for all that one flush releases');
});

test('who begins to watch hears of the lanes that have old rows, and no more once it has ended', async (t) => {
	const opened = openedJournal(t);
	const { append, outbox } = outboxOn(opened);
	await append('a');
	const seen: string[] = [];
	const end = outbox.onMail((lane) => seen.push(lane.name));
	assert.deepEqual(seen, [name]);
	end();
	await append('b');
	assert.deepEqual(seen, [name]);
});

test('a row that is amended is amended on disk, and keeps its place', async (t) => {
	const opened = openedJournal(t);
	const { append, outbox, journal } = outboxOn(opened);
	const lane = await append('a', 'b');
	const second = outbox.row(lane, 2);
	assert.ok(second);
	await journal.commit(outbox.amend(lane, { ...second, attempts: 7, skip: true }));
	const { outbox: after, laneOf } = outboxOn(await opened.reopen());
	assert.deepEqual([after.row(laneOf(), 2)?.attempts, after.row(laneOf(), 2)?.skip], [7, true]);
	assert.equal(after.row(laneOf(), 3), undefined);
});

test('a row carries the whole message, and its limits as they were when it was accepted', async (t) => {
	const { outbox, clock } = outboxOn(openedJournal(t));
	const fields = { id: 'a', ttl: 60, ACKTimeout: 3, retries: 2, methodArgs: ['x'] };
	const { lane } = outbox.append(messageOf(fields));
	const [row] = lane.rows;
	assert.ok(row);
	assert.deepEqual(unpackMessage(row.body), messageOf(fields));
	assert.deepEqual([row.deadline, row.ackMs, row.retries], [clock.now() + 60_000, 3000, 2]);
	const other = outbox.append(messageOf({ id: 'b', toNode: 'ship2' })).lane.rows[0];
	assert.deepEqual([other?.ackMs, other?.retries], [10_000, 0]);
});

test('ten thousand messages to one node leave no more than a window in memory', async (t) => {
	const { append, outbox } = outboxOn(openedJournal(t));
	const lane = await append(...Array.from({ length: 10_000 }, (_, at) => `m${at}`));
	assert.equal(lane.rows.length, 4);
	assert.equal(outbox.waiting(), 10_000);
	outbox.resolve(lane, 9_998);
	outbox.fill(lane);
	assert.deepEqual(loaded(lane), ['9999 m9998', '10000 m9999']);
});

test('a row has the body of its ledger entry: loaded, looked up, and after a restart', async (t) => {
	const opened = openedJournal(t);
	const before = outboxOn(opened);
	const written = await before.append('a', 'b', 'c', 'd', 'e', 'f');
	const bodies = (lane: Lane) => lane.rows.map(({ body }) => unpackMessage(body).id);
	before.outbox.resolve(written, 2);
	before.outbox.fill(written);
	assert.deepEqual(bodies(written), ['c', 'd', 'e', 'f'], 'the last two were not loaded');
	const { outbox, laneOf } = outboxOn(await opened.reopen());
	outbox.fill(laneOf());
	assert.deepEqual(bodies(laneOf()), ['a', 'b', 'c', 'd']);
	const last = outbox.row(laneOf(), 6);
	assert.deepEqual(last && unpackMessage(last.body), messageOf({ id: 'f' }));
});

test('a row that is amended does not bring its body back to the disk', async (t) => {
	const opened = openedJournal(t);
	const { append, outbox, journal } = outboxOn(opened);
	const lane = await append('a');
	const [row] = lane.rows;
	assert.ok(row && row.body.byteLength > 0);
	await journal.commit(outbox.amend(lane, { ...row, attempts: 3 }));
	assert.equal(journal.get<unknown[]>('outbox', [name, 1])?.[1], null);
	const { outbox: after, laneOf } = outboxOn(await opened.reopen());
	const read = after.row(laneOf(), 1);
	assert.deepEqual([read?.attempts, read && unpackMessage(read.body).id], [3, 'a']);
});

test('a row whose ledger entry is forgotten is a skip, also if its id names another', async (t) => {
	const opened = openedJournal(t);
	const { append, ledger, journal } = outboxOn(opened);
	await append('a', 'b', 'c');
	for (const id of ['a', 'b']) {
		await journal.commit(ledger.settle(id, { outcome: 'done' }));
		ledger.settled(id);
	}
	await journal.commit(ledger.forget('a'));
	await journal.commit([...ledger.forget('b'), ...ledger.open(messageOf({ id: 'b' }))]);
	const { outbox, laneOf } = outboxOn(await opened.reopen());
	outbox.fill(laneOf());
	assert.deepEqual(
		laneOf().rows.map(({ id, skip, body }) => [id, skip, body.byteLength > 0]),
		[
			['a', true, false],
			['b', true, false],
			['c', false, true],
		],
	);
	assert.equal(outbox.row(laneOf(), 1)?.skip, true);
});
