import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { Packr } from 'msgpackr';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { pack, packMessage, unpack, unpackMessage } from '../../../runtime/message/codec.ts';
import { messageOf } from '../../support/messages.ts';

const badFrame = { code: 'bad_frame' };

test('a message is read back as it was packed, and bytes stay bytes', () => {
	const message = messageOf({
		methodArgs: ['bash', '-c', 'echo ☃'],
		data: new Uint8Array([0, 128, 255]),
		result: { outcome: 'failed', code: 'command_failed', exitCode: 7 },
		inReplyTo: 'm0',
		replyMethod: 'REQToFile',
	});
	const { data, ...rest } = unpackMessage(packMessage(message));
	assert.deepEqual({ ...rest, data: Uint8Array.from(data as Uint8Array) }, message);
});

test('any plain value is read back as it was packed', () => {
	fc.assert(
		fc.property(fc.jsonValue(), (value) => {
			const plain: unknown = JSON.parse(JSON.stringify(value));
			if (!JSON.stringify(value).includes('__proto__'))
				assert.deepEqual(unpack(pack(value)), plain);
		}),
	);
});

test('the bytes of a packed value are the own copy of who packed it', () => {
	const first = pack({ text: 'first' });
	const copy = Uint8Array.from(first);
	for (let round = 0; round < 1000; round += 1) pack({ text: `later ${round}`, round });
	assert.deepEqual(Uint8Array.from(first), copy);
});

test('whatever the bytes are, they are a value or a bad frame', () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
			try {
				unpack(bytes);
			} catch (thrown) {
				assert.ok(thrown instanceof ReeveError);
				assert.equal(thrown.code, 'bad_frame');
			}
		}),
		{ numRuns: 2000 },
	);
});

test('lengths that promise more than there is, and endless depth, are bad frames', () => {
	const max = [0xff, 0xff, 0xff, 0xff];
	for (const head of [0xdd, 0xdf, 0xc6, 0xdb, 0xc9]) {
		assert.throws(() => unpack(Uint8Array.from([head, ...max])), badFrame);
	}
	assert.throws(() => unpack(new Uint8Array(2_000_000).fill(0x91)), badFrame);
	assert.throws(() => unpack(new Uint8Array(0)), badFrame);
});

test('a key that every object inherits changes no other object', () => {
	const hostile: unknown = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}');
	const value = unpack(pack(hostile));
	assert.equal(Reflect.get({}, 'polluted'), undefined);
	assert.equal(Object.getPrototypeOf(value), Object.prototype);
	assert.equal(Reflect.get(Object(value), 'polluted'), undefined);
});

test('a record that one value declares is not known to the next one', () => {
	// An extension of msgpackr: record 0x40 has the fields x and y.
	const records = Buffer.from('92d4724092a178a1790102400304', 'hex');
	assert.deepEqual(unpack(records), [
		{ x: 1, y: 2 },
		{ x: 3, y: 4 },
	]);
	assert.deepEqual(unpack(pack([64, 65, 127])), [64, 65, 127]);
});

test('what is no message is a bad frame', () => {
	const good = messageOf();
	const wrong: unknown[] = [
		undefined,
		null,
		5,
		'text',
		[],
		{},
		{ method: 'REQPing', id: 'm1' },
		...['id', 'method', 'fromNode', 'toNode', 'kind', 'methodArgs'].flatMap((field) => [
			{ ...good, [field]: undefined },
			{ ...good, [field]: 5 },
			{ ...good, [field]: { length: 1 } },
		]),
		{ ...good, id: '' },
		{ ...good, id: 'x'.repeat(5000) },
		{ ...good, fromNode: 'a/#' },
		{ ...good, toNode: '+' },
		{ ...good, method: '../x' },
		{ ...good, kind: 'constructor' },
		{ ...good, methodArgs: ['ok', 5] },
		{ ...good, data: 5 },
		{ ...good, data: ['a'] },
		{ ...good, inReplyTo: { a: 1 } },
		{ ...good, inReplyTo: 'x'.repeat(5000) },
		{ ...good, inReplyTo: 'm0', result: 'done' },
		{ ...good, inReplyTo: 'm0', result: { outcome: 'unknown' } },
		{ ...good, inReplyTo: 'm0', result: null },
		{ ...good, replyMethod: 'a/+/b' },
		{ ...good, replyMethod: 5 },
		{ ...good, replyMethodArgs: 'x' },
		...['directory', 'fileName', 'note', 'key', 'previousMethod', 'aboutNode', 'onCrash'].map(
			(field) => ({ ...good, [field]: 5 }),
		),
		...['ttl', 'retries', 'ACKTimeout', 'replyACKTimeout', 'replyRetries'].flatMap((field) => [
			{ ...good, [field]: '5' },
			{ ...good, [field]: NaN },
			{ ...good, [field]: [5] },
		]),
		{ ...good, methodTimeout: 'long' },
		{ ...good, replyMethodTimeout: Infinity },
		{ ...good, aboutNode: '../central' },
		{ ...good, operation: 'stop' },
		{ ...good, operation: { opCmd: 5 } },
		{ ...good, operation: { opCmd: 'x', opArg: [] } },
		{ ...good, schedule: { every: '2' } },
		{ ...good, schedule: 2 },
		{ ...good, schedule: { cron: 5 } },
		{ ...good, schedule: { cron: '* * * * *', times: NaN } },
		{ ...good, replyTo: { topic: 5 } },
		{ ...good, replyTo: { topic: 'a', correlation: 5 } },
		{ ...good, inReplyTo: 'm0', result: { outcome: 'done', detail: 5 } },
		{ ...good, inReplyTo: 'm0', result: { outcome: 'failed', code: {}, attempts: 1 } },
		{ ...good, inReplyTo: 'm0', result: { outcome: 'failed', code: 'x', exitCode: '1' } },
	];
	for (const value of wrong) {
		assert.throws(() => unpackMessage(pack(value)), badFrame, JSON.stringify(value)?.slice(0, 99));
	}
	const others = [
		{ fieldOfALaterVersion: 5, note: undefined },
		{ schedule: { every: 5, jitter: 2 } },
		{ schedule: { cron: '0 0 30 2 *', timezone: 'Mars/Olympus' } },
		{ key: 'of an earlier version\0'.repeat(9) },
	].map((fields) => ({ ...good, ...fields }));
	for (const right of [good, ...others]) assert.deepEqual(unpackMessage(pack(right)), right);
});

test('a value that contains itself is not taken: it could not be packed again', () => {
	const list: unknown[] = ['x'];
	list.push(list);
	const theirs = new Packr({ structuredClone: true, useRecords: false });
	const bytes = theirs.pack({ ...messageOf(), operation: list });
	assert.throws(() => unpackMessage(bytes), badFrame);
});

test('a reply answers so many messages at most', () => {
	const reply = (count: number) => {
		const alsoInReplyTo = Array.from({ length: count }, (_, at) => `m${at}`);
		return packMessage(messageOf({ inReplyTo: 'm', alsoInReplyTo, result: { outcome: 'done' } }));
	};
	assert.equal(unpackMessage(reply(999)).alsoInReplyTo?.length, 999);
	assert.throws(() => unpackMessage(reply(1000)), badFrame);
});
