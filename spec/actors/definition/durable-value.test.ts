import assert from 'node:assert/strict';
import test from 'node:test';
import { createActor, createMachine } from 'xstate';
import {
	detached,
	durable,
	packDurable,
	unpackDurable,
} from '../../../actors/definition/durable-value.ts';
import { seededChance } from '../../../runtime/platform/clock.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';

const coded = Object.assign(new TypeError('no seat', { cause: new Error('why') }), { code: 'E1' });

/** Values that are kept, each of its own kind. */
const kept: readonly unknown[] = [
	0,
	-0,
	NaN,
	-Infinity,
	2 ** 53,
	'',
	'👍🏽',
	true,
	null,
	undefined,
	5n,
	-(2n ** 63n),
	2n ** 63n,
	2n ** 90n,
	new Date(1234),
	new Map<unknown, unknown>([[{ row: 1 }, new Set([1])]]),
	new Set([new Date(0), 'a']),
	new Uint8Array([1, 2]),
	Buffer.from('ab'),
	new Error('plain'),
	new RangeError(),
	coded,
	Object.assign(Object.create(null) as object, { a: 1 }),
	JSON.parse('{"__proto__":{"a":1},"b":2}'),
	{ $reeve: ['map', []] },
	{ toJSON: 'text' },
	{ constructor: 1, hasOwnProperty: 2, 1: 'one' },
	[undefined, null],
];

class Seat {
	readonly row = 1;
}

const anActor = createActor(createMachine({}));

/** Values that are refused, with the reason. */
const refused: readonly (readonly [unknown, RegExp])[] = [
	[() => 1, /is a function$/],
	[Symbol('s'), /is a symbol$/],
	[new Seat(), /is an instance of Seat$/],
	[/x/, /is an instance of RegExp$/],
	[new URL('http://localhost'), /is an instance of URL$/],
	[new Int8Array(2), /is an instance of Int8Array$/],
	[new ArrayBuffer(2), /is an instance of ArrayBuffer$/],
	[Object('boxed'), /is an instance of String$/],
	[new (class Plan extends Map {})(), /is an instance of Plan$/],
	[new (class Mine extends Error {})(), /is an instance of Mine$/],
	[Object.assign(new Uint8Array(2), { x: 1 }), /is an instance of Uint8Array$/],
	[Object.assign(Buffer.alloc(2), { x: 1 }), /is an instance of Buffer$/],
	[Promise.resolve(1), /is an instance of Promise$/],
	[anActor, /is a reference to an actor$/],
	['half \ud800', /is text with half a surrogate pair$/],
	['abc'.match(/b/), /is a list with holes, or with fields beside its items$/],
	[Object.assign([], { 1: 1 }), /is a list with holes/],
	[Object.defineProperty([1], 'hidden', { value: 1 }), /is a list with holes, or with fields/],
	[Object.defineProperty({}, 'hidden', { value: 1 }), /is an object with the hidden field hidden$/],
	[{ '\ud800': 1 }, /is an object with half a surrogate pair in a key$/],
	[{ [Symbol('s')]: 1 }, /is an object with a symbol as a key$/],
	[Object.create(Date.prototype), /is not readable: /],
	[Object.create(Map.prototype), /is not readable: /],
	[new Proxy(new Map(), {}), /is not readable: /],
	[Object.create(Error.prototype), /is an instance of Error$/],
	[
		Object.defineProperty({}, 'shut', {
			enumerable: true,
			get() {
				throw new TypeError('no');
			},
		}),
		/is not readable: no$/,
	],
];

const reloaded = (value: unknown): unknown => unpackDurable(packDurable(durable(value, 'context')));

test('each kind of value that a state may hold is the same after a reload', () => {
	for (const value of kept) {
		assert.deepStrictEqual(durable(value, 'context'), value);
		assert.deepStrictEqual(reloaded(value), value);
		assert.deepStrictEqual(reloaded({ a: [value], m: new Map([['k', value]]) }), {
			a: [value],
			m: new Map([['k', value]]),
		});
	}
	const again = reloaded(coded) as typeof coded;
	assert.equal(again.stack, coded.stack);
	assert.equal(Object.keys(again).join(), 'code');
	assert.ok(Number.isNaN(Number(reloaded(new Date(NaN)))));
	assert.equal(Object.getPrototypeOf(reloaded(new Uint8Array(1))), Uint8Array.prototype);
});

test('a value that cannot be kept is refused, and its path is named', () => {
	const refusal = (value: unknown) => {
		try {
			durable(value, 'context');
		} catch (thrown) {
			assert.ok(thrown instanceof ReeveError && thrown.code === 'not_storable');
			return thrown.detail;
		}
		return assert.fail('it is taken');
	};
	for (const [value, why] of refused) {
		assert.match(refusal({ seats: [{ 'a b': value }] }), why);
		assert.match(refusal({ seats: [{ 'a b': value }] }), /^context\.seats\[0\]\[a b\] is/);
		assert.match(refusal(new Map([['here', value]])), /^context\.here is/);
	}
	const circle: { self?: unknown } = {};
	circle.self = [circle, circle];
	assert.match(refusal(circle), /^context\.self.*is more than 200 deep, or contains itself$/);
	const nested = (depth: number): unknown => (depth === 0 ? 'inside' : [nested(depth - 1)]);
	assert.deepStrictEqual(durable(nested(200), 'context'), nested(200));
	assert.match(refusal(nested(201)), /more than 200 deep/);
});

test('a copy shares no object with its source, and leaves what cannot be kept as it is', () => {
	const seat = new Seat();
	const source = { list: [{ n: 1 }], seat, map: new Map([['k', [1]]]), half: '\ud800' };
	const copy = detached(source);
	assert.deepStrictEqual(copy, source);
	assert.notEqual(copy.list[0], source.list[0]);
	assert.notEqual(copy.map.get('k'), source.map.get('k'));
	assert.equal(copy.seat, seat);
	const circle: { self?: unknown } = {};
	circle.self = [circle, circle];
	const round = detached(circle) as { self: readonly unknown[] };
	assert.equal(round.self[0], round);
});

/** A value of any form, of the kinds that are kept and, seldom, of those that are not. */
function anyValue(chance: () => number, depth = 4): unknown {
	const pick = <Value>(values: readonly Value[]) => values[Math.floor(chance() * values.length)];
	const kind = Math.floor(chance() * 7);
	if (depth === 0 || kind < 2) return chance() < 0.03 ? pick(refused)?.[0] : pick(kept);
	const items = Array.from({ length: Math.floor(chance() * 4) }, () => anyValue(chance, depth - 1));
	if (kind < 4) return items;
	const entries = items.map((item, at) => [pick(['a', '__proto__', '$reeve', 'é']) ?? at, item]);
	if (kind === 4) return new Map(entries as [unknown, unknown][]);
	return kind === 5 ? new Set(items) : Object.fromEntries(entries as [string, unknown][]);
}

test('a random value is the same after a reload, or is refused by name', () => {
	const counts = { same: 0, refused: 0 };
	for (let seed = 1; seed <= 3000; seed += 1) {
		const value = anyValue(seededChance(seed));
		let found: unknown;
		try {
			found = reloaded(value);
		} catch (thrown) {
			assert.ok(thrown instanceof ReeveError && thrown.code === 'not_storable', `seed ${seed}`);
			counts.refused += 1;
			continue;
		}
		assert.deepStrictEqual(found, value, `seed ${seed}`);
		counts.same += 1;
	}
	assert.ok(counts.same > 1000 && counts.refused > 100, JSON.stringify(counts));
});
