import assert from 'node:assert/strict';
import test from 'node:test';
import { refusalOf } from '../../support/yaml-definitions.ts';

/** A YAML definition with one more state, which begins at line 8. */
const withState = (lines: string) => `actor: it
version: 1
events: { GO: { n: number }, STOP: }
context: { total: 0, name: text }
guards: { isLarge: context.total > 3 }
initial: here
states:
  here:
${lines}
  there: {}
`;

const refused: readonly (readonly [what: string, lines: string, refusal: RegExp])[] = [
	[
		'a misspelt action',
		'    entry: [{ asign: { total: 1 } }]',
		/:9:15: there is no action asign; did you mean assign\?$/,
	],
	['an unknown named action', '    entry: [nothing]', /:9:13: there is no action nothing$/],
	[
		'an unknown target',
		'    on: { GO: ther }',
		/:9:15: there is no state ther; did you mean there\?$/,
	],
	['an unknown target inside', '    on: { GO: .below }', /:9:15: there is no state below$/],
	[
		'an unknown guard',
		'    on: { GO: { if: isLrge } }',
		/:9:21: there is no guard isLrge; did you mean isLarge\?$/,
	],
	[
		'an unknown event',
		'    on: { GOO: there }',
		/:9:11: there is no event GOO; did you mean GO\?$/,
	],
	[
		'an unknown delay',
		'    after: { soon: there }',
		/:9:14: there is no delay soon; or a duration/,
	],
	['an unknown ask', '    on: { reply.load: there }', /:9:11: there is no ask load$/],
	['an unknown monitor', '    on: { down.pump: there }', /:9:11: there is no monitor pump$/],
	[
		'a monitor without a target',
		'    entry: [{ monitor: { id: pump } }]',
		/:9:24: a monitor needs an actor, or a node in to$/,
	],
	[
		'an unknown deferred event',
		'    defer: [STP]',
		/:9:13: there is no event STP; did you mean STOP\?$/,
	],
	[
		'an unknown key of a state',
		'    onn: { GO: there }',
		/:9:5: there is no field of a state onn; did you mean on\?$/,
	],
	[
		'an unknown key of a transition',
		'    on: { GO: { tarjet: there } }',
		/:9:17: .*transition tarjet; did you mean target\?$/,
	],
	[
		'an unknown field of the context',
		'    entry: [{ assign: { totl: 1 } }]',
		/:9:25: .*context totl; did you mean total\?$/,
	],
	[
		'a value of another type',
		'    entry: [{ assign: { total: text } }]',
		/:9:32: total is a number in the context, and this is a string$/,
	],
	[
		'a command as an action',
		'    entry: [{ command: [ls] }]',
		/:9:15: command is a raw side effect, not an action/,
	],
	[
		'a request as an action',
		'    exit: [{ http: { url: "http://a" } }]',
		/:9:14: http is a raw side effect/,
	],
	[
		'a step that does nothing',
		'    step: { done: there }',
		/:9:11: a step has one of command, http/,
	],
	[
		'a wrong name in an expression',
		'    on: { GO: { if: event.m > 1 } }',
		/:9:27: No such key: m; did you mean n\?$/,
	],
	[
		'a wrong name in a text',
		'    entry: [{ log: "it is ${context.totl}" }]',
		/:9:37: No such key: totl; did you mean total\?$/,
	],
	[
		'a condition that is a number',
		'    on: { GO: { if: event.n + 1 } }',
		/:9:21: a condition is true or false, not a number$/,
	],
	[
		'two actions in one',
		'    entry: [{ log: a, cancel: b }]',
		/:9:13: an action is an object with one key/,
	],
	[
		'a message without a receiver',
		'    entry: [{ send: { to: ship1 } }]',
		/:9:21: a message needs either a method or an actor/,
	],
	[
		'an always without end',
		'    always: { do: [{ log: again }] }',
		/:9:5: always without a target and an if/,
	],
	[
		'an event raised that there is not',
		'    entry: [{ raise: GOO }]',
		/:9:22: there is no event GOO/,
	],
	[
		'an initial that there is not',
		'    initial: a\n    states: { b: {} }',
		/:9:14: there is no state a/,
	],
	['no initial', '    states: { b: {} }', /:9:5: initial is missing/],
];

for (const [what, lines, refusal] of refused) {
	test(`${what} is refused with file, line and column`, () => {
		const [first = 'it is accepted'] = refusalOf(withState(lines));
		assert.match(first, refusal);
		assert.match(first, /^it\.yaml:\d+:\d+: /);
	});
}

test('an unknown type of an event field is refused with the nearest one', () => {
	const text = 'actor: it\nversion: 1\nevents:\n  GO: { n: nubmer }\n';
	assert.deepEqual(refusalOf(text), [
		'it.yaml:4:12: nubmer is not one of number, string, boolean, list, map, any; ' +
			'did you mean number?',
	]);
});

test('an endless cycle of always is refused at its place, also one that only a trial finds', () => {
	const states = (guard: string) => `actor: it
version: 1
context: { n: 1 }
initial: rest
states:
  rest: { on: { GO: a } }
  a: { always: { ${guard}target: b } }
  b: { always: { ${guard}target: a } }
`;
	assert.match(
		refusalOf(states(''))[0] ?? '',
		/:7:8: always leads in a cycle without an if: a, b, a/,
	);
	const [found] = refusalOf(states('if: context.n > 0, '));
	assert.match(found ?? '', /:6:17: the machine does not come to rest after GO/);
	assert.deepEqual(refusalOf(states('if: context.n > 1, ')), []);
});

test('a cycle that ends is accepted', () => {
	const text = `actor: it
version: 1
context: { n: 0 }
initial: counting
states:
  counting:
    always:
      - { if: context.n >= 5, target: done }
      - { target: counting, reenter: true, do: [{ assign: { n: =context.n + 1 } }] }
  done: {}
`;
	assert.deepEqual(refusalOf(text), []);
});

test('all problems are reported at once, in the order of their places', () => {
	const places = refusalOf(withState('    on: { GO: tere, STP: there }\n    entry: [nothing]'));
	assert.deepEqual(
		places.map((line) => line.split(':')[1]),
		['9', '9', '10'],
	);
});

test('a text that is not YAML or not a definition is refused at its place; JSON is accepted', () => {
	assert.match(refusalOf('actor: it\n  version: [\n')[0] ?? '', /^it\.yaml:\d+:\d+: /);
	assert.match(refusalOf('version: 1\n')[0] ?? '', /^it\.yaml:1:1: .*/);
	const json =
		'{\n\t"actor": "it",\n\t"version": 1,\n\t"initial": "b",\n\t"states": { "a": {} }\n}';
	assert.deepEqual(refusalOf(json), ['it.yaml:4:13: there is no state b; did you mean a?']);
	assert.deepEqual(refusalOf(json.replace('"b"', '"a"')), []);
});

test('actions that contain themselves are refused', () => {
	const text = 'actor: it\nversion: 1\nactions:\n  a: [b]\n  b: [a]\nentry: [a]\n';
	assert.match(refusalOf(text)[0] ?? '', /the actions \w contain themselves/);
});
