import assert from 'node:assert/strict';
import test from 'node:test';
import { createBudget } from '../../../actors/declarative/expression-budget.ts';
import { createCompiler, type Values } from '../../../actors/declarative/expression.ts';

const compile = createCompiler({
	context: { n: 'number', name: 'string', list: 'list', free: 'any' },
	event: { type: 'string', by: 'number' },
});
const values: Values = {
	context: { n: 2, name: 'x', list: [1, 2, 3], free: null },
	event: { type: 'ADD', by: 3 },
	now: 5000,
	key: 'kitchen',
	node: 'ship1',
	budget: createBudget(),
};

function valueOf(text: string): unknown {
	const made = compile(text);
	assert.ok(!('problem' in made), JSON.stringify(made));
	return made.evaluate(values);
}

function problemOf(text: string): string {
	const made = compile(text);
	assert.ok('problem' in made, `${text} is accepted`);
	return `${made.at}: ${made.problem}`;
}

test('numbers are those of JSON, and may be mixed with whole literals', () => {
	const expected: Record<string, unknown> = {
		'context.n + 1': 3,
		'1 + context.n': 3,
		'context.n / 4': 0.5,
		'context.n % 2': 0,
		'context.n == 2': true,
		'context.n != 3': true,
		'event.by >= 3 && context.n < 3': true,
		'round(2.5) + min(context.n, 1)': 4,
		'context.list.map(each, each * 2)': [2, 4, 6],
		'context.list.size() + 1': 4,
		'now - 1000': 4000,
		'uint("7")': 7,
		'has(event.by) ? event.by : 1': 3,
		'context.n > 2 ? context.n : -1': -1,
	};
	for (const [text, value] of Object.entries(expected))
		assert.deepEqual(valueOf(text), value, text);
});

test('the value of an expression is plain data', () => {
	assert.deepEqual(valueOf('{"n": context.n, "l": [1, "x"]}'), { n: 2, l: [1, 'x'] });
	assert.equal(valueOf('duration("5m")'), 300_000);
	assert.equal(valueOf('timestamp(1000)'), '1970-01-01T00:16:40.000Z');
	assert.equal(valueOf('optional.none()'), null);
	assert.deepEqual(valueOf('fromJson("{\\"a\\":[1]}")'), { a: [1] });
	assert.equal(valueOf('toJson({"a": 1})'), '{"a":1}');
});

test('a misspelt name is found at compile time, with the nearest right one', () => {
	assert.match(problemOf('contxt.n'), /^0: Unknown variable: contxt; did you mean context\?/);
	assert.match(problemOf('1 + event.bi'), /^10: No such key: bi; did you mean by\?/);
	assert.match(problemOf('context.n + context.name'), /^0: no such overload: double \+ string/);
	assert.match(problemOf('context.n +'), /^11: /);
	assert.match(problemOf('shell("ls")'), /no matching overload for 'shell\(string\)'/);
});

test('an error at evaluation quotes the expression', () => {
	const made = compile('context.free.level > 1');
	assert.ok('evaluate' in made);
	assert.throws(() => made.evaluate(values), /level in context\.free\.level > 1/);
});

test('an expression cannot reach anything beyond its input values', () => {
	for (const name of ['constructor', '__proto__', 'toString']) {
		const made = createCompiler({ context: {}, event: undefined })(`context.${name}`);
		if ('problem' in made) continue;
		assert.throws(() => made.evaluate(values), /No such key/, name);
	}
	assert.match(problemOf('process.exit(1)'), /Unknown variable: process/);
	assert.match(problemOf('globalThis'), /Unknown variable: globalThis/);
});

test('a key that objects of JavaScript have themselves is a key like any other', () => {
	const names = ['constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];
	for (const name of names) {
		for (const held of [1, null, { name: 'Map' }, [{ [name]: 2 }]]) {
			const bad = { [name]: held, n: 1 };
			const given = {
				...values,
				context: { n: 2, free: [{ deep: bad }, bad] },
				event: { type: 'ADD', by: 3, ...bad },
			};
			const valueFor = (text: string): unknown => {
				const made = compile(text);
				assert.ok(!('problem' in made), JSON.stringify(made));
				return made.evaluate(given);
			};
			const what = JSON.stringify(bad);
			assert.equal(valueFor('context.n + event.by'), 5, what);
			assert.equal(valueFor('context.free != 5'), true, what);
			assert.deepEqual(valueFor('context.free'), given.context.free, what);
			assert.deepEqual(valueFor('{"got": context.free[1]}'), { got: bad }, what);
			assert.equal(valueFor('context.free.size()'), 2, what);
			assert.equal(valueFor('context.free[0].deep.n'), 1, what);
			assert.equal(valueFor(`"${name}" in context.free[1]`), true, what);
			assert.deepEqual(valueFor(`fromJson(${JSON.stringify(what)})`), bad, what);
			assert.deepEqual(valueFor('fromJson(toJson(context.free[1]))'), bad, what);
		}
	}
});

test('a map that is written with a key which the language would leave out is refused', () => {
	for (const name of ['constructor', 'prototype', '__proto__']) {
		assert.match(problemOf(`{"a": 1, "${name}": 2}`), /no key may be/);
		assert.match(problemOf(`[{"a": {"${name}": context.n}}]`), /no key may be/);
		assert.equal(valueOf(`context.name == "${name}"`), false);
		assert.deepEqual(valueOf(`{"a": "${name}"}`), { a: name });
	}
});
