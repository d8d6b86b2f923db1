import assert from 'node:assert/strict';
import process from 'node:process';
import test from 'node:test';
import { durationMs } from '../../../runtime/text/duration.ts';
import { parseYaml, placeOfPath, readYaml } from '../../../runtime/text/yaml.ts';

const text = 'a:\n  b: [1, { c: "word" }]\n  d: plain\n';
const place = (path: readonly PropertyKey[], more: Parameters<typeof placeOfPath>[2] = {}) => {
	const { line, column } = placeOfPath(parseYaml(text), path, more);
	return `${line}:${column}`;
};

test('every part of a text has its place: a key, a value, an item, a character', () => {
	assert.equal(place(['a', 'b']), '2:6');
	assert.equal(place(['a', 'b'], { part: 'key' }), '2:3');
	assert.equal(place(['a', 'b', 1, 'c']), '2:15');
	assert.equal(place(['a', 'b', 1, 'c'], { inside: 2 }), '2:18');
	assert.equal(place(['a', 'd'], { inside: 2 }), '3:8');
});

test('what is not there has the place of the nearest part above it', () => {
	assert.equal(place(['a', 'd', 'x']), '3:3');
	assert.equal(place([]), '1:1');
	assert.deepEqual(placeOfPath(parseYaml(''), ['a']), { line: 1, column: 1 });
});

test('what is no YAML is told with its line; aliases may not blow a text up', () => {
	assert.throws(() => readYaml('a: [\nb'), { code: 'bad_json', detail: /^line \d: / });
	const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
	for (const [from, to] of ['ab', 'bc', 'cd'])
		bomb.push(`${to}: &${to} [${`*${from},`.repeat(10)}]`);
	assert.throws(() => readYaml(bomb.join('\n')), { code: 'bad_json' });
});

test('durations are numbers with a unit, and nothing else', () => {
	const known = { '250ms': 250, '10s': 10_000, '5m': 300_000, '2h': 7_200_000, '1d': 86_400_000 };
	for (const [word, ms] of Object.entries(known)) assert.equal(durationMs(word), ms, word);
	for (const word of ['', '10', 's', '1.5s', '-1s', '10 s', '1w']) {
		assert.equal(durationMs(word), undefined, word);
	}
});

test('a key that occurs twice in one map is an error at its place, however many keys there are', () => {
	const keys = Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join('\n');
	const { problem } = parseYaml(`a: {b: 1}\nb: [{k5: 1}]\n${keys}\nk5: 2\n`);
	assert.deepEqual(problem, {
		place: { line: 20_003, column: 1 },
		text: 'Map keys must be unique',
	});
	assert.equal(parseYaml('a: {1: x, "1": y}').problem?.place.column, 11);
	assert.equal(parseYaml('a: {b: 1}\nc: {b: 1}\n').problem, undefined);
});

test('a text that could overflow the stack of the parser is not parsed, and long ones are', () => {
	const shallow = [
		`text: |\n${'  a - b: c ? d [ {\n'.repeat(500)}`,
		`text: "${'a: - ? [ '.repeat(500)}"`,
		`{"rules": [${Array.from({ length: 300 }, () => '{"from": "a", "to": "b"}').join(', ')}]}`,
		Array.from({ length: 300 }, (_, index) => `k${index}: {a: [b: 1]}`).join('\n'),
	];
	for (const text of shallow) assert.equal(parseYaml(text).problem, undefined, text.slice(0, 50));
	const ladder = (depth: number) =>
		Array.from({ length: depth }, (_, at) => `${' '.repeat(at)}a:`).join('\n');
	const deep = [
		ladder(250),
		`${'- '.repeat(9000)}\nb: 1`,
		`x: ${'[a: '.repeat(250)}`,
		'? '.repeat(300),
	];
	for (const text of deep) {
		assert.match(parseYaml(text).problem?.text ?? '', /nested deeper than 200/, text.slice(0, 50));
	}
	assert.equal(parseYaml(ladder(150)).problem, undefined);
});

test('a text that nests too deep is read no further than that', () => {
	const before = process.cpuUsage();
	for (const unit of ['[a, ', '? ', '- ', '{a: ', '[{a: ', '&a [']) {
		const text = unit.repeat(100_000 / unit.length);
		assert.match(parseYaml(text).problem?.text ?? '', /nested deeper than 200/, unit);
	}
	// To read it all takes about ten times as long.
	const { user } = process.cpuUsage(before);
	assert.ok(user < 600_000, `${user} microseconds`);
});

test('the key __proto__ is refused at its place: what it stands for would be lost', () => {
	for (const text of ['a: 1\n__proto__: 5\n', 'a: 1\n"__proto__": {b: 1}\n']) {
		const { problem } = parseYaml(text);
		assert.deepEqual(problem, { place: { line: 2, column: 1 }, text: 'no key may be __proto__' });
	}
	assert.equal(parseYaml('a:\n  - {__proto__: 5}\n').problem?.place.line, 2);
	assert.equal(parseYaml('a: __proto__\nconstructor: 1\n').problem, undefined);
});

/** A text in which each list is `levels` deep, and holds the one before it by its alias. */
function tower(lists: number, levels: number): string {
	const lines = [`a0: &a0 ${'['.repeat(levels)}${']'.repeat(levels)}`];
	for (let at = 1; at < lists; at += 1) {
		lines.push(`a${at}: &a${at} ${'['.repeat(levels)}*a${at - 1}${']'.repeat(levels)}`);
	}
	return lines.join('\n');
}

test('levels and values are counted through aliases, before anything is made of them', () => {
	assert.equal(parseYaml(tower(2, 99)).problem, undefined);
	assert.deepEqual(parseYaml(tower(3, 99)).problem, {
		place: { line: 3, column: 108 },
		text: 'nested deeper than 200',
	});
	assert.match(parseYaml(tower(99, 190)).problem?.text ?? '', /nested deeper than 200/);
	const wide = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
	for (const [from, to] of ['ab', 'bc', 'cd']) {
		wide.push(`${to}: &${to} [${Array(10).fill(`*${from}`).join(', ')}]`);
	}
	assert.match(parseYaml(wide.join('\n')).problem?.text ?? '', /more than 10000 values/);
	const many = Array.from({ length: 101 }, (_, at) => `k${at}: *a`);
	assert.equal(parseYaml(['a: &a 1', ...many.slice(1)].join('\n')).problem, undefined);
	assert.deepEqual(parseYaml(['a: &a 1', ...many].join('\n')).problem, {
		place: { line: 102, column: 7 },
		text: 'more than 100 aliases',
	});
});

test('an alias that stands in what it stands for is refused, and one for nothing', () => {
	for (const text of ['a: &a {y: *a}', 'a: &a [1, [*a]]', '&a k: [1]\nb: &b {c: [&d 1, *b]}']) {
		assert.match(parseYaml(text).problem?.text ?? '', /stands in what it stands for/, text);
	}
	assert.match(parseYaml('a: *b\nb: &b 1').problem?.text ?? '', /no anchor b/);
	assert.deepEqual(readYaml('a: &a [1]\nb: {c: *a}'), { a: [1], b: { c: [1] } });
});

test('a list is read however long it is', () => {
	const items = Array<number>(131_100).fill(1);
	assert.equal(parseYaml(`[${items.join(',')}]`).problem, undefined);
});

test('two keys that would be one in an object are refused, and only these', () => {
	const same = ['null: 1\n"": 2', '~: 1\nnull: 2', '? &k a\n: 1\n? *k\n: 2', '1: x\n"1": y'];
	for (const text of same) {
		assert.match(parseYaml(text).problem?.text ?? '', /must be unique/, text);
	}
	assert.match(parseYaml('x: &k __proto__\n? *k\n: 2').problem?.text ?? '', /__proto__/);
	assert.deepEqual(readYaml('null: 1\n"null": 2'), { '': 1, null: 2 });
	for (const text of ['? [a]\n: 1', '? {a: 1}\n: 1', 'a: &a [1]\n? *a\n: 2']) {
		assert.match(parseYaml(text).problem?.text ?? '', /a key is a text/, text);
	}
});

test('what is not taken as it is written is refused: tags, directives, other versions', () => {
	const refused = {
		'a: !secret foo': /!secret/,
		'a: !!int "x"': /int/,
		'a: !!set {x, y}': /set/,
		'a: !!omap [a: 1]': /omap/,
		'a: !!binary aGk=': /binary/,
		'%YAML 9.9\n---\na: 1': /9\.9/,
		'%YAML 1.1\n---\na: yes': /only YAML 1\.2/,
		'%FOO x\n---\na: 1': /%FOO/,
	};
	for (const [text, why] of Object.entries(refused)) {
		assert.match(parseYaml(text).problem?.text ?? '', why, text);
	}
	assert.equal(parseYaml('a:\n  - !secret foo').problem?.place.line, 2);
	assert.deepEqual(readYaml('%YAML 1.2\n---\na: !!str 5\nb: !!int 5'), { a: '5', b: 5 });
});
