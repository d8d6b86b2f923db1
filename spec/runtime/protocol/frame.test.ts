import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { packFrames, readFrames, type FrameContent } from '../../../runtime/protocol/frame.ts';
import { pack } from '../../../runtime/message/codec.ts';
import {
	packAcknowledgement,
	readAcknowledgement,
	type Acknowledgement,
} from '../../../runtime/protocol/acknowledgement.ts';
import { readStatus, writeStatus, type Status } from '../../../runtime/protocol/status.ts';
import { keyedLanes, laneName } from '../../../runtime/protocol/lane.ts';

const badFrame = { code: 'bad_frame' };
const head = { v: 1, from: 'central', storeId: 'store1', epoch: 3 } as const;
const body = Buffer.from('body');
const frame: FrameContent = {
	lane: 'ship1/REQPing/EventACK/',
	lo: 1,
	first: 1,
	rows: [
		{ id: 'm1', ttlMs: 1000, body },
		{ id: 'm2', ttlMs: 0, skip: true },
	],
};
const lane = { lane: 'ship1/REQPing/EventACK/', epoch: 3, upTo: 2, id: 'm2', credit: 10 };
const ack: Acknowledgement = { ...head, forStoreId: 'store2', lanes: [lane] };
const status: Status = { v: 1, state: 'online', node: 'ship1', storeId: 's', epoch: 1 };
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

test('a frame, an acknowledgement and a status are read back as they were written', () => {
	const other = { ...frame, lane: 'ship1/REQPing/EventACK/key', toStoreId: 'store2' };
	const read = readFrames(packFrames(head, [frame, other]));
	assert.deepEqual(read, [
		{ ...frame, ...head },
		{ ...other, ...head },
	]);
	const full = {
		...lane,
		except: [[1, 'skipped'] as const],
		nack: 'gap',
		retryMs: 5,
	};
	const whole = { ...ack, lanes: [lane, full] };
	assert.deepEqual(readAcknowledgement(packAcknowledgement(whole)), whole);
	const birth = { ...status, methods: ['REQPing'] };
	assert.deepEqual(readStatus(writeStatus(birth)), birth);
	assert.deepEqual(readStatus(writeStatus(status)), status);
});

test('a lane is named by receiver, method and kind, and by the place that a key has', () => {
	const to = { toNode: 'ship1', method: 'REQPing', kind: 'EventACK' } as const;
	assert.equal(laneName(to), 'ship1/REQPing/EventACK/');
	assert.equal(laneName({ ...to, key: '' }), laneName(to));
	// It may not change: messages of a key would overtake those that wait in its old lane.
	assert.equal(laneName({ ...to, key: 'a' }), 'ship1/REQPing/EventACK/44');
	assert.equal(laneName({ ...to, key: 'b' }), 'ship1/REQPing/EventACK/229');
	const keys = Array.from({ length: 100_000 }, (_, number) => `order-${number}`);
	const counts = new Map<string, number>();
	for (const key of keys) {
		const name = laneName({ ...to, key });
		counts.set(name, (counts.get(name) ?? 0) + 1);
	}
	assert.equal(counts.size, keyedLanes);
	assert.ok(Math.max(...counts.values()) < (2 * keys.length) / keyedLanes, 'they are even');
});

test('another version is refused, and says which', () => {
	for (const v of [0, 2, '1', undefined]) {
		assert.throws(() => readFrames(pack({ ...head, v, frames: [frame] })), {
			...badFrame,
			detail: /version/,
		});
	}
});

test('frames of the wrong shape are refused as a whole', () => {
	const row = frame.rows[0];
	const noHead: Record<string, unknown>[] = [
		{ from: 5 },
		{ from: 'a/b' },
		{ from: '#' },
		{ from: '' },
		{ storeId: undefined },
		{ storeId: 'x'.repeat(5000) },
		{ epoch: -1 },
		{ epoch: Number.NaN },
		{ epoch: '1' },
		{ frames: undefined },
		{ frames: [] },
		{ frames: 'frames' },
		{ frames: [null] },
		{ frames: [frame, 5] },
		{ frames: [{ ...frame, lane: undefined }, frame] },
	];
	const noFrame: Record<string, unknown>[] = [
		{ lane: 5 },
		{ lane: 'x'.repeat(5000) },
		{ toStoreId: { a: 1 } },
		{ lo: -1 },
		{ lo: 1.5 },
		{ lo: Number.POSITIVE_INFINITY },
		{ first: -5 },
		{ first: Number.MAX_SAFE_INTEGER },
		{ first: undefined },
		{ rows: undefined },
		{ rows: 'rows' },
		{ rows: { length: 2 } },
		{ rows: [null] },
		{ rows: [5] },
		{ rows: [{ ...row, id: 5 }] },
		{ rows: [{ ...row, id: 'x'.repeat(5000) }] },
		{ rows: [{ ...row, ttlMs: Number.NaN }] },
		{ rows: [{ ...row, ttlMs: -1 }] },
		{ rows: [{ ...row, ttlMs: Number.POSITIVE_INFINITY }] },
		{ rows: [{ ...row, body: 'text' }] },
		{ rows: [{ ...row, body: undefined }] },
		{ rows: [{ ...row, body: undefined, skip: 'yes' }] },
	];
	const wrong = [
		...noHead,
		...noFrame.map((fields) => ({ frames: [{ ...frame, ...fields }] })),
		...noFrame.map((fields) => ({ frames: [frame, { ...frame, ...fields }] })),
	];
	for (const fields of wrong) {
		assert.throws(
			() => readFrames(pack({ ...head, frames: [frame], ...fields })),
			badFrame,
			JSON.stringify(fields).slice(0, 99),
		);
	}
});

test('a million rows of nothing are refused at the first', () => {
	const rows = Array.from({ length: 1_000_000 }, () => 0);
	assert.throws(() => readFrames(pack({ ...head, frames: [{ ...frame, rows }] })), badFrame);
	assert.throws(() => readFrames(pack({ ...head, frames: rows })), badFrame);
});

test('an acknowledgement of the wrong shape is refused as a whole', () => {
	const wrong: Record<string, unknown>[] = [
		{ lane: 5 },
		{ upTo: -1 },
		{ upTo: Number.NaN },
		{ id: undefined },
		{ credit: -1 },
		{ credit: Number.POSITIVE_INFINITY },
		{ epoch: undefined },
		{ except: 5 },
		{ except: 'text' },
		{ except: {} },
		{ except: [5] },
		{ except: [[1]] },
		{ except: [['1', 'skipped']] },
		{ except: [[1, { code: 'x' }]] },
		{ nack: 5 },
		{ nack: 'x'.repeat(5000) },
		{ retryMs: Number.NaN },
		{ retryMs: -1 },
		{ retryMs: 'soon' },
	];
	for (const fields of wrong) {
		const bytes = pack({ ...ack, lanes: [lane, { ...lane, ...fields }] });
		assert.throws(() => readAcknowledgement(bytes), badFrame, JSON.stringify(fields).slice(0, 99));
	}
	for (const value of [{ ...ack, lanes: {} }, { ...ack, forStoreId: 5 }, [], 5, null]) {
		assert.throws(() => readAcknowledgement(pack(value)), badFrame);
	}
});

test('an empty status clears a birth, and what is no status is refused', () => {
	assert.equal(readStatus(new Uint8Array(0)), undefined);
	for (const bytes of [Buffer.from('{'), json(5), json(null), json([]), json('online'), json({})]) {
		assert.throws(() => readStatus(bytes), badFrame);
	}
	for (const fields of [
		{ state: 'away' },
		{ node: 'a/b' },
		{ node: 5 },
		{ node: undefined },
		{ storeId: 5 },
		{ epoch: 'x' },
		{ methods: 5 },
		{ methods: 'REQPing' },
		{ methods: ['a/b'] },
		{ methods: [5] },
		{ methods: { includes: 1 } },
	]) {
		assert.throws(
			() => readStatus(json({ ...status, ...fields })),
			badFrame,
			JSON.stringify(fields),
		);
	}
});

test('whatever the bytes are, they are read or they are a bad frame', () => {
	const readers = [readFrames, readAcknowledgement, readStatus];
	const attempt = (bytes: Uint8Array) => {
		for (const read of readers) {
			try {
				read(bytes);
			} catch (thrown) {
				assert.ok(thrown instanceof ReeveError, String(thrown));
			}
		}
	};
	fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), attempt));
	fc.assert(fc.property(fc.jsonValue(), (value) => attempt(json(value))));
	const valid = fc.constantFrom(
		packFrames(head, [frame]),
		packAcknowledgement(ack),
		writeStatus(status),
	);
	fc.assert(
		fc.property(valid, fc.nat(), fc.nat(255), (bytes, at, value) => {
			const broken = Uint8Array.from(bytes);
			broken[at % broken.length] = value;
			attempt(broken);
		}),
		{ numRuns: 2000 },
	);
});
