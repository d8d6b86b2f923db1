import assert from 'node:assert/strict';
import test from 'node:test';
import { createLineReplies, createLines } from '../../../actors/io/line-reply.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createMethodRunner } from '../../support/method-call.ts';

const texts = (lines: readonly Uint8Array[]) => lines.map((line) => Buffer.from(line).toString());

test('bytes are cut into lines wherever the pieces end', () => {
	const lines = createLines(100);
	assert.deepEqual(texts(lines.push(Buffer.from('a\nb'))), ['a\n']);
	assert.deepEqual(texts(lines.push(Buffer.from('c'))), []);
	assert.deepEqual(texts(lines.push(Buffer.from('\n\nd'))), ['bc\n', '\n']);
	assert.deepEqual(texts([lines.rest() ?? Buffer.from('nothing')]), ['d']);
	assert.equal(lines.rest(), undefined);
});

test('a line that is too long comes in pieces, and nothing more is kept than one of them', () => {
	const lines = createLines(4);
	assert.deepEqual(texts(lines.push(Buffer.from('abcdefghij'))), ['abcd', 'efgh']);
	assert.deepEqual(texts(lines.push(Buffer.from('kl\nm'))), ['ijkl', '\n']);
	assert.deepEqual(texts([lines.rest() ?? Buffer.from('nothing')]), ['m']);
});

test('no more replies are under way than share a flush, and draining waits for them', async (t) => {
	const finish: (() => void)[] = [];
	const context = createMethodRunner(t).context({
		reply: () => new Promise((resolve) => void finish.push(resolve)),
	});
	const replies = createLineReplies(context);
	let count = 0;
	const source = async () => {
		for (; count < 100; count += 1) await replies.send(Buffer.from('x\n'));
	};
	const done = source();
	const clock = steppedClock();
	await clock.settle();
	assert.equal(finish.length, 64);
	for (let next = finish.shift(); next; next = finish.shift()) {
		next();
		await clock.settle();
	}
	await done;
	await replies.drain();
	assert.equal(count, 100);
});

test('while the outbox is full nothing is sent', async (t) => {
	const clock = steppedClock();
	let hasCapacity = false;
	const sent: unknown[] = [];
	const context = createMethodRunner(t).context({
		clock,
		hasCapacity: () => hasCapacity,
		reply: async (data) => void (await Promise.resolve(sent.push(data))),
	});
	const sending = createLineReplies(context).send(Buffer.from('x\n'));
	await clock.advance(5000);
	assert.deepEqual(sent, []);
	hasCapacity = true;
	await clock.advance(1000);
	await sending;
	assert.deepEqual(sent, ['x\n']);
});
