import assert from 'node:assert/strict';
import test from 'node:test';
import { seededChance } from '../../runtime/platform/clock.ts';
import { slopeOf, trendOf, type Sample } from './soak-verdict.ts';

const samplesOf = (value: (second: number) => number): readonly Sample[] =>
	Array.from({ length: 60 }, (_, second) => ({ atMs: second * 1000, value: value(second) }));

const named = { name: 'heap', unit: 'MB' };
const tolerance = { share: 0.1, least: 1 };

test('the slope of a straight line is that of the line, wherever it begins', () => {
	assert.equal(slopeOf(samplesOf((second) => 7 + 3 * second)), 0.003);
});

test('one sample, or none, has no slope', () => {
	assert.equal(slopeOf([{ atMs: 5, value: 5 }]), 0);
	assert.equal(slopeOf([]), 0);
});

test('a figure that rises by more than the limit over the measured time is growing', () => {
	const trend = trendOf(
		named,
		samplesOf((second) => 20 + second * 0.1),
		tolerance,
	);
	assert.equal(trend.verdict, 'growing');
	assert.equal(trend.growth, 5.9);
	assert.equal(trend.perHour, 360);
	assert.equal(trend.limit, 2.3);
});

test('a figure that goes up and down is flat, and so is one that falls', () => {
	const chance = seededChance(7);
	const noisy = samplesOf((second) => (second % 10) * 0.5 + 20 + chance());
	assert.equal(trendOf(named, noisy, tolerance).verdict, 'flat');
	const falling = samplesOf((second) => 100 - second);
	assert.equal(trendOf(named, falling, tolerance).verdict, 'flat');
});

test('a figure that is small may rise by the least that is tolerated', () => {
	const small = samplesOf((second) => second * 0.01);
	assert.equal(trendOf(named, small, tolerance).verdict, 'flat');
	assert.equal(trendOf(named, small, { share: 0.1, least: 0.5 }).verdict, 'growing');
});
