import assert from 'node:assert/strict';
import test from 'node:test';
import { createConsole } from '../../../runtime/observability/console.ts';
import { createSignals, type Signal } from '../../../runtime/observability/signals.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';

function consoleWith(output?: (text: string) => Promise<void>) {
	const seen: Signal[] = [];
	const signals = createSignals(steppedClock(), 100);
	signals.subscribe((signal) => void seen.push(signal));
	return { print: createConsole(signals, output), seen, types: () => seen.map(({ type }) => type) };
}

test('each text that is printed has lines of its own, and is told as printed afterwards', async () => {
	const written: string[] = [];
	const { print, types } = consoleWith((text) => Promise.resolve(void written.push(text)));
	for (const text of ['one', 'two\n', '']) await print('central', text);
	assert.deepEqual(written, ['one\n', 'two\n']);
	assert.deepEqual(types(), Array(3).fill('console.printed'));
});

test('a text that could not be printed is told to its sender, and once to the operator', async () => {
	let isFull = true;
	const { print, types } = consoleWith(() =>
		isFull ? Promise.reject(new Error('ENOSPC')) : Promise.resolve(),
	);
	const lost = { code: 'file_failed', detail: 'ENOSPC' };
	await assert.rejects(print('central', 'a'), lost);
	await assert.rejects(print('central', 'b'), lost);
	isFull = false;
	await print('central', 'c');
	isFull = true;
	await assert.rejects(print('central', 'd'), lost);
	assert.deepEqual(types(), ['console.failed', 'console.printed', 'console.failed']);
});

test('a node without a console tells what it would print', async () => {
	const { print, seen } = consoleWith();
	await print('central', 'text');
	assert.deepEqual(
		seen.map((signal) => 'text' in signal && signal.text),
		['text'],
	);
});
