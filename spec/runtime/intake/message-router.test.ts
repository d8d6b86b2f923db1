import assert from 'node:assert/strict';
import test from 'node:test';
import { pack, unpackMessage } from '../../../runtime/message/codec.ts';
import { messageIn } from '../../../runtime/ledger/ledger-entry.ts';
import { createMessageRouter } from '../../../runtime/intake/message-router.ts';
import type { Journal } from '../../../runtime/journal/journal.ts';
import { heldJournal } from '../../support/open-journal.ts';
import { composedNode } from '../../support/composed-node.ts';
import { messageOf } from '../../support/messages.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

test('a message to another node is in the outbox and the ledger, or in neither', async (t) => {
	const node = composedNode(t);
	await node.services.router.send([messageOf({ id: 'm1', fromNode: 'ship1', toNode: 'central' })]);
	const { services } = await node.reopen();
	assert.equal(services.outbox.waiting('central'), 1);
	assert.equal(services.ledger.get('m1')?.toNode, 'central');
});

test('the body of a message to another node is stored once, and read after a restart', async (t) => {
	const node = composedNode(t);
	const replyTo = { topic: 'answers' };
	const message = messageOf({ id: 'm1', toNode: 'central', data: 'x'.repeat(10_000) });
	await node.services.router.send([{ ...message, replyTo }]);
	const next = await node.reopen();
	const bytes = (['outbox', 'ledger', 'opened', 'lanes'] as const)
		.flatMap((table) => next.journal.scan(table, rowsUnder()))
		.reduce((sum, { value }) => sum + pack(value).byteLength, 0);
	assert.ok(bytes > 10_000 && bytes < 11_000, `${bytes} bytes`);
	const { outbox, ledger } = next.services;
	const [lane] = outbox.lanes();
	const row = lane && outbox.row(lane, 1);
	assert.deepEqual(row && unpackMessage(row.body), message, 'its reply topic does not travel');
	const entry = ledger.get('m1');
	assert.deepEqual(entry && messageIn(entry), { ...message, replyTo });
});

test('a message to this very node goes to its mailbox, and never to the wire', async (t) => {
	const node = composedNode(t);
	await node.services.router.send([messageOf({ id: 'm1', fromNode: 'ship1', toNode: 'ship1' })]);
	assert.equal(node.services.mailboxes.get('REQPing')?.size(), 1);
	assert.equal(node.journal.count('outbox'), 0);
	assert.deepEqual(node.frames(), []);
	assert.ok(node.services.ledger.get('m1'));
});

test('a message of this node for a method that it does not take is refused in its ledger', async (t) => {
	const node = composedNode(t);
	const own = { fromNode: 'ship1', toNode: 'ship1', method: 'REQNobody' };
	await node.services.router.send([messageOf({ id: 'm1', ...own })]);
	const { outcome, code } = node.services.ledger.get('m1')?.result ?? {};
	assert.deepEqual([outcome, code], ['refused', 'unknown_method']);
	assert.equal(node.seen('message.settled').length, 1);
});

test('a reply of this node to itself settles the request, also if its method is not taken', async (t) => {
	const node = composedNode(t);
	const own = { fromNode: 'ship1', toNode: 'ship1' };
	await node.services.router.send([messageOf({ id: 'm1', ...own })]);
	const reply = { ...own, inReplyTo: 'm1', result: { outcome: 'done' as const } };
	await node.services.router.send([
		messageOf({ id: 'r1', ...reply, method: 'REQNobody', data: 'x' }),
	]);
	assert.deepEqual(node.services.ledger.get('m1')?.result, { outcome: 'done' });
	assert.equal(node.services.ledger.get('m1')?.output, 'x');
	assert.equal(node.services.ledger.get('r1'), undefined, 'a reply has no entry of its own');
});

test('an outcome is told when it is flushed, and not before', async (t) => {
	const node = composedNode(t);
	const { ledger } = node.services;
	const held = heldJournal(node.journal);
	const untils: unknown[] = [];
	const journal: Journal = {
		...held.journal,
		commit(changes, until = 'flushed') {
			untils.push(until);
			return held.journal.commit(changes, until);
		},
	};
	const { config, signals, outbox } = node.services;
	const network = { sendFrame: () => {} };
	const shared = { node: 'ship1', journal, config, signals, ledger, outbox, network };
	const router = createMessageRouter({ ...shared, mailbox: () => undefined });
	await router.send([messageOf({ id: 'm1', fromNode: 'ship1', toNode: 'central' })]);
	held.hold();
	const result = { outcome: 'done' } as const;
	const reply = messageOf({
		id: 'r1',
		fromNode: 'ship1',
		toNode: 'ship1',
		inReplyTo: 'm1',
		result,
	});
	const sent = router.send([reply]);
	await node.clock.settle();
	assert.deepEqual(node.seen('message.settled'), []);
	held.release();
	await sent;
	assert.equal(node.seen('message.settled').length, 1);
	assert.deepEqual(untils, ['flushed', 'flushed']);
});

test('what caused a message is written in the same transaction', async (t) => {
	const node = composedNode(t);
	const cause = { table: 'dead', key: ['x'], value: 1 } as const;
	const sending = node.services.router.send([messageOf({ toNode: 'central' })], [cause]);
	assert.equal(node.journal.count('dead') + node.journal.count('outbox'), 0);
	await sending;
	assert.deepEqual([node.journal.count('dead'), node.journal.count('outbox')], [1, 1]);
});

test('many messages of one step are numbered in their lanes in the order in which they were given', async (t) => {
	const node = composedNode(t);
	const ids = Array.from({ length: 100 }, (_, at) => `m${at}`);
	const to = (at: number) => (at % 2 === 0 ? 'central' : 'ship2');
	await node.services.router.send(ids.map((id, at) => messageOf({ id, toNode: to(at) })));
	const { services } = await node.reopen();
	for (const lane of services.outbox.lanes()) {
		services.outbox.fill(lane);
		const own = ids.filter((_, at) => to(at) === lane.to);
		assert.deepEqual(
			lane.rows.map(({ id }) => id),
			own,
		);
		assert.equal(lane.next, 51);
	}
});

test('a message that is sent at most once leaves at once and is nowhere on disk', async (t) => {
	const node = composedNode(t);
	const once = { kind: 'EventNACK', toNode: 'central' } as const;
	await node.services.router.send([messageOf({ id: 'm1', ...once })]);
	assert.deepEqual(
		node.frames().map(({ lane, rows }) => [lane, rows[0]?.id]),
		[[undefined, 'm1']],
	);
	assert.equal(node.published[0]?.qos, 0);
	for (const table of ['outbox', 'ledger', 'mailbox'] as const) {
		assert.equal(node.journal.count(table), 0);
	}
});

test('a message of another node settles nothing here, though its id is one of ours', async (t) => {
	const node = composedNode(t);
	await node.services.router.send([messageOf({ id: 'm1', toNode: 'central' })]);
	const publicMessage = messageOf({ id: 'm1', result: { outcome: 'failed' } });
	assert.deepEqual(node.services.router.onAccept(publicMessage), []);
	node.services.router.onAccepted(publicMessage, true);
	assert.equal(node.services.ledger.get('m1')?.settledAt, undefined);
	assert.equal(node.seen('message.settled').length, 0);
});
