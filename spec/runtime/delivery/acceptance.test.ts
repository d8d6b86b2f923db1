import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import {
	decide,
	finalRefusal,
	newCursor,
	type Cursor,
	type Readiness,
} from '../../../runtime/delivery/acceptance.ts';
import type { Frame, FrameRow } from '../../../runtime/protocol/frame.ts';

const ready: Readiness = {
	storeId: 'here',
	now: 1000,
	epochSeen: 0,
	credit: 1_000_000,
	messageBytesMax: 100,
	isKnown: () => false,
	fault: () => undefined,
};
const rowOf = (seq: number): FrameRow => ({ id: `m${seq}`, ttlMs: 1, body: new Uint8Array(1) });
const frameOf = (first: number, rows: readonly FrameRow[], fields: Partial<Frame> = {}): Frame => {
	const head = { v: 1, from: 'central', storeId: 'there', epoch: 1, lane: 'lane' } as const;
	return { ...head, lo: 1, first, rows, ...fields };
};
const range = (from: number, to: number) =>
	Array.from({ length: to - from + 1 }, (_, at) => rowOf(from + at));
const ids = (rows: readonly FrameRow[]) => rows.map(({ id }) => id);

test('consecutive rows are taken, and the cursor names the last of them', () => {
	const { cursor, accepted, nack } = decide(frameOf(1, range(1, 3)), newCursor, ready);
	assert.deepEqual(ids(accepted), ['m1', 'm2', 'm3']);
	assert.deepEqual([cursor.upTo, cursor.id, cursor.epoch], [3, 'm3', 1]);
	assert.equal(nack, undefined);
});

test('a frame without news leaves the very same cursor, so that nothing need be written', () => {
	const { cursor } = decide(frameOf(1, range(1, 3)), newCursor, ready);
	const again = decide(frameOf(1, range(1, 3)), cursor, ready);
	assert.equal(again.cursor, cursor);
	assert.equal(again.duplicates.length, 3);
	assert.deepEqual(again.accepted, []);
});

test('a frame that overlaps what is known brings only the rest', () => {
	const { cursor } = decide(frameOf(1, range(1, 3)), newCursor, ready);
	const { accepted, duplicates } = decide(frameOf(2, range(2, 5)), cursor, ready);
	assert.deepEqual(ids(accepted), ['m4', 'm5']);
	assert.deepEqual(ids(duplicates), ['m2', 'm3']);
});

test('a receiver that knows nothing of a lane begins where the sender has not resolved', () => {
	const frame = frameOf(7, range(7, 8), { lo: 7 });
	const { cursor, accepted } = decide(frame, newCursor, ready);
	assert.deepEqual(ids(accepted), ['m7', 'm8']);
	assert.equal(cursor.upTo, 8);
	const gap = decide(frameOf(8, range(8, 8), { lo: 7 }), newCursor, ready);
	assert.deepEqual([gap.nack, gap.accepted.length, gap.cursor.upTo], ['gap', 0, 6]);
});

test('what the sender says it has resolved never takes back what is accepted', () => {
	const known: Cursor = { ...newCursor, upTo: 10, id: 'm10', epoch: 1 };
	const { cursor } = decide(frameOf(3, range(3, 4), { lo: 3 }), known, ready);
	assert.equal(cursor.upTo, 10);
});

test('a credit of two takes two of five rows, and the sender comes back for the third', () => {
	const first = decide(frameOf(1, range(1, 5)), newCursor, { ...ready, credit: 2 });
	assert.deepEqual([ids(first.accepted), first.nack], [['m1', 'm2'], 'mailbox_full']);
	const second = decide(frameOf(1, range(1, 5)), first.cursor, ready);
	assert.deepEqual(ids(second.accepted), ['m3', 'm4', 'm5']);
});

test('a skip and a final refusal move the cursor like a message, and need no credit', () => {
	const rows: FrameRow[] = [
		{ id: 'm1', ttlMs: 1, skip: true },
		{ id: 'm2', ttlMs: 1, body: new Uint8Array(101) },
		rowOf(3),
	];
	const { accepted, refused, cursor } = decide(frameOf(1, rows), newCursor, ready);
	assert.deepEqual(ids(accepted), ['m3']);
	assert.deepEqual(
		refused.map(({ seq, code }) => [seq, code]),
		[
			[1, 'skipped'],
			[2, 'too_large'],
		],
	);
	assert.deepEqual([cursor.upTo, cursor.refusedUpTo], [3, 2]);
});

test('what is wrong with a message itself is asked last, and only if there is a method for it', () => {
	const row = rowOf(1);
	assert.equal(finalRefusal(row, ready), undefined);
	assert.equal(finalRefusal(row, { ...ready, fault: () => 'bad_frame' }), 'bad_frame');
	const unserved = {
		...ready,
		credit: undefined,
		fault: () => assert.fail('it is not looked into'),
	};
	assert.equal(finalRefusal(row, unserved), 'unknown_method');
});

test('a number that comes back with another message stops the lane', () => {
	const { cursor } = decide(frameOf(1, range(1, 3)), newCursor, ready);
	const reused = frameOf(2, [{ ...rowOf(2), id: 'other' }, rowOf(3), rowOf(4)]);
	const { nack, accepted, cursor: after } = decide(reused, cursor, ready);
	assert.deepEqual([nack, accepted.length, after], ['seq_reused', 0, cursor]);
});

test('a repetition from another store is recognised by its id, and moves the cursor', () => {
	const rows = [{ ...rowOf(1), repeat: true as const }, rowOf(2)];
	const known = { ...ready, isKnown: (id: string) => id === 'm1' };
	const { accepted, duplicates, cursor } = decide(frameOf(1, rows), newCursor, known);
	assert.deepEqual([ids(accepted), ids(duplicates), cursor.upTo], [['m2'], ['m1'], 2]);
});

test('a frame of an earlier run of its sender is refused without a look at its rows', () => {
	const known: Cursor = { ...newCursor, epoch: 3 };
	const frame = frameOf(1, range(1, 2), { epoch: 2 });
	assert.equal(decide(frame, known, ready).nack, 'stale_epoch');
	assert.equal(decide(frame, newCursor, { ...ready, epochSeen: 3 }).nack, 'stale_epoch');
});

/** What a network may do to frames: lose, repeat, reorder and delay them, in any number. */
const network = fc.record({
	count: fc.integer({ min: 1, max: 40 }),
	events: fc.array(
		fc.record({
			at: fc.nat(),
			length: fc.integer({ min: 1, max: 8 }),
			credit: fc.integer({ min: 0, max: 5 }),
			hindrance: fc.option(fc.constant('recovering'), { freq: 6, nil: undefined }),
			lostAck: fc.boolean(),
		}),
		{ maxLength: 300 },
	),
});

test('whatever is lost, repeated or reordered, each row is accepted once and in order', () => {
	fc.assert(
		fc.property(network, ({ count, events }) => {
			let cursor = newCursor;
			let lo = 1;
			const accepted: string[] = [];
			const all = range(1, count);
			const deliver = (frame: Frame, readiness: Readiness) => {
				const decision = decide(frame, cursor, readiness);
				assert.ok(decision.cursor.upTo >= cursor.upTo, 'a cursor never falls');
				cursor = decision.cursor;
				accepted.push(...ids(decision.accepted));
				assert.deepEqual(decision.refused, []);
			};
			const past: Frame[] = [];
			for (const { at, length, credit, hindrance, lostAck } of events) {
				// Any frame of the past may come again, also with a `lo` that is long over.
				const first = (at % count) + 1;
				const last = Math.min(count, first + length - 1);
				const fresh = frameOf(first, all.slice(first - 1, last), { lo });
				const frame = at % 3 === 0 && past.length > 0 ? past[at % past.length] : fresh;
				past.push(fresh);
				deliver(frame ?? fresh, { ...ready, credit, ...(hindrance ? { hindrance } : {}) });
				if (!lostAck) lo = cursor.upTo + 1;
			}
			deliver(frameOf(1, all, { lo: Math.min(lo, 1) }), ready);
			assert.deepEqual(accepted, ids(all));
		}),
		{ numRuns: 500 },
	);
});
