import assert from 'node:assert/strict';
import process from 'node:process';
import test from 'node:test';
import * as fc from 'fast-check';
import { createFraming } from '../../../transports/framing/json-framing.ts';
import type { Framed, FramingLimits } from '../../../transports/framing/partial-value.ts';

const limits: FramingLimits = { bytesMax: 4096, depthMax: 16, valuesMax: 1000 };

/**
 * What comes out, in short: values as they are, errors as their code, the end of an array as `]`.
 */
function shown(framed: readonly Framed[]): unknown[] {
	return framed.map((each) => {
		if (each.type === 'value') return each.value;
		return each.type === 'error' ? each.error.code : ']';
	});
}

/** Reads text, or bytes, in pieces of this size. */
function read(input: string | Uint8Array, pieceBytes = 1_000_000, own: FramingLimits = limits) {
	const bytes = Buffer.from(input);
	const framing = createFraming(own);
	const out: Framed[] = [];
	for (let at = 0; at < bytes.length; at += pieceBytes) {
		out.push(...framing.push(bytes.subarray(at, at + pieceBytes)));
	}
	return shown([...out, ...framing.end()]);
}

/** Inputs, and what comes out of each, however it is cut. */
const cases: readonly (readonly [title: string, input: string | Uint8Array, out: unknown[]])[] = [
	['nothing holds nothing', '', []],
	['white space holds nothing', ' \t\r\n\0', []],
	['one object is one value', '{"a":1}', [{ a: 1 }]],
	['objects may follow one another directly', '{"a":1}{"b":2}', [{ a: 1 }, { b: 2 }]],
	[
		'a byte order mark may stand before a value',
		'\ufeff{"a":"\ufeffä"}\n\ufeff[1]',
		[{ a: '\ufeffä' }, 1, ']'],
	],
	['a byte order mark alone holds nothing', '\ufeff\n', []],
	['objects may stand on lines', '{"a":1}\r\n{"b":2}\n', [{ a: 1 }, { b: 2 }]],
	['NUL bytes may stand between objects', '{"a":1}\0\0{"b":2}\0', [{ a: 1 }, { b: 2 }]],
	['the elements of an array come one by one', '[{"a":1},{"b":2}]', [{ a: 1 }, { b: 2 }, ']']],
	['an element need not be an object', '[1, "a,]", null, [2]]', [1, 'a,]', null, [2], ']']],
	['arrays may follow one another', '[1][2]\0[3]', [1, ']', 2, ']', 3, ']']],
	['an empty array is only an end', '[ ]', [']']],
	['brackets in strings are text', '{"a":"}]{[\\"}"}', [{ a: '}]{["}' }]],
	['a backslash may itself be escaped', '{"a":"\\\\"}{"b":1}', [{ a: '\\' }, { b: 1 }]],
	['characters of several bytes stay whole', '["\u{1f6a2}\u00e9"]', ['\u{1f6a2}\u00e9', ']']],
	['a comma before the end of an object is let pass', '[{"a":1,\n}]', [{ a: 1 }, ']']],
	['a comma before the end of an array is let pass', '[{"a":[1,2, ]},]', [{ a: [1, 2] }, ']']],
	['a comma in a string stays there', '{"a":",}","b":",]",}', [{ a: ',}', b: ',]' }]],
	['two commas are too many', '[{"a":1,,}]', ['bad_json', ']']],
	[
		'a bad element costs only itself',
		'[{"a":1},{"b":},{"c":3}]',
		[{ a: 1 }, 'bad_json', { c: 3 }, ']'],
	],
	['a bracket too many costs one element', '[{"a":1}},{"b":2}]', ['bad_json', { b: 2 }, ']']],
	['an unclosed inner array costs one element', '[{"a":[1},{"b":2}]', ['bad_json', { b: 2 }, ']']],
	['a missing brace ends with the array', '[{"a":1]{"b":2}', ['bad_json', ']', { b: 2 }]],
	['a missing quote ends with the array', '[\n{"a": "b},\n{"c": 1}\n]', ['bad_json', ']']],
	['a missing quote ends with its line', '{"a":"b}\n}{"c":1}', ['bad_json', { c: 1 }]],
	['a bad object costs only itself', '{"a":nope}{"b":2}', ['bad_json', { b: 2 }]],
	['what is no value costs its line', 'hello, {"a":1}\n{"b":2}', ['bad_json', { b: 2 }]],
	['a number alone is no message', '42\n{"b":2}', ['bad_json', { b: 2 }]],
	['what is cut is an error', '[{"a":1},{"b', [{ a: 1 }, 'connection_cut']],
	['an array that is not closed is cut', '[{"a":1}', ['connection_cut']],
	['a cut string is cut', '{"a":"b', ['connection_cut']],
	[
		'bytes that are no UTF-8 cost their element',
		Buffer.from('[{"a":"\xff"},{"b":2}]', 'latin1'),
		['bad_json', { b: 2 }, ']'],
	],
	['U+FFFD itself is text', '["\ufffd"]', ['\ufffd', ']']],
	[
		'an element above the limit costs only itself',
		`[{"a":1},{"b":"${'x'.repeat(5000)}"},{"c":3}]`,
		[{ a: 1 }, 'too_large', { c: 3 }, ']'],
	],
	[
		'an object above the limit costs only itself',
		`{"b":"${'x'.repeat(5000)}"}{"c":3}`,
		['too_large', { c: 3 }],
	],
	[
		'white space without end is too large as well',
		`[${' '.repeat(5000)}{"a":1},2]`,
		['too_large', 2, ']'],
	],
	['the limit itself is allowed', `["${'x'.repeat(4094)}"]`, ['x'.repeat(4094), ']']],
	[
		'an element nested too deep costs only itself',
		`[{"a":1},${'['.repeat(17)}${']'.repeat(17)},{"c":3}]`,
		[{ a: 1 }, 'bad_json', { c: 3 }, ']'],
	],
	[
		'the deepest allowed nesting is allowed',
		`[${'['.repeat(16)}${']'.repeat(16)}]`,
		[JSON.parse(`${'['.repeat(16)}${']'.repeat(16)}`), ']'],
	],
];

for (const [title, input, out] of cases) {
	test(`framing: ${title}`, () => {
		assert.deepEqual(read(input), out, 'in one piece');
		assert.deepEqual(read(input, 1), out, 'byte by byte');
		assert.deepEqual(read(input, 7), out, 'in pieces of seven bytes');
	});
}

test('a value is handed out with its last byte, without waiting for more', () => {
	const framing = createFraming(limits);
	assert.deepEqual(shown(framing.push(Buffer.from('[{"a":1'))), []);
	assert.equal(framing.isBetween(), false);
	assert.deepEqual(shown(framing.push(Buffer.from('}'))), []);
	assert.deepEqual(shown(framing.push(Buffer.from(','))), [{ a: 1 }]);
	assert.deepEqual(shown(framing.push(Buffer.from('{"b":2}]'))), [{ b: 2 }, ']']);
	assert.equal(framing.isBetween(), true);
	assert.deepEqual(shown(framing.end()), []);
});

test('a value above the limit is refused at once, not at its end', () => {
	const framing = createFraming(limits);
	framing.push(Buffer.from('{"a":"'));
	assert.deepEqual(shown(framing.push(Buffer.alloc(5000, 'x'))), ['too_large']);
	assert.deepEqual(shown(framing.push(Buffer.alloc(5000, 'x'))), [], 'and only once');
	assert.deepEqual(shown(framing.end()), [], 'a cut of what was refused is no news');
});

test('a value that holds more values than the limit is refused before it is parsed', () => {
	const many = { ...limits, valuesMax: 5 };
	for (const text of ['{"a":1,"b":2,"c":3,"d":4}', '[[1,2,3,4]]', '{"a":[[],""]}']) {
		assert.ok(!read(text, 1, many).includes('too_large'), text);
	}
	for (const text of ['{"a":1,"b":2,"c":3,"d":4,"e":5}', '[[1,2,3,4,5]]', '{"a":[[],"",1]}']) {
		assert.ok(read(text, 1, many).includes('too_large'), text);
	}
	const beside = read('[{"a":[1,2,3,4,5]},{"b":"1,2,3,4,5,6"},{"c":1}]', 1, many);
	assert.deepEqual(beside, ['too_large', { b: '1,2,3,4,5,6' }, { c: 1 }, ']']);
});

test('what is refused costs no more, however much of it follows', () => {
	const before = process.cpuUsage();
	for (const text of ['['.repeat(1_000_000), `[{"a":[${'1,'.repeat(1_000_000)}`]) {
		const framing = createFraming({ bytesMax: 4_000_000, depthMax: 64, valuesMax: 50_000 });
		assert.equal(framing.push(Buffer.from(text)).length, 1);
	}
	// An error for each bracket and comma takes more than ten times as long.
	const { user } = process.cpuUsage(before);
	assert.ok(user < 1_000_000, `${user} microseconds`);
});

test('a cut is reported once, and a new value may follow', () => {
	const framing = createFraming(limits);
	framing.push(Buffer.from('[{"a'));
	assert.deepEqual(shown(framing.end()), ['connection_cut']);
	assert.deepEqual(shown(framing.end()), []);
	assert.deepEqual(shown(framing.push(Buffer.from('{"b":1}'))), [{ b: 1 }]);
});

test('the error of bad JSON says what was wrong in the text as it was sent', () => {
	const [framed] = createFraming(limits).push(Buffer.from('{"a":1,"b":x,}'));
	assert.ok(framed?.type === 'error');
	assert.match(framed.error.message, /the input is not valid JSON: Unexpected token 'x'/);
});

const separators = fc.constantFrom('', '\n', '\r\n', ' ', '\0', '\n\0\n');
const wide: FramingLimits = { bytesMax: 1_000_000, depthMax: 1000, valuesMax: 1_000_000 };

/** Cuts bytes at these places, given as fractions. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
	const places = [...cuts.map((cut) => Math.floor(cut * bytes.length)), 0, bytes.length];
	places.sort((a, b) => a - b);
	return places.slice(1).map((to, index) => bytes.subarray(places[index], to));
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

test('any stream of values, cut anywhere, yields these values', () => {
	const objects = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
	const item = fc.oneof(
		fc.record({ array: fc.constant(false), values: fc.tuple(objects) }),
		fc.record({ array: fc.constant(true), values: fc.array(fc.jsonValue(), { maxLength: 4 }) }),
	);
	fc.assert(
		fc.property(fc.array(fc.tuple(item, separators)), cuts, fc.nat(3), (items, places, indent) => {
			const expected: unknown[] = [];
			let text = '';
			for (const [{ array, values }, separator] of items) {
				const own: unknown = array ? values : values[0];
				text += JSON.stringify(own, undefined, indent) + separator;
				const parsed = JSON.parse(JSON.stringify(values)) as unknown[];
				expected.push(...parsed, ...(array ? [']'] : []));
			}
			const framing = createFraming(wide);
			const out = pieces(Buffer.from(text), places).flatMap((piece) => [...framing.push(piece)]);
			assert.deepEqual(shown([...out, ...framing.end()]), expected);
		}),
		{ numRuns: 300 },
	);
});

test('garbage never throws, and means the same however it is cut', () => {
	const letters = fc.constantFrom(
		...Array.from('[]{}",:\\ \n\0a1'),
		'\u{1f6a2}',
		'true',
		'"a":1,',
		'x'.repeat(40),
	);
	const garbage = fc.oneof(
		fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
		fc.array(letters, { maxLength: 120 }).map((parts) => Buffer.from(parts.join(''))),
	);
	const small: FramingLimits = { bytesMax: 128, depthMax: 4, valuesMax: 20 };
	fc.assert(
		fc.property(garbage, cuts, (bytes, places) => {
			const framing = createFraming(small);
			const out = pieces(bytes, places).flatMap((piece) => [...framing.push(piece)]);
			assert.deepEqual(shown([...out, ...framing.end()]), read(bytes, 1_000_000, small));
		}),
		{ numRuns: 1000 },
	);
});

test('after garbage, a message on a line of its own is understood where no bracket is open', () => {
	const words = fc.stringMatching(/^[a-z0-9 :,]{0,30}$/);
	fc.assert(
		fc.property(fc.array(words), (lines) => {
			const text = `${lines.map((line) => `${line}\n`).join('')}{"a":1}\n`;
			assert.deepEqual(read(text).at(-1), { a: 1 });
		}),
	);
});
