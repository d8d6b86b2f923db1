import assert from 'node:assert/strict';
import test from 'node:test';
import { createBudget } from '../../../actors/declarative/expression-budget.ts';
import { createCompiler, type Values } from '../../../actors/declarative/expression.ts';
import { startActorNode } from '../../support/actor-node.ts';
import { yamlDefinitionOf } from '../../support/yaml-definitions.ts';
import { asReeveError } from '../../../runtime/platform/errors.ts';

const compile = createCompiler({
	context: { list: 'list', text: 'string', free: 'any', list2: 'list' },
	event: undefined,
});

function valuesOf(context: object): Values {
	return { context, event: {}, now: 0, key: '', node: '', budget: createBudget() };
}

function valueOf(text: string, context: object): unknown {
	const made = compile(text);
	assert.ok('evaluate' in made, JSON.stringify(made));
	return made.evaluate(valuesOf(context));
}

function refusalOf(text: string, context: object): string {
	try {
		return `no refusal, but ${JSON.stringify(valueOf(text, context))?.slice(0, 40)}`;
	} catch (thrown) {
		const { code, detail } = asReeveError(thrown);
		return `${code}: ${detail.slice(0, 60)}`;
	}
}

const numbers = (length: number) => Array.from({ length }, (_, index) => index);
const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);

/** An expression that makes a value of a value, 28 times. */
function doubled(first: string, next: (name: string) => string, last = 'v28'): string {
	const levels = numbers(28).toReversed();
	const inner = levels.reduce(
		(text, level) => `cel.bind(v${level + 1}, ${next(`v${level}`)}, ${text})`,
		last,
	);
	return `cel.bind(v0, ${first}, ${inner})`;
}

const tooMuch: Record<string, [expression: string, context: object]> = {
	'loops inside one another': [
		'context.list.all(a, context.list.all(b, context.list.all(c, a + b + c >= 0)))',
		{ list: numbers(400) },
	],
	'a loop whose errors are caught': [
		'context.list.exists(a, context.list.exists(b, context.list.exists(c, a.x == c.x)))',
		{ list: numbers(400) },
	],
	'alternatives that catch the refusal': [
		'context.list.all(a, context.list.all(b, context.list.all(c, a + b + c < 0))) || true ||' +
			' context.list.map(a, context.list.map(b, context.list.map(c, c))).size() > 0',
		{ list: numbers(400).map(() => 'x') },
	],
	'a text that doubles': [doubled('context.text', (name) => `${name} + ${name}`), { text: 'x' }],
	'a list that doubles': [doubled('context.list', (name) => `${name} + ${name}`), { list: [1] }],
	'a value whose parts are shared': [
		doubled('context.list', (name) => `[${name}, ${name}]`),
		{ list: [1] },
	],
	'the same as JSON': [
		doubled('context.list', (name) => `[${name}, ${name}]`, 'toJson(v28)'),
		{ list: [1] },
	],
	'a search from the end': [
		'context.text.lastIndexOf(context.free) > 0',
		{ text: 'a'.repeat(200_000), free: `${'a'.repeat(100_000)}b` },
	],
	'a join with a long text': [
		'context.list.map(x, "").join(context.text)',
		{ list: numbers(10_000), text: 'x'.repeat(10_000) },
	],
	'a search in long lists': [
		'context.list.map(x, context.list2).exists(x, x in context.list.map(y, context.list2))',
		{ list: numbers(2000), list2: numbers(2000) },
	],
	'a pattern over a long text': [
		'context.text.matches("(.{1,100}x){1,2}$")',
		{ text: 'ax'.repeat(50_000) },
	],
	'many patterns that are not known before': [
		'context.list.all(p, !"x".matches(p))',
		{ list: numbers(200).map((number) => `(a|b|c){50}${number}`) },
	],
	'a value that is nested deeply': ['context.free == [1]', { free: nested(5000) }],
	'JSON that is nested deeply': [
		'fromJson(context.text)',
		{ text: `${'['.repeat(2000)}${']'.repeat(2000)}` },
	],
	'a long duration': ['duration(context.text) == duration("1s")', { text: '9'.repeat(100_000) }],
};

for (const [name, [expression, context]] of Object.entries(tooMuch)) {
	test(`an expression that does too much is refused: ${name}`, () => {
		assert.match(refusalOf(expression, context), /^expression_limit: /);
	});
}

test('a pattern takes no longer than its text is long, however often it could go back', () => {
	assert.equal(valueOf('context.text.matches("^(a+)+$")', { text: `${'a'.repeat(5000)}b` }), false);
	assert.equal(
		valueOf('context.text.matches(context.free)', { text: 'ship12', free: '^ship[0-9]+$' }),
		true,
	);
	assert.match(
		refusalOf('context.text.matches(context.free)', { text: '', free: '(a' }),
		/^bad_arguments: the pattern \(a: /,
	);
	assert.match(
		JSON.stringify(compile('context.text.matches("(?=a)b")')),
		/the pattern \(\?=a\)b: /,
	);
	assert.match(
		JSON.stringify(compile('context.text.matches("((a{30}){30}){30}")')),
		/more than 500 parts/,
	);
});

test('what people write is far below the budget', () => {
	const list = numbers(400);
	assert.equal(
		valueOf('context.list.all(a, a >= 0) && context.list.exists(a, a == 399)', { list }),
		true,
	);
	assert.equal(
		valueOf('context.list.filter(a, a % 2 == 0).map(a, a * 2).size()', { list: numbers(5000) }),
		2500,
	);
	assert.equal(
		valueOf('context.text.contains("END")', { text: `${'x'.repeat(1_000_000)}END` }),
		true,
	);
	assert.equal(
		valueOf('context.list.exists(a, context.list2.exists(b, a == b))', {
			list: numbers(100),
			list2: numbers(100),
		}),
		true,
	);
});

test('the expressions of one turn share its budget, and the next turn has a new one', () => {
	const made = compile('context.list.all(a, a >= 0)');
	assert.ok('evaluate' in made);
	const values = valuesOf({ list: numbers(10_000) });
	const times = (count: number) => {
		for (let time = 0; time < count; time += 1) made.evaluate(values);
	};
	assert.throws(() => times(20), /expression_limit|more work than one turn may/);
	values.budget.begin();
	times(1);
});

test('an event that makes an actor do too much fails at once, and the next one is handled', async (t) => {
	const actor = yamlDefinitionOf(`
actor: counter
version: 1
events: { ADD: { list: list } }
context: { sum: 0 }
initial: idle
states:
  idle:
    on:
      ADD:
        do:
          - assign:
              sum: =event.list.filter(a, event.list.all(b, event.list.all(c, c >= 0))).size()
`);
	const node = await startActorNode(t, { actors: [actor] });
	await node.send('counter', { type: 'ADD', list: numbers(400) });
	await node.send('counter', { type: 'ADD', list: numbers(4) });
	await node.idle('counter');
	const dead = node.seen('instance.failed').map(({ detail }) => detail.split('\n')[0]);
	assert.match(
		dead.join(),
		/more work than one turn may: more than 100000 steps in one turn in event/,
	);
	assert.equal(dead.length, 1, 'another attempt would end in the same way');
	assert.deepEqual(node.stored('counter')?.state.context, { sum: 4 });
	await node.stop();
});
