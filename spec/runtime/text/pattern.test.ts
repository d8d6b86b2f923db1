import assert from 'node:assert/strict';
import test from 'node:test';
import { readPattern } from '../../../runtime/text/pattern.ts';

test('a pattern is found anywhere in a text, and takes no longer than that is long', () => {
	assert.ok(readPattern('ship[0-9]+').test('the ship12'));
	assert.ok(!readPattern('^ship[0-9]+$').test('the ship12'));
	// An engine that goes back would take years for each.
	for (const text of ['^(a+)+$', '^(a|aa)+$', '^(a|a?)+$', '(.*a){12}b']) {
		assert.ok(!readPattern(text).test(`${'a'.repeat(3000)}!`), text);
	}
});

test('a pattern that is no linear one, or would have too many parts, is refused with the reason', () => {
	const refusals: Readonly<Record<string, RegExp>> = {
		'(a': /the pattern \(a: /,
		'(?=a)b': /\(\?=/,
		'(a)\\1': /\\1/,
		'a{1000}': /more than 500 parts/,
		'((a{20}){20}){2}': /more than 500 parts/,
		'[]a{5}]{400}x{400}': /more than 500 parts/,
		'\\Qa\\E': /more than 500 parts/,
		['x'.repeat(2000)]: /longer than 1000 characters/,
	};
	for (const [text, detail] of Object.entries(refusals)) {
		assert.throws(() => readPattern(text), { code: 'bad_arguments', detail }, text);
	}
	for (const text of [
		'^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
		'^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2})$',
		'^\\p{L}{1,64}$',
		'\\{[^}]*\\}',
	]) {
		assert.ok(readPattern(text).size < 500, text);
	}
});
