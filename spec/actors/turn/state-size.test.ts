import assert from 'node:assert/strict';
import test from 'node:test';
import { bytesAtMost } from '../../../actors/turn/state-size.ts';
import { seededChance } from '../../../runtime/platform/clock.ts';
import { pack } from '../../../runtime/message/codec.ts';

type Chance = () => number;

const texts = [
	'',
	'a',
	'longer than a short one',
	'ä',
	'漢字',
	'漢字'.repeat(50),
	'👍🏽',
	'x'.repeat(300),
	'\ud800',
];
const plainValues = [
	0,
	-1,
	127,
	2 ** 31,
	2 ** 53,
	-(2 ** 40),
	0.1,
	NaN,
	true,
	false,
	null,
	undefined,
];

/** Plain data of any form. */
function data(chance: Chance, depth = 3): unknown {
	const pick = <Value>(values: readonly Value[]) => values[Math.floor(chance() * values.length)];
	const kind = Math.floor(chance() * (depth > 0 ? 4 : 2));
	if (kind === 0) return pick(plainValues);
	if (kind === 1) return pick(texts);
	const count = Math.floor(chance() * 4);
	const items = Array.from({ length: count }, () => data(chance, depth - 1));
	if (kind === 2) return items;
	return Object.fromEntries(items.map((item, at) => [`${pick(texts)}${at}`, item]));
}

test('plain data never takes more bytes than the upper limit', () => {
	let known = 0;
	for (let seed = 1; seed <= 2000; seed += 1) {
		const value = data(seededChance(seed));
		const most = bytesAtMost(value);
		assert.ok(pack(value).byteLength <= most, `seed ${seed}: ${JSON.stringify(value)}`);
		if (most < Infinity) known += 1;
	}
	assert.ok(known > 1000, `${known} of 2000 were small`);
});

test('large data, or data that is not plain, has no upper limit', () => {
	const circle: { self?: unknown } = {};
	circle.self = circle;
	const large = Array.from({ length: 1000 }, () => 'x');
	for (const value of [circle, large, new Date(0), new Map([[1, 2]]), 5n, new Uint8Array(9)]) {
		assert.equal(bytesAtMost(value), Infinity);
		assert.equal(bytesAtMost({ inside: [value] }), Infinity);
	}
});
