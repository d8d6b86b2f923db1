import assert from 'node:assert/strict';
import test from 'node:test';
import { createSettlement, type Ending } from '../../../actors/inbound/settlement.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { unpackMessage } from '../../../runtime/message/codec.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';
import { receivingSide } from '../../support/method-call.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

const done: Ending = {
	run: { output: { data: 'output', exitCode: 0, stderr: 'warning' } },
	problem: undefined,
	tookMs: 12.4,
	end: { outcome: 'done', attempts: 1 },
};

/** Settles a message of these fields. */
async function settled(
	node: ComposedNode,
	fields: Parameters<ReturnType<typeof receivingSide>['file']>[0],
	ending = done,
) {
	const side = receivingSide(node, () => Promise.resolve());
	const row = await side.file(fields);
	await createSettlement(side.parts)(row, row.message, ending);
	return side;
}

test('the reply carries the output and how it ended', async (t) => {
	const side = await settled(composedNode(t), {
		id: 'm1',
		replyMethod: 'REQToFile',
		fileName: 'f',
	});
	const [reply] = side.replies();
	assert.equal(reply?.data, 'output');
	assert.deepEqual(reply?.result, {
		outcome: 'done',
		attempts: 1,
		durationMs: 12,
		exitCode: 0,
		stderr: 'warning',
	});
});

test('a reply is not answered, but it leaves the mailbox like every message', async (t) => {
	const node = composedNode(t);
	const side = await settled(node, { id: 'm1', inReplyTo: 'm0' });
	assert.deepEqual(side.replies(), []);
	assert.equal(node.journal.count('mailbox'), 0);
});

test('a message that is dead keeps all that is needed to look into it', async (t) => {
	const node = composedNode(t);
	const end = { outcome: 'failed', code: 'max_attempts', attempts: 5 } as const;
	const problem = new ReeveError('method_crashed', 'broken');
	await settled(node, { id: 'm1' }, { run: {}, problem, tookMs: 1, end });
	const [dead] = node.journal.scan<{ id: string; body: Uint8Array; attempts: number }>(
		'dead',
		rowsUnder(),
	);
	assert.deepEqual([dead?.value.id, dead?.value.attempts], ['m1', 5]);
	assert.equal(unpackMessage(dead?.value.body ?? Buffer.alloc(0)).id, 'm1');
});

test('a receipt says what became of the message, also after a restart', async (t) => {
	const node = composedNode(t);
	await settled(node, { id: 'm1' });
	const { services } = await node.reopen();
	const [receipt] = services.receipts.list(10);
	assert.deepEqual([receipt?.id, receipt?.outcome, receipt?.from], ['m1', 'done', 'central']);
	assert.ok(services.receipts.isKnown('m1'));
});

test('the report of a crash of a method has its stack, and the reply has not', async (t) => {
	const node = composedNode(t);
	const cause = new TypeError('bug');
	const problem = new ReeveError('method_crashed', 'bug', { cause });
	const end = { outcome: 'interrupted', code: 'interrupted', attempts: 1 } as const;
	const side = await settled(node, { id: 'm1' }, { run: {}, problem, tookMs: 1, end });
	const [ended] = node.seen('call.ended');
	assert.ok(ended && 'detail' in ended && ended.detail === cause.stack);
	assert.equal(side.replies()[0]?.result?.detail, 'bug');
});
