import assert from 'node:assert/strict';
import test from 'node:test';
import { createWindow, type Load } from '../../../actors/outbound/send-window.ts';
import { answeredBy } from '../../../runtime/message/message.ts';
import { unpackMessage } from '../../../runtime/message/codec.ts';
import { messageOf } from '../../support/messages.ts';
import { type OpenedJournal, openedJournal } from '../../support/open-journal.ts';
import { sendingSide } from '../../support/sending-lane.ts';

/** A window of a lane with these messages. */
async function windowOn(
	opened: OpenedJournal,
	messages: Parameters<ReturnType<typeof sendingSide>['send']>,
	values: Parameters<typeof sendingSide>[1] = {},
) {
	const side = sendingSide(opened, values);
	if (messages.length > 0) await side.send(...messages);
	const window = createWindow({ ...side, lane: side.lane() });
	const commit = (settlement: { changes: Parameters<typeof side.journal.commit>[0] }) =>
		side.journal.commit(settlement.changes);
	return { ...side, window, commit };
}

const named = (...ids: string[]) => ids.map((id) => ({ id }));
const ids = (load: Load | undefined) =>
	load?.rows.map(({ id, skip }) => (skip ? `skip ${id}` : id));

test('a new lane sends one message until the receiver has said how many it takes', async (t) => {
	const { window, ackOf } = await windowOn(openedJournal(t), named('a', 'b', 'c', 'd'));
	assert.deepEqual(ids(window.take()), ['a']);
	assert.equal(window.take(), undefined);
	window.acknowledge(ackOf(1, 'a', { credit: 2 }));
	assert.deepEqual(ids(window.take()), ['b', 'c']);
	assert.equal(window.take(), undefined);
});

test('unresolved messages never exceed the credit, whatever is lost', async (t) => {
	const many = Array.from({ length: 30 }, (_, at) => ({ id: `m${at + 1}` }));
	const { window, ackOf, lane } = await windowOn(openedJournal(t), many);
	window.take();
	window.acknowledge(ackOf(1, 'm1', { credit: 5 }));
	for (let round = 0; round < 10; round += 1) {
		for (let load = window.take(); load; load = window.take()) {
			const last = load.first + load.rows.length - 1;
			assert.ok(last - lane().lo + 1 <= 5);
		}
		if (round % 2 === 0) window.goBack();
		else window.acknowledge(ackOf(lane().lo, `m${lane().lo}`, { credit: 5 }));
	}
	assert.equal(lane().lo, 7);
});

test('a frame is cut at its size, but a larger message travels alone', async (t) => {
	const messages = ['a', 'b', 'c'].map((id) => ({ id, data: 'x'.repeat(id === 'b' ? 900 : 150) }));
	const { window, ackOf } = await windowOn(openedJournal(t), messages, { frameBytesMax: 600 });
	window.acknowledge(ackOf(0, ''));
	const loads = [window.take(), window.take(), window.take(), window.take()].map(ids);
	assert.deepEqual(loads, [['a'], ['b'], ['c'], undefined]);
});

test('an acknowledgement resolves what it covers, and tells what was refused', async (t) => {
	const { window, ackOf, commit, outcome, journal, seen, lane } = await windowOn(
		openedJournal(t),
		named('a', 'b', 'c', 'd'),
	);
	window.acknowledge(ackOf(0, ''));
	window.take();
	const settlement = window.acknowledge(ackOf(3, 'c', { except: [[2, 'unknown_method']] }));
	await commit(settlement);
	assert.deepEqual([settlement.verdict, settlement.count, settlement.ids], ['applied', 3, ['b']]);
	assert.deepEqual([outcome('a'), outcome('b'), outcome('c')], [undefined, 'refused', undefined]);
	assert.equal(journal.count('outbox'), 1);
	assert.equal(lane().lo, 4);
	assert.equal(seen('delivery.refused').length, 1);
	const again = window.acknowledge(ackOf(3, 'c', { except: [[2, 'unknown_method']] }));
	assert.deepEqual([again.verdict, again.changes.length], ['applied', 0], 'it may come twice');
});

test('an acknowledgement about messages that this lane never had resolves nothing', async (t) => {
	const { window, ackOf, lane, journal } = await windowOn(openedJournal(t), named('a', 'b'));
	window.take();
	for (const ack of [ackOf(1, 'other'), ackOf(2, 'a'), ackOf(3, ''), ackOf(9e15, 'a')]) {
		const { verdict, changes, count } = window.acknowledge(ack);
		assert.deepEqual([verdict, changes.length, count], ['doubted', 0, 0]);
	}
	assert.equal(lane().lo, 1);
	assert.equal(journal.count('outbox'), 2);
});

test('an acknowledgement beyond a window that is smaller after a restart is applied', async (t) => {
	const opened = openedJournal(t);
	const many = Array.from({ length: 20 }, (_, at) => ({ id: `m${at + 1}` }));
	await sendingSide(opened).send(...many);
	const after = await windowOn(await opened.reopen(), [], { windowMessagesMax: 3 });
	const settlement = after.window.acknowledge(after.ackOf(15, 'm15'));
	await after.commit(settlement);
	assert.deepEqual([settlement.verdict, settlement.count], ['applied', 15]);
	assert.deepEqual(ids(after.window.take()), ['m16', 'm17', 'm18']);
	assert.equal(after.journal.count('outbox'), 5);
});

test('the counter of a message is on disk before it is sent again, and does not fall at a restart', async (t) => {
	const opened = openedJournal(t);
	const { window, commit } = await windowOn(opened, named('a'));
	const first = window.take();
	assert.deepEqual(first?.changes, [], 'a first sending costs no write');
	for (let resend = 0; resend < 3; resend += 1) {
		window.goBack();
		const load = window.take();
		assert.ok(load && load.changes.length > 0);
		await commit(load);
	}
	const after = sendingSide(await opened.reopen());
	after.outbox.fill(after.lane());
	assert.equal(after.lane().rows[0]?.attempts, 4);
});

test('a message is given up when its tries are over, but not while the last one is under way', async (t) => {
	const { window, commit, outcome, ackOf } = await windowOn(openedJournal(t), [
		{ id: 'a', retries: 1 },
	]);
	assert.deepEqual(ids(window.take()), ['a']);
	await commit(window.giveUp());
	assert.equal(window.take(), undefined, 'it still waits for its acknowledgement');
	window.goBack();
	await commit(window.giveUp());
	assert.deepEqual(ids(window.take()), ['skip a']);
	assert.equal(outcome('a'), undefined, 'the receiver may have it');
	await commit(window.acknowledge(ackOf(1, 'a', { except: [[1, 'skipped']] })));
	assert.equal(outcome('a'), 'expired');
});

test('a message that was given up and had been accepted stays open: its outcome follows', async (t) => {
	const { window, commit, outcome, ackOf, journal } = await windowOn(openedJournal(t), named('a'));
	window.take();
	await commit(window.cancel(1));
	assert.deepEqual(ids(window.take()), ['skip a']);
	await commit(window.acknowledge(ackOf(1, 'a')));
	assert.equal(outcome('a'), undefined);
	assert.equal(journal.count('outbox'), 0);
});

test('a message that never left is expired at once, also behind others that are under way', async (t) => {
	const { window, commit, outcome, ackOf, clock, lane } = await windowOn(openedJournal(t), [
		{ id: 'a' },
		{ id: 'b', ttl: 5 },
		{ id: 'c' },
	]);
	window.take();
	await clock.advance(5000);
	const settlement = window.giveUp();
	await commit(settlement);
	assert.deepEqual(settlement.ids, ['b']);
	assert.equal(outcome('b'), 'expired');
	await commit(window.acknowledge(ackOf(1, 'a')));
	assert.deepEqual(ids(window.take()), ['skip b', 'c'], 'its number must be accounted for');
	await commit(window.acknowledge(ackOf(3, 'c', { except: [[2, 'skipped']] })));
	assert.deepEqual([lane().lo, outcome('b'), outcome('c')], [4, 'expired', undefined]);
});

test('a thousand messages whose time is over before they ever left are expired together', async (t) => {
	const many = Array.from({ length: 1000 }, (_, at) => ({ id: `m${at}`, ttl: 5 }));
	const { window, commit, ledger, clock, journal } = await windowOn(openedJournal(t), many, {
		windowMessagesMax: 16,
	});
	await clock.advance(5000);
	const settlement = window.giveUp();
	await commit(settlement);
	for (const id of settlement.ids) ledger.settled(id);
	assert.deepEqual(ledger.totals(), { open: 0, settled: 1000 });
	assert.equal(journal.count('outbox'), 0);
	assert.ok(window.isEmpty());
});

test('what an earlier process left may have been published, and is never expired without an answer', async (t) => {
	const opened = openedJournal(t);
	await sendingSide(opened).send({ id: 'a', ttl: 5 });
	const { window, commit, outcome, clock } = await windowOn(await opened.reopen(), []);
	await clock.advance(5000);
	await commit(window.giveUp());
	assert.equal(outcome('a'), undefined);
	assert.deepEqual(ids(window.take()), ['skip a']);
});

test('what an earlier process gave up without a trace on disk has its outcome when it was skipped', async (t) => {
	const opened = openedJournal(t);
	await sendingSide(opened).send({ id: 'a' }, { id: 'b' });
	for (const isSentAgain of [false, true]) {
		const side = await windowOn(isSentAgain ? await opened.reopen() : opened, []);
		side.window.acknowledge(side.ackOf(0, ''));
		if (isSentAgain) assert.deepEqual(ids(side.window.take()), ['a', 'b']);
		const settlement = side.window.acknowledge(side.ackOf(2, 'b', { except: [[1, 'skipped']] }));
		assert.deepEqual(settlement.ids, ['a']);
		assert.equal(side.outcome('a'), 'expired');
		assert.equal(side.outcome('b'), undefined, 'it is with its receiver');
	}
});

test('what an earlier publisher of this process has published is not expired without an answer either', async (t) => {
	const side = await windowOn(openedJournal(t), [
		{ id: 'a', retries: 1 },
		{ id: 'b', retries: 1 },
	]);
	const { window, commit, outcome, ackOf, lane } = side;
	window.acknowledge(ackOf(0, '', { credit: 1 }));
	assert.deepEqual(ids(window.take()), ['a']);
	window.stop();
	const next = createWindow({ ...side, lane: lane() });
	await commit(next.giveUp());
	assert.equal(outcome('a'), undefined, 'the receiver may have it');
	await commit(next.countAway());
	await commit(next.giveUp());
	assert.equal(outcome('b'), 'expired', 'it never left');
	next.acknowledge(ackOf(0, '', { credit: 2 }));
	assert.deepEqual(ids(next.take()), ['skip a', 'skip b']);
});

test('a receiver that is away costs the tries of messages that limit them, and of no others', async (t) => {
	const { window, commit, outcome, lane } = await windowOn(openedJournal(t), [
		{ id: 'a', retries: 2 },
		{ id: 'b' },
	]);
	for (let away = 0; away < 2; away += 1) await commit(window.countAway());
	await commit(window.giveUp());
	assert.equal(outcome('a'), 'expired');
	assert.equal(lane().rows[0]?.attempts, 0);
	assert.deepEqual(ids(window.take()), ['b']);
});

test('time to live travels as what is left of it, and never below nothing', async (t) => {
	const { window, clock } = await windowOn(openedJournal(t), [{ id: 'a', ttl: 10 }]);
	await clock.advance(4000);
	assert.equal(window.take()?.rows[0]?.ttlMs, 6000);
	await clock.advance(60_000);
	window.goBack();
	assert.equal(window.take()?.rows[0]?.ttlMs, 0);
});

test('a lane that is bound to another store marks what may be a repetition', async (t) => {
	const { window, ackOf } = await windowOn(openedJournal(t), named('a', 'b'));
	window.bind('store1');
	window.take();
	window.bind('store2');
	window.goBack();
	assert.equal(window.take()?.rows[0]?.repeat, true);
	window.acknowledge(ackOf(1, 'a'));
	assert.equal(window.take()?.rows[0]?.repeat, undefined, 'it was never sent to another');
});

test('a reply that is given up still tells its outcome, on a lane that does not give up', async (t) => {
	const result = { outcome: 'done', attempts: 1 } as const;
	const reply = { id: 'r', retries: 1, inReplyTo: 'asked', previousMethod: 'REQX', result };
	const side = await windowOn(openedJournal(t), [{ ...reply, data: 'large' }]);
	side.window.take();
	side.window.goBack();
	const settlement = side.window.giveUp();
	await side.commit(settlement);
	const [instead] = settlement.instead ?? [];
	assert.equal(instead?.lane.method, 'REQNone');
	const row = side.outbox.row(instead.lane, instead.seq);
	assert.ok(row);
	const { inReplyTo, data, result: told } = unpackMessage(row.body);
	assert.deepEqual(
		{ inReplyTo, data, told },
		{ inReplyTo: 'asked', data: undefined, told: result },
	);
	assert.equal(row.retries, 0, 'whatever tries the reply was given, an outcome is owed');
});

test('an outcome of several messages that is too large for the broker is told of each', async (t) => {
	const result = { outcome: 'done', attempts: 1 } as const;
	const method = 'REQNone';
	const shared = { id: 'r', method, inReplyTo: 'a', alsoInReplyTo: ['b', 'c'], result };
	const side = sendingSide(openedJournal(t));
	const { lane, seq, changes } = side.outbox.append(messageOf(shared));
	await side.journal.commit(changes);
	side.outbox.flushed(lane, seq);
	const window = createWindow({ ...side, lane });
	window.take();
	const { instead = [], ...settlement } = window.refuse(seq, 'tooLarge');
	await side.journal.commit(settlement.changes);
	const told = instead.map((each) => {
		const row = side.outbox.row(each.lane, each.seq);
		return row && answeredBy(unpackMessage(row.body));
	});
	assert.deepEqual(told, [['a'], ['b'], ['c']]);
});

test('after a restart a frame carries the same bodies, whether or not the ledger has them', async (t) => {
	const opened = openedJournal(t);
	const messages = [
		{ id: 'a', data: 'x'.repeat(100) },
		{ id: 'b', data: 'x'.repeat(5000) },
	];
	const values = { bodyKeptBytesMax: 1000 };
	const before = await windowOn(opened, messages, values);
	before.window.acknowledge(before.ackOf(0, ''));
	const bodies = (load: Load | undefined) =>
		load?.rows.map(({ body }) => body && Buffer.from(body));
	const sent = bodies(before.window.take());
	assert.equal(sent?.length, 2);
	const after = await windowOn(await opened.reopen(), [], values);
	after.window.acknowledge(after.ackOf(0, ''));
	assert.deepEqual(bodies(after.window.take()), sent);
});

test('a message that was settled and forgotten before its acknowledgement is sent as a skip', async (t) => {
	const opened = openedJournal(t);
	const before = await windowOn(opened, named('a', 'b'), { settledKeptMax: 1 });
	before.window.acknowledge(before.ackOf(0, ''));
	assert.deepEqual(ids(before.window.take()), ['a', 'b']);
	for (const id of ['a', 'b']) {
		await before.journal.commit(before.ledger.settle(id, { outcome: 'done' }));
		before.ledger.settled(id);
	}
	before.window.goBack();
	assert.deepEqual(ids(before.window.take()), ['a', 'b'], 'this process still has the bodies');
	const after = await windowOn(await opened.reopen(), []);
	after.window.acknowledge(after.ackOf(0, ''));
	assert.deepEqual(ids(after.window.take()), ['skip a', 'b']);
	const skipped = after.window.acknowledge(after.ackOf(1, 'a', { except: [[1, 'skipped']] }));
	await after.commit(skipped);
	assert.deepEqual([skipped.verdict, after.outcome('a')], ['applied', undefined]);
	assert.equal(after.seen('delivery.gaveUp').length, 1, 'it is told of, in case it was lost');
	await after.commit(after.window.acknowledge(after.ackOf(2, 'b')));
	assert.deepEqual([after.journal.count('outbox'), after.outcome('b')], [0, 'done']);
});

test('an open message whose body is lost is skipped, and its outcome is told', async (t) => {
	const opened = openedJournal(t);
	const { ledger, journal } = await windowOn(opened, named('a', 'b'));
	const { body: _, ...damaged } = ledger.get('a') ?? assert.fail('no entry');
	await journal.commit([{ table: 'ledger', key: ['a'], value: damaged }]);
	const after = await windowOn(await opened.reopen(), []);
	after.window.acknowledge(after.ackOf(0, ''));
	assert.deepEqual(ids(after.window.take()), ['skip a', 'b']);
	await after.commit(after.window.acknowledge(after.ackOf(2, 'b', { except: [[1, 'skipped']] })));
	assert.equal(after.outcome('a'), 'expired');
});
