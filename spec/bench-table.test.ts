import assert from 'node:assert/strict';
import test from 'node:test';
import { figureTable, isSkipped, resultObject, summaryObject } from './bench/figure-table.ts';
import {
	atLeast,
	atMost,
	atMostItself,
	atMostMore,
	median,
	quantile,
	summaryOf,
	takeRounds,
	type Round,
} from './bench/figure.ts';

const rounds: readonly Round[] = [
	{ reeve: 20, baseline: 10 },
	{ reeve: 33, baseline: 11 },
	{ reeve: 12, baseline: 12 },
];
const messages = { unit: 'messages/s', ...summaryOf(rounds) };

test('the middle value and a quantile do not depend on the order of the values', () => {
	assert.equal(median([5, 1, 3]), 3);
	assert.equal(quantile([4, 1, 3, 2], 0.5), 3);
	assert.equal(quantile([4, 1, 3, 2], 0.99), 4);
});

test('a summary has the medians of both, and the median and the spread of the ratios', () => {
	assert.deepEqual(summaryOf(rounds), { reeve: 20, baseline: 11, ratio: 2, spread: [1, 3] });
});

test('rounds for warming up are measured and do not count', async () => {
	let count = 0;
	const taken = await takeRounds({ rounds: 2, warmUps: 1 }, () => {
		count += 1;
		return Promise.resolve({ reeve: count, baseline: 1 });
	});
	assert.deepEqual(
		taken.map(({ reeve }) => reeve),
		[2, 3],
	);
});

test('rounds end with the budget, but one always counts', async () => {
	const none = await takeRounds({ rounds: 5, warmUps: 2, budgetMs: 0 }, () =>
		Promise.resolve({ reeve: 1, baseline: 1 }),
	);
	assert.equal(none.length, 1);
});

test('a ratio meets a floor from above, and a ceiling from below', () => {
	const met = (goal: number) => [
		atLeast(goal, { name: 'delivery', ...messages }).met,
		atMost(goal, { name: 'delivery', ...messages }).met,
	];
	assert.deepEqual(
		[met(1.9), met(2), met(2.1)],
		[
			[true, false],
			[true, true],
			[false, true],
		],
	);
});

test('what comes on top of the baseline is compared in its own unit, whatever the ratio is', () => {
	const figure = atMostMore(10, { name: 'memory', unit: 'MB' }, rounds);
	assert.equal(figure.difference, 10);
	assert.deepEqual(figure.spread, [0, 22]);
	assert.equal(figure.ratio, 2);
	assert.equal(figure.met, true);
	assert.equal(atMostMore(9, { name: 'memory', unit: 'MB' }, rounds).met, false);
});

test('an amount that has a goal of its own is compared without the baseline', () => {
	const figure = atMostItself(20, { name: 'start', unit: 'ms' }, rounds);
	assert.deepEqual([figure.met, figure.spread], [true, [12, 33]]);
	assert.equal(atMostItself(19, { name: 'start', unit: 'ms' }, rounds).met, false);
});

const results = [
	{ name: 'delivery', figures: [atLeast(1.5, { name: 'delivery', ...messages })] },
	{
		name: 'memory',
		figures: [
			atMostMore(9, { name: 'memory idle', unit: 'MB' }, rounds),
			atMostItself(30, { name: 'file', unit: 'MB' }, rounds),
		],
	},
];

test('the table says what each goal is about, and marks those that are missed', () => {
	const [head = '', ...lines] = figureTable(results).split('\n');
	const cells = (line: string) => line.split(/ {2,}/);
	assert.deepEqual(cells(head), [
		'name',
		'unit',
		'reeve',
		'baseline',
		'ratio',
		'spread',
		'goal',
		'met',
	]);
	assert.deepEqual(lines.map(cells), [
		['delivery', 'messages/s', '20', '11', '2x', '1 to 3', '>= 1.5x', 'yes'],
		['memory idle', 'MB', '20', '11', '2x, +10', '+0 to +22', '<= +9 MB', 'MISSED'],
		['memory: file', 'MB', '20', '11', '2x', '12 to 33', '<= 30 MB', 'yes'],
	]);
});

test('a benchmark that came to nothing has its line, below those that did', () => {
	const failed = [
		{ name: 'peers', why: 'redis-server is not installed' },
		{ name: 'fan-out-10000', why: 'skipped: takes minutes' },
	];
	assert.deepEqual(figureTable(results, failed).split('\n').slice(-2), [
		'peers  FAILED: redis-server is not installed',
		'fan-out-10000  skipped: takes minutes',
	]);
	assert.deepEqual(failed.map(isSkipped), [false, true]);
});

test('programs read one object for a benchmark, and one for all of them', () => {
	const keys = ['name', 'unit', 'reeve', 'baseline', 'ratio', 'spread', 'goal', 'met'];
	const [one, two] = results.map(resultObject) as Record<string, unknown>[];
	for (const key of keys) assert.ok(one && key in one, key);
	assert.equal(two?.['name'], 'memory');
	assert.ok(Array.isArray(two['rows']) && two['rows'].length === 2);
	const all = summaryObject('two cores', results, []) as { machine: string; rows: object[] };
	assert.equal(all.machine, 'two cores');
	assert.deepEqual(
		all.rows.map((row) => Reflect.get(row, 'name')),
		['delivery', 'memory idle', 'memory: file'],
	);
	assert.ok(all.rows.every((row) => keys.every((key) => key in row)));
	const failed = [{ name: 'peers', why: 'gone' }];
	assert.deepEqual(Reflect.get(summaryObject('two cores', results, failed), 'failed'), failed);
});
