import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { configOf } from '../../../runtime/config/config.ts';
import { restored, rowOf, stored, type OutRow } from '../../../runtime/delivery/outbox-row.ts';
import { pack, unpack } from '../../../runtime/message/codec.ts';
import type { Message } from '../../../runtime/message/message.ts';
import { messageOf } from '../../support/messages.ts';

const mark = fc.constantFrom({}, { cancelled: true }, { tooLarge: true }, {
	isReply: true,
} as const);
const inLedger = { isInLedger: true, body: new Uint8Array() } as const;
const row: fc.Arbitrary<OutRow> = fc
	.record({
		seq: fc.nat(),
		id: fc.string(),
		skip: fc.boolean(),
		body: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
		deadline: fc.nat(),
		ackMs: fc.nat(),
		retries: fc.nat(),
		attempts: fc.nat(),
	})
	.chain((plain) =>
		fc
			.tuple(mark, mark, fc.constantFrom({}, inLedger))
			.map((marks) => Object.assign({}, plain, ...marks) as OutRow),
	);

test('a row of the outbox is read as it was written', () => {
	fc.assert(
		fc.property(row, (written) => {
			const read = unpack(pack(stored(written))) as ReturnType<typeof stored>;
			assert.deepEqual(restored(written.seq, read), written);
		}),
	);
});

test('a row that an older version has written is read', () => {
	const [older] = fc.sample(row, 1);
	if (!older) assert.fail('no sample');
	const { seq, ...value } = older;
	assert.deepEqual(restored(seq, value), older);
});

test('a request is stored without its body, which its ledger entry has; others with it', () => {
	const config = configOf({ bodyKeptBytesMax: 12_000 });
	const bytesOf = (fields: Partial<Message>) =>
		pack(stored(rowOf(messageOf(fields), { seq: 1, now: 0, config }))).byteLength;
	assert.ok(bytesOf({ data: 'x'.repeat(10_000) }) < 60);
	assert.ok(bytesOf({ data: 'x'.repeat(20_000) }) > 20_000, 'larger than what the ledger keeps');
	assert.ok(bytesOf({ data: 'x'.repeat(10_000), inReplyTo: 'm0' }) > 10_000, 'a reply');
});
