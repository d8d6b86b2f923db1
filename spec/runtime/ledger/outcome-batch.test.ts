import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { answeredBy, type Message, type Result } from '../../../runtime/message/message.ts';
import { isMereOutcome, type Run } from '../../../runtime/message/reply.ts';
import { createOutcomeBatch, isPlainEnd, tellOf } from '../../../runtime/ledger/outcome-batch.ts';
import { composedNode } from '../../support/composed-node.ts';
import { messageOf, rowOf } from '../../support/messages.ts';

const parts = { clock: steppedClock(), node: 'ship1' };
const done: Result = { outcome: 'done', attempts: 1 };
const told = (request: Partial<Message>, run: Run) =>
	tellOf(messageOf(request), run, { ...parts, replies: true });

/** What is told of these ends: to whom, how, and about which messages. */
function toldOf(ends: readonly (readonly [from: string, id: string, result: Result])[]) {
	const shared = createOutcomeBatch();
	for (const [fromNode, id, result] of ends) {
		shared.add({ request: messageOf({ id, fromNode }), result });
	}
	return shared
		.messages(parts)
		.map((each) => [each.toNode, each.result?.outcome, answeredBy(each)] as const);
}

test('an end with nothing but an outcome may be shared', () => {
	const end = told({ id: 'm1' }, { result: done });
	assert.ok(end && isPlainEnd(end), 'a plain end');
	assert.deepEqual([end.request.id, end.result], ['m1', done]);
});

test('what has more to say than that has a message of its own', () => {
	const alone: readonly (readonly [string, Partial<Message>, Run])[] = [
		['output', {}, { output: { data: 'x' }, result: done }],
		['a method that takes the reply', { replyMethod: 'REQToFile' }, { result: done }],
		['a file', { fileName: 'f' }, { result: done }],
		['a time for its acknowledgement', { replyACKTimeout: 3 }, { result: done }],
		['a text', {}, { result: { outcome: 'failed', detail: 'why' } }],
		['an exit code', {}, { result: { outcome: 'failed', exitCode: 1 } }],
	];
	for (const [what, request, run] of alone) {
		const reply = told(request, run);
		assert.ok(reply && !isPlainEnd(reply), what);
	}
	assert.equal(told({ kind: 'EventNACK' }, { result: done }), undefined, 'nobody waits for it');
	assert.equal(told({ inReplyTo: 'm0' }, { result: done }), undefined, 'a reply is not answered');
});

test('ends of the same way for the same node share messages, each in exactly one', () => {
	const failed: Result = { outcome: 'failed', code: 'unknown_event', attempts: 1 };
	const ids = Array.from({ length: 40 }, (_, at) => `m${at}`);
	const messages = toldOf([
		...ids.map((id) => ['central', id, done] as const),
		['ship2', 'other', done],
		['central', 'bad', failed],
		['central', 'again', { ...done, attempts: 2 }],
	]);
	assert.deepEqual(
		messages.map(([to, outcome, answered]) => [to, outcome, answered.length]),
		[
			['central', 'done', 16],
			['central', 'done', 16],
			['central', 'done', 8],
			['ship2', 'done', 1],
			['central', 'failed', 1],
			['central', 'done', 1],
		],
	);
	const all = messages.flatMap(([, , answered]) => answered);
	assert.deepEqual(all.toSorted(), [...ids, 'other', 'bad', 'again'].toSorted());
});

test('a shared message settles each of those that it names, in one transaction', async (t) => {
	const node = composedNode(t);
	const ids = ['m1', 'm2', 'm3'];
	await node.services.router.send(ids.map((id) => messageOf({ id, fromNode: 'ship1' })));
	const shared = createOutcomeBatch();
	for (const id of ids) shared.add({ request: messageOf({ id, fromNode: 'ship1' }), result: done });
	const [message] = shared.messages({ ...parts, node: 'central' });
	assert.ok(message && isMereOutcome(message), 'it needs no method');
	const row = rowOf(message.id, message);
	await node.receive({ from: 'central', rows: [row] }, message.method);
	await node.receive({ from: 'central', rows: [row] }, message.method);
	for (const id of ids) assert.deepEqual(node.services.ledger.get(id)?.result, done, id);
	assert.equal(node.seen('message.settled').length, 3);
	assert.equal(node.services.ledger.totals().open, 0);
});
