import assert from 'node:assert/strict';
import test from 'node:test';
import { eventOf, methodOf } from '../../../actors/definition/event-message.ts';
import type { Message } from '../../../runtime/message/message.ts';

const event = (methodArgs: readonly string[], data?: string | Uint8Array) =>
	eventOf({ methodArgs, ...(data === undefined ? {} : { data }) } as Message);

const { args } = methodOf({ name: 'counter', summary: 'Counts' });

test('a part of a message to an actor that its event would not carry refuses the message', () => {
	const cases: readonly (readonly [readonly string[], RegExp])[] = [
		[['{"type":"SET"}', '{"a":1}'], /the second would be lost/],
		[['{"type":"SET"}', ''], /the second would be lost/],
		[['SET', '{"type":"NO"}'], /field type, which would be lost/],
		[['SET', '{"type":null}'], /field type, which would be lost/],
		[['SET', '{}', 'more'], /at most an event type and its payload/],
	];
	for (const [words, why] of cases) {
		const parsed = args.safeParse(words);
		assert.match(parsed.error?.issues[0]?.message ?? 'taken', why);
		if (words.length < 3) assert.throws(() => event(words), { code: 'bad_arguments' });
	}
	for (const words of [['SET', '{"a":1}'], ['{"type":"SET"}']]) {
		assert.throws(() => event(words, 'more'), { code: 'bad_arguments', detail: /data would be/ });
		assert.throws(() => event(words, Buffer.from('more')), { code: 'bad_arguments' });
	}
});

test('every complete way to write an event is taken', () => {
	assert.deepEqual(event(['SET']), { type: 'SET' });
	assert.deepEqual(event(['SET'], 'text'), { type: 'SET', data: 'text' });
	assert.deepEqual(event(['SET', '{"a":1}']), { type: 'SET', a: 1 });
	assert.deepEqual(event(['SET', '{"a":1}'], ''), { type: 'SET', a: 1 });
	assert.deepEqual(event(['SET', '{"type":"SET","a":1}']), { type: 'SET', a: 1 });
	assert.deepEqual(event(['{"type":"SET","a":1}']), { type: 'SET', a: 1 });
	assert.deepEqual(event([], '{"type":"SET","a":1}'), { type: 'SET', a: 1 });
});
