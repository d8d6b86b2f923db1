import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import test from 'node:test';
import { boundedOutput } from '../../../runtime/observability/log-output.ts';

/** A stream whose reader takes a chunk when told. */
function createReader() {
	const taken: string[] = [];
	let take = () => {};
	const stream = new Writable({
		highWaterMark: 10,
		write(chunk: Buffer, _encoding, done) {
			taken.push(chunk.toString());
			take = done;
		},
	});
	return { stream, taken, take: () => take() };
}

function outputTo(stream: Writable, bytesMax: number) {
	const output = boundedOutput(stream, {
		bytesMax,
		onDropped: (lines) => output.write(`lost ${lines}\n`),
	});
	return output;
}

test('a reader that stands still: lines beyond the limit are dropped, counted and told', async () => {
	const { stream, taken, take } = createReader();
	const output = outputTo(stream, 24);
	for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) output.write(`line ${name}\n`);
	assert.equal(stream.writableLength, 21);
	const drained = once(stream, 'drain');
	for (let turn = 0; turn < 3; turn += 1) {
		take();
		await new Promise((resolve) => setImmediate(resolve));
	}
	await drained;
	take();
	output.write('line g\n');
	await new Promise((resolve) => setImmediate(resolve));
	const all = ['line a\n', 'line b\n', 'line c\n', 'lost 3\n', 'line g\n'];
	assert.deepEqual(taken, all);
});

test('a reader that stands still: after a gap there is room for half the limit', () => {
	const { stream, take } = createReader();
	const output = outputTo(stream, 100);
	for (let count = 0; count < 20; count += 1) output.write('0123456789');
	assert.equal(stream.writableLength, 100);
	take();
	output.write('0123456789');
	assert.ok(stream.writableLength <= 100, 'still dropped');
});

test('a reader that is gone: an error of the stream ends nothing', async () => {
	const { stream } = createReader();
	const output = outputTo(stream, 100);
	stream.destroy(new Error('EPIPE'));
	await new Promise((resolve) => stream.once('close', resolve));
	output.write('line\n');
	output.end();
});

test('a reader that stands still: what is lost at the end is told as well', () => {
	const { stream } = createReader();
	const output = outputTo(stream, 10);
	for (const name of ['a', 'b', 'c']) output.write(`line ${name}\n`);
	output.end();
	assert.equal(stream.writableLength, 'line a\nlost 2\n'.length);
});
