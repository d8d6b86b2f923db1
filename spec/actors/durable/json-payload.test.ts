import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, type AnyStateMachine } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { answer, ask, publish, reply, send } from '../../../actors/definition/effects.ts';
import { scanDeadLetters } from '../../../runtime/ledger/dead-letters.ts';
import { sink, startActorNode } from '../../support/actor-node.ts';
import type { TestScope } from '../../support/temporary.ts';

const circle: unknown[] = [];
circle.push(circle);

class Seat {
	readonly row = 1;
}

/** Values that JSON would change without a word, or throw at. */
const uncarried: readonly (readonly [unknown, string])[] = [
	[new Map([['a', 1]]), 'an instance of Map'],
	[new Set([1]), 'an instance of Set'],
	[new Date(0), 'an instance of Date'],
	[new Error('e'), 'an instance of Error'],
	[new Seat(), 'an instance of Seat'],
	[new Uint8Array(1), 'an instance of Uint8Array'],
	[NaN, 'NaN'],
	[-Infinity, '-Infinity'],
	[5n, 'a bigint'],
	[() => 1, 'a function'],
	[Symbol('s'), 'a symbol'],
	[{ [Symbol('s')]: 1 }, 'an object with symbols'],
	[Object.defineProperty({}, 'hidden', { value: 1 }), 'an object with symbols'],
	[Object.assign(Array(2), { 1: 1 }), 'a list with holes'],
	[circle, 'more than 200 deep'],
];

const create = createMachine as (config: object) => AnyStateMachine;

/** How an event ends whose transition has this action, and how often it was tried. */
async function endOf(t: TestScope, action: unknown) {
	const machine = create({ id: 'm', on: { GO: { actions: action } } });
	const actor = defineActor({ name: 'it', version: 1, machine, answersLater: [] });
	const node = await startActorNode(t, { actors: [actor] });
	const id = await node.send('it', 'GO');
	await node.idle('it');
	const { result } = node.ledger.get(id) ?? {};
	const dead = scanDeadLetters(node.journal).length;
	const sunk = node.sunk();
	await node.stop();
	return { ...result, dead, sunk };
}

test('a topic or a text that no broker takes is refused in the turn that publishes it', async (t) => {
	for (const topic of [
		'',
		'a/#',
		'a/+',
		'a\0b',
		'$SYS/x',
		'a\ud800',
		'x'.repeat(2000),
		5 as never,
	]) {
		const end = await endOf(t, publish(topic, 'data'));
		assert.equal(end.code, 'bad_name', topic);
		assert.equal(end.attempts, 1);
	}
	assert.equal((await endOf(t, publish('a', '\ud800'))).code, 'not_sendable');
	assert.equal((await endOf(t, send({ method: sink, data: '\ud800' }))).code, 'not_sendable');
	assert.equal((await endOf(t, send({ method: sink, args: ['\ud800'] }))).code, 'not_sendable');
});

test('a value that JSON cannot carry is refused in the turn that sends it, and its path is named', async (t) => {
	const event = (value: unknown) => ({ type: 'ADD', deep: [{ 'a b': value }] });
	for (const [value, why] of uncarried) {
		const content = { deep: [{ 'a b': value }] } as never;
		const cases = [
			[send({ method: sink, event: event(value) }), 'the event ADD.deep[0][a b]'],
			[ask({ id: 'x', method: sink, event: event(value) }), 'the event ADD.deep[0][a b]'],
			[reply(content), 'the answer.deep[0][a b]'],
		] as const;
		for (const [action, path] of cases) {
			const { code, detail = '', attempts, dead } = await endOf(t, action);
			assert.deepEqual([code, attempts, dead], ['not_sendable', 1, 1], detail);
			assert.ok(detail.startsWith(path) && detail.includes(` is ${why}`), detail);
		}
	}
});

test('what JSON carries is sent as it is, and fields that are undefined are left out', async (t) => {
	const plain = {
		type: 'ADD',
		list: [null, true, 'a\ud83d\ude00'],
		'__proto__ ': 1,
		none: undefined,
	};
	const { code, sunk } = await endOf(t, send({ method: sink, event: plain }));
	assert.equal(code, undefined);
	assert.deepEqual(JSON.parse(sunk[0] ?? ''), {
		type: 'ADD',
		list: [null, true, 'a😀'],
		'__proto__ ': 1,
	});
	assert.equal((await endOf(t, reply('text'))).sunk[0], 'text');
});

test('content that is neither text nor bytes is refused, though no compiler has seen the machine', async (t) => {
	const cases = [
		send({ method: sink, data: new Map() as never }),
		send({ method: sink, args: [1] as never }),
		publish('topic', { a: 1 } as never),
		reply('half \ud800'),
	];
	for (const action of cases) assert.equal((await endOf(t, action)).code, 'not_sendable');
});

test('a field of a message that is none is refused in its turn, and not sent as something else', async (t) => {
	const wrong = [
		{ kind: 'CommandAck' },
		{ ttl: NaN },
		{ methodTimeout: Infinity },
		{ onCrash: 'x' },
	];
	for (const more of wrong) {
		const { code, attempts, sunk } = await endOf(t, send({ method: sink, ...more } as never));
		assert.deepEqual([code, attempts, sunk.length], ['bad_message', 1, 0], JSON.stringify(more));
	}
});

test('an answer of a later turn, and the output of an ended machine, are refused alike', async (t) => {
	const late = create({ id: 'm', on: { GO: {}, SPEAK: { actions: answer(new Map() as never) } } });
	const ending = create({
		id: 'm',
		initial: 'a',
		output: { seats: new Map() },
		states: { a: { on: { GO: 'b' } }, b: { type: 'final' } },
	});
	const actors = [
		defineActor({ name: 'late', version: 1, machine: late, answersLater: ['GO'] }),
		defineActor({ name: 'ending', version: 1, machine: ending }),
	];
	const node = await startActorNode(t, { actors });
	await node.send('late', 'GO');
	const ids = [await node.send('late', 'SPEAK'), await node.send('ending', 'GO')];
	for (const name of ['late', 'ending']) await node.idle(name);
	assert.deepEqual(
		ids.map((id) => node.ledger.get(id)?.result?.detail),
		['the answer is an instance of Map', 'the answer.seats is an instance of Map'],
	);
	assert.equal(node.stored('ending')?.state.value ?? 'a', 'a');
	assert.equal(node.stored('late')?.owed?.length, 1);
	await node.stop();
});
