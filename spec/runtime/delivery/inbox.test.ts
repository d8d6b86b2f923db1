import assert from 'node:assert/strict';
import test from 'node:test';
import { frameVersion, packFrames } from '../../../runtime/protocol/frame.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';
import { flipIn } from '../../support/damage.ts';
import { rowOf } from '../../support/messages.ts';
import { scanMailbox } from '../../../runtime/mailbox/mailbox-row.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

const filed = ({ journal }: ComposedNode, method = 'REQPing') =>
	scanMailbox(journal, rowsUnder(method)).map(({ id }) => id);

test('the acknowledgement of a frame leaves after its messages are on disk', async (t) => {
	const node = composedNode(t);
	const ack = await node.receive({ rows: [rowOf('m1'), rowOf('m2')] });
	assert.deepEqual(filed(node), ['m1', 'm2']);
	assert.deepEqual([ack.upTo, ack.id, ack.nack], [2, 'm2', undefined]);
	assert.ok(ack.credit > 0);
});

test('a frame that comes twice at once is accepted once, and its second copy is told only of what is on disk', async (t) => {
	const node = composedNode(t);
	const rows = [rowOf('m1'), rowOf('m2')];
	await Promise.all([node.receive({ rows }), node.receive({ rows })]);
	await node.receive({ rows });
	await node.journal.commit([]);
	await node.clock.settle();
	const late = await node.receive({ rows });
	assert.deepEqual(filed(node), ['m1', 'm2']);
	assert.deepEqual([late.upTo, late.id], [2, 'm2']);
	assert.equal(node.acks()[0]?.upTo, 0, 'nothing was flushed then');
	assert.equal(node.seen('message.duplicate').length, 6);
});

test('a row ahead of a gap is not taken, and taken when the gap is closed', async (t) => {
	const node = composedNode(t);
	const gap = await node.receive({ first: 2, rows: [rowOf('m2')] });
	assert.deepEqual([gap.upTo, gap.nack], [0, 'gap']);
	await node.receive({ first: 1, rows: [rowOf('m1'), rowOf('m2')] });
	assert.deepEqual(filed(node), ['m1', 'm2']);
});

test('what was accepted is recognised after a restart', async (t) => {
	const before = composedNode(t);
	await before.receive({ rows: [rowOf('m1')] });
	const node = await before.reopen();
	const ack = await node.receive({ rows: [rowOf('m1')] });
	assert.deepEqual([ack.upTo, ack.id], [1, 'm1']);
	assert.deepEqual(filed(node), ['m1']);
});

test('a final refusal is repeated alike until the sender knows of it, also after a restart', async (t) => {
	const before = composedNode(t, { messageBytesMax: 1000 });
	const large = rowOf('large', { data: 'x'.repeat(2000) });
	const rows = [rowOf('m1'), large, { id: 'skipped', ttlMs: 1, skip: true as const }, rowOf('m4')];
	const except = [
		[2, 'too_large'],
		[3, 'skipped'],
	];
	assert.deepEqual((await before.receive({ rows })).except, except);
	const node = await before.reopen();
	assert.deepEqual((await node.receive({ rows })).except, except);
	assert.deepEqual(filed(node), ['m1', 'm4']);
	const next = await node.receive({ lo: 5, first: 5, rows: [rowOf('m5')] });
	assert.equal(next.except, undefined);
	assert.equal(node.journal.count('refusals'), 0);
});

test('more refusals than one answer holds are never taken for acceptances', async (t) => {
	const node = composedNode(t);
	const rows = Array.from({ length: 2500 }, (_, at) => ({
		id: `m${at}`,
		ttlMs: 1,
		skip: true as const,
	}));
	const refused = new Set<number>();
	let lo = 1;
	for (let round = 0; round < 4; round += 1) {
		const ack = await node.receive({ lo, first: 1, rows });
		for (const [seq] of ack.except ?? []) refused.add(seq);
		for (; lo <= ack.upTo; lo += 1) assert.ok(refused.has(lo), `${lo} is not named`);
	}
	assert.equal(lo, 2501);
});

test('an unknown method is refused for good, and the next message is as well', async (t) => {
	const node = composedNode(t);
	await node.receive({ rows: [rowOf('m1', { method: 'REQNobody' })] }, 'REQNobody');
	const rows = [rowOf('m1', { method: 'REQNobody' }), rowOf('m2', { method: 'REQNobody' })];
	const ack = await node.receive({ rows }, 'REQNobody');
	assert.deepEqual(ack.except, [
		[1, 'unknown_method'],
		[2, 'unknown_method'],
	]);
});

test('a message that cannot be read is refused, and those around it are taken', async (t) => {
	const node = composedNode(t);
	const bad = [Buffer.from([0xc1]), Buffer.alloc(0), Buffer.from('text')];
	const rows = [
		rowOf('m1'),
		...bad.map((body, at) => ({ id: `bad${at}`, ttlMs: 9, body })),
		rowOf('m5'),
		{ ...rowOf('another'), id: 'm6' },
	];
	const ack = await node.receive({ rows });
	assert.equal(ack.upTo, 6);
	assert.deepEqual(
		ack.except?.map(([seq]) => seq),
		[2, 3, 4, 6],
	);
	assert.deepEqual(filed(node), ['m1', 'm5']);
});

test('a reply settles the request that it answers, also if the reply itself must be refused', async (t) => {
	const node = composedNode(t, { messageBytesMax: 5000 });
	for (const id of ['r1', 'r2', 'r3']) {
		await node.services.intake.accept({ id, toNode: 'central', method: 'REQPing' }, 'spec');
	}
	const reply = { inReplyTo: 'r1', result: { outcome: 'done' as const }, method: 'REQNone' };
	await node.receive({ rows: [rowOf('a1', reply)] }, 'REQNone');
	const stranger = { ...reply, inReplyTo: 'r2', method: 'REQNobody' };
	await node.receive({ rows: [rowOf('a2', stranger)] }, 'REQNobody');
	const large = { ...reply, inReplyTo: 'r3', data: 'x'.repeat(6000) };
	await node.receive({ lo: 2, first: 2, rows: [rowOf('a3', large)] }, 'REQNone');
	for (const id of ['r1', 'r2', 'r3']) {
		assert.equal(node.services.ledger.get(id)?.result?.outcome, 'done', id);
	}
	assert.equal(node.seen('message.settled').length, 3);
	assert.equal(
		node.seen('message.accepted').filter((s) => 'via' in s && s.via === 'wire').length,
		1,
	);
});

test('a full mailbox takes nothing more, and what was turned away is taken later', async (t) => {
	const node = composedNode(t, { mailboxMessagesMax: 2 });
	const rows = [rowOf('m1'), rowOf('m2'), rowOf('m3')];
	const ack = await node.receive({ rows });
	assert.deepEqual([ack.upTo, ack.nack, ack.credit], [2, 'mailbox_full', 0]);
	assert.ok(Number(ack.retryMs) > 0);
	const box = node.services.mailboxes.get('REQPing');
	const settled = scanMailbox(node.journal, {
		from: ['REQPing', 0],
		to: ['REQPing', 100],
	}).flatMap((row) => box?.removal(row) ?? []);
	await node.journal.commit(settled);
	const later = await node.receive({ rows });
	assert.deepEqual([later.upTo, later.nack], [3, undefined]);
	assert.deepEqual(filed(node), ['m3']);
});

test('a node that is not ready takes nothing, and loses nothing by that', async (t) => {
	const node = composedNode(t, {}, { isOpen: false });
	const { phase } = node.services;
	for (const current of ['recovering', 'stopping'] as const) {
		if (current === 'stopping') phase.stop();
		const ack = await node.receive({ rows: [rowOf('m1')] });
		assert.deepEqual([ack.upTo, ack.nack], [0, current]);
	}
	phase.open();
	assert.equal((await node.receive({ rows: [rowOf('m1')] })).upTo, 1);
	assert.deepEqual(filed(node), ['m1']);
});

test('a frame of an earlier run of its sender, or for another store, changes nothing', async (t) => {
	const node = composedNode(t);
	await node.receive({ epoch: 5, rows: [rowOf('m1')] });
	const stale = await node.receive({ epoch: 4, first: 2, rows: [rowOf('m2')] });
	assert.deepEqual([stale.upTo, stale.nack], [1, 'stale_epoch']);
	const lost = await node.receive({ epoch: 5, toStoreId: 'lost', first: 2, rows: [rowOf('m2')] });
	assert.deepEqual([lost.upTo, lost.nack], [1, 'wrong_store']);
	assert.deepEqual(filed(node), ['m1']);
});

test('messages that are sent at most once are taken without a trace on disk, or dropped', async (t) => {
	const node = composedNode(t, { mailboxMessagesMax: 2, messageBytesMax: 5000 });
	const handled: string[] = [];
	node.services.mailboxes.get('REQPing')?.open((row) => {
		handled.push(row.id);
		return new Promise(() => {});
	});
	const once = {
		v: frameVersion,
		from: 'central',
		storeId: 's',
		epoch: 1,
		lo: 0,
		first: 0,
	} as const;
	const rows = [rowOf('m1'), rowOf('m2', { data: 'x'.repeat(6000) }), rowOf('m3'), rowOf('m4')];
	node.arrive('reeve/ship1/_lane/REQPing/EventNACK', packFrames(once, [{ ...once, rows }]));
	await node.clock.settle();
	assert.deepEqual(handled, ['m1', 'm3']);
	const dropped = node.seen('message.dropped').map((s) => ('code' in s ? s.code : ''));
	assert.deepEqual(dropped, ['too_large', 'mailbox_full']);
	assert.equal(node.journal.count('mailbox'), 0);
	assert.deepEqual(node.acks(), []);
});

test('a thousand stores may each have lanes here, and each lane its own cursor', async (t) => {
	const node = composedNode(t);
	const frames = Array.from({ length: 1000 }, (_, at) => ({
		v: frameVersion as 1,
		from: 'central',
		storeId: `store${at}`,
		epoch: 1,
		lo: 1,
		first: 1,
		lane: 'ship1/REQPing/EventACK/',
		rows: [rowOf(`m${at}`)],
	}));
	for (const frame of frames)
		node.arrive('reeve/ship1/_lane/REQPing/EventACK', packFrames(frame, [frame]));
	await node.journal.commit([]);
	await node.clock.settle();
	assert.equal(filed(node).length, 1000);
	assert.equal(node.acks().length, 1000);
});

test('a hostile topic or payload is reported, and the node goes on', async (t) => {
	const node = composedNode(t);
	const topics = ['reeve/ship1/_lane/REQPing/EventACK', 'reeve/ship1/_ack', 'reeve/x/_status', 'x'];
	for (const topic of topics) node.arrive(topic, Buffer.from([0xc1, 0xff]));
	assert.equal(node.seen('message.refused').length, topics.length);
	assert.equal((await node.receive({ rows: [rowOf('m1')] })).upTo, 1);
});

test('a damaged cursor costs no message a second run: what was accepted is known by its id', async (t) => {
	const before = composedNode(t);
	await before.receive({ rows: [rowOf('m1')] });
	// The name of a field that no other table has.
	const node = await before.reopen((folder) => flipIn(folder, 'refusedUpTo'));
	const ack = await node.receive({ rows: [rowOf('m1'), rowOf('m2')] });
	assert.equal(ack.upTo, 2);
	assert.deepEqual(filed(node), ['m1', 'm2']);
	const again = await node.reopen();
	await again.receive({ lo: 2, rows: [rowOf('m2'), rowOf('m3')], first: 2 });
	assert.deepEqual(filed(again), ['m1', 'm2', 'm3']);
});
