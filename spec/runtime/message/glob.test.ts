import assert from 'node:assert/strict';
import test from 'node:test';
import { array, assert as holds, constantFrom, property } from 'fast-check';
import { readGlob } from '../../../runtime/message/glob.ts';
import { readTarget } from '../../../runtime/message/target.ts';

/** A glob, what it matches, and what it does not. */
const rows: readonly (readonly [glob: string, yes: readonly string[], no: readonly string[]])[] = [
	['*', ['', 'a', 'a/b', '.a'], []],
	['a*', ['a', 'ab'], ['', 'ba']],
	['*a', ['a', 'ba'], ['ab']],
	['*a*', ['a', 'bab'], ['', 'b']],
	['a**b', ['ab', 'axb'], ['a']],
	['a?c', ['abc', 'a\u{1f600}c'], ['ac', 'abbc']],
	['[ab]', ['a', 'b'], ['c', '']],
	['[a-c]x', ['bx'], ['dx']],
	['[!a-c]', ['d'], ['b']],
	['[^a-c]', ['d'], ['b']],
	['[]a]', [']', 'a'], ['b']],
	['[a', ['[a'], ['a']],
	['{a,b}c', ['ac', 'bc'], ['c', '{a,b}c']],
	['{a,b{c,d*}}', ['a', 'bc', 'bdx'], ['b']],
	['{,a}b', ['b', 'ab'], ['a']],
	['{a}', ['{a}'], ['a']],
	['{a', ['{a'], ['a']],
	['{1..12}', ['1', '12'], ['0', '13', '1..12']],
	['\\*', ['*'], ['a', '\\*']],
	['\\{a,b}', ['{a,b}'], ['a']],
	['a.c', ['a.c'], ['abc']],
	['+(a)', ['+(a)'], ['a']],
];

for (const [glob, yes, no] of rows) {
	test(`the glob ${glob} matches ${yes.join(' ')}, and not ${no.join(' ')}`, () => {
		const { matches } = readGlob(glob);
		for (const text of yes) assert.ok(matches(text), text);
		for (const text of no) assert.ok(!matches(text), text);
	});
}

test('globs of stars, question marks and letters match what their regular expressions do', () => {
	const letters = array(constantFrom('a', 'b', '*', '?', '[ab]', '{a,b*}'), { maxLength: 6 });
	const texts = array(constantFrom('a', 'b'), { maxLength: 8 });
	const expressions: Readonly<Record<string, string>> = {
		'*': '.*',
		'?': '.',
		'{a,b*}': '(a|b.*)',
	};
	holds(
		property(letters, texts, (parts, given) => {
			const expression = parts.map((part) => expressions[part] ?? part).join('');
			const text = given.join('');
			assert.equal(
				readGlob(parts.join('')).matches(text),
				new RegExp(`^${expression}$`).test(text),
			);
		}),
		{ numRuns: 3000 },
	);
});

test('no target takes a time that grows faster than its globs and names are long', () => {
	const node = { name: 'a'.repeat(128), facts: { f: 'a'.repeat(128) } };
	// Steps that grew with each star would not end.
	assert.equal(readTarget(`${'*a'.repeat(60)}*b`).matches(node), false);
	assert.equal(readTarget(`f="${'*{a,aa}'.repeat(7)}*b"`).matches(node), false);
	for (const text of [
		'{a,b}'.repeat(12),
		'{1..1000000}',
		'*a'.repeat(600),
		Array.from({ length: 200 }, () => '*a'.repeat(60)).join(' or '),
		`${'('.repeat(500)}a*${')'.repeat(500)}`,
		`${'not '.repeat(500)}a*`,
	]) {
		assert.throws(() => readTarget(text), { code: 'bad_target' }, text.slice(0, 20));
	}
});
