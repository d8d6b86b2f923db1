import assert from 'node:assert/strict';
import test from 'node:test';
import {
	compare,
	isOfFormerStore,
	readTestimony,
	type Finding,
} from '../../../runtime/queries/audit-compare.ts';
import type { Outcome } from '../../../runtime/message/message.ts';
import type { ReceivedState } from '../../../runtime/ledger/received-messages.ts';

const received = (state: ReceivedState['state'], copies = 1): ReceivedState => ({
	state,
	copies: state === 'unknown' ? 0 : copies,
	attempts: 1,
});
const open = {};
/** An outcome that the receiver has reported, and one that the sender has found by itself. */
const told = (outcome: Outcome) => ({ settledAt: 1, result: { outcome, durationMs: 5 } });
const own = (outcome: Outcome) => ({ settledAt: 1, result: { outcome } });

type Case = readonly [Finding, Parameters<typeof compare>[0], boolean, ReceivedState];

test('both ends of each message are held against one another', () => {
	const cases: readonly Case[] = [
		['agrees', told('done'), false, received('done')],
		['agrees', told('failed'), false, received('failed')],
		['lost', told('done'), false, received('unknown')],
		['differs', told('done'), false, received('failed')],
		['differs', told('done'), false, received('waiting')],
		['doubled', told('done'), false, received('done', 2)],
		['doubled', open, true, received('waiting', 2)],
		['underWay', open, false, received('unknown')],
		['underWay', open, true, received('waiting')],
		['underWay', open, true, received('done')],
		['lost', open, true, received('unknown')],
		['agrees', own('expired'), false, received('unknown')],
		['differs', own('expired'), false, received('done')],
		['differs', own('cancelled'), false, received('waiting')],
		['agrees', own('refused'), false, received('unknown')],
		['agrees', own('interrupted'), false, received('unknown')],
	];
	for (const [finding, entry, hasLeft, state] of cases) {
		const found = compare(entry, hasLeft, { received: state, isCut: false });
		assert.equal(found, finding, JSON.stringify([entry, hasLeft, state]));
	}
});

test('where receipts were forgotten, nothing is concluded from their absence', () => {
	const cut = { received: received('unknown'), isCut: true };
	assert.equal(compare(told('done'), false, cut), 'notKept');
	assert.equal(compare(open, true, cut), 'notKept');
	assert.equal(compare(own('expired'), false, cut), 'agrees');
});

test('a message belongs to a former store if its lane was bound to that when it left', () => {
	const lane = { boundTo: 'new', formerUpTo: 4 };
	const isFormer = (seq: number | undefined, storeId: string | undefined, of = lane) =>
		isOfFormerStore({ lane: of, seq, storeId });
	assert.equal(isFormer(4, 'new'), true);
	assert.equal(isFormer(5, 'new'), false);
	assert.equal(isFormer(5, 'newer'), true, 'the lane has not heard of it');
	assert.equal(isFormer(5, undefined), false, 'a receiver of an older version does not say');
	assert.equal(isFormer(undefined, 'newer'), false, 'it never left this node');
	assert.equal(isOfFormerStore({ lane: undefined, seq: 1, storeId: 'new' }), false);
});

test('an answer that was cut, or is none, is not believed', () => {
	const text = JSON.stringify({ isCut: false, rows: [['done', 1, 1]] });
	assert.equal(readTestimony(text, 1).states[0]?.state, 'done');
	for (const [output, count] of [
		[text.slice(0, -3), 1],
		[text, 2],
		['{"isCut":false,"rows":[["gone",1,1]]}', 1],
		['null', 0],
	] as const) {
		assert.throws(() => readTestimony(output, count), { code: 'bad_message' });
	}
});
