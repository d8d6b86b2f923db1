/**
 * Random values for contexts, each with the knowledge whether a durable actor keeps it. The
 * knowledge comes from how the value was made, not from the code that is tested.
 *
 * @module
 */
import { Buffer } from 'node:buffer';
import * as fc from 'fast-check';

/** A value, and whether it is the same after a reload; else it must be refused. */
export interface Judged {
	readonly value: unknown;
	readonly isKept: boolean;
}

class Seat {
	readonly row = 1;
}

/** Values that look like kept ones, and are not. */
const unkept: readonly (() => unknown)[] = [
	() => () => 1,
	() => Symbol('s'),
	() => new Seat(),
	() => /x/g,
	() => new URL('http://localhost/'),
	() => new Float64Array([1.5]),
	() => new BigInt64Array(1),
	() => new DataView(new ArrayBuffer(1)),
	() => new ArrayBuffer(1),
	() => Object('boxed'),
	() => Object(1n),
	() => new (class Plan extends Map {})(),
	() => new (class Late extends Date {})(0),
	() => new (class List extends Array {})(),
	() => new (class Mine extends Error {})('mine'),
	() => new AggregateError([], 'many'),
	() => new WeakMap(),
	() => Promise.resolve(1),
	() => (function* () {})(),
	() => Object.assign(Array(2), { 1: 'hole' }),
	() => Object.assign([1], { more: 1 }),
	() => Object.defineProperty([1], 'hidden', { value: 1 }),
	() => Object.defineProperty({ a: 1 }, 'hidden', { value: 1 }),
	() => Object.defineProperty(new Error('e'), 'hidden', { value: 1 }),
	() => Object.assign(new Date(0), { zone: 'UTC' }),
	() => Object.assign(new Map(), { size2: 1 }),
	() => ({ [Symbol('s')]: 1 }),
	() => Object.create({ inherited: 1 }),
	() => 'half \ud800',
	() => ['\udc00'],
	() => ({ '\ud800': 1 }),
	() => new Map([['\udfff', 1]]),
	() => {
		const circle: unknown[] = [];
		circle.push({ circle });
		return circle;
	},
	() => {
		const circle = new Map();
		circle.set('self', circle);
		return circle;
	},
];

const keptLeaf = fc.oneof(
	fc.double(),
	fc.integer(),
	fc.constantFrom(-0, NaN, Infinity, -Infinity, 2 ** 53, -(2 ** 63), 2 ** 64),
	fc.bigInt(),
	fc.constantFrom(2n ** 63n, -(2n ** 63n) - 1n, 2n ** 64n),
	fc.string({ unit: 'grapheme' }),
	fc.constantFrom('__proto__', '$reeve', '\0', '\uffff', '👍🏽', 'toJSON'),
	fc.boolean(),
	fc.constantFrom(null, undefined),
	fc.date({ noInvalidDate: false }),
	fc.uint8Array({ maxLength: 9 }),
	fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)),
	fc.string().map((text) => new Error(text)),
	fc.string().map((text) => Object.assign(new TypeError(text, { cause: text }), { code: text })),
);

const leaf: fc.Arbitrary<Judged> = fc.oneof(
	{ weight: 30, arbitrary: keptLeaf.map((value) => ({ value, isKept: true })) },
	{
		weight: 1,
		arbitrary: fc.constantFrom(...unkept).map((make) => ({ value: make(), isKept: false })),
	},
);

const fieldName = fc.oneof(
	fc.constantFrom('__proto__', '$reeve', 'toJSON', 'constructor', 'length', '0', 'é', 'a b'),
	fc.string({ maxLength: 5 }),
);

/** Plain data, `Map`, `Set` and the rest, nested in one another. */
export const anyValue: fc.Arbitrary<Judged> = fc.letrec<{ value: Judged }>((tie) => {
	const items = fc.array(tie('value'), { maxLength: 4 });
	const entries = fc.array(fc.tuple(fieldName, tie('value')), { maxLength: 4 });
	const pairs = fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 });
	const all = (inner: readonly Judged[]) => inner.every(({ isKept }) => isKept);
	const object = (fields: readonly (readonly [string, Judged])[], target: object): Judged => {
		const last = new Map(fields);
		for (const [name, { value }] of last) {
			const field = { value, enumerable: true, writable: true, configurable: true };
			Object.defineProperty(target, name, field);
		}
		return { value: target, isKept: all([...last.values()]) };
	};
	return {
		value: fc.oneof(
			{ maxDepth: 4, depthSize: 'small' },
			leaf,
			items.map((inner) => ({ value: inner.map(({ value }) => value), isKept: all(inner) })),
			entries.map((fields) => object(fields, {})),
			entries.map((fields) => object(fields, Object.create(null) as object)),
			pairs.map((inner) => {
				// Of two pairs with one key the later one is there.
				const last = new Map(inner.map((pair) => [pair[0].value, pair]));
				return {
					value: new Map([...last].map(([key, [, item]]) => [key, item.value])),
					isKept: all([...last.values()].flat()),
				};
			}),
			items.map((inner) => ({
				value: new Set(inner.map(({ value }) => value)),
				isKept: all(inner),
			})),
		),
	};
}).value;
