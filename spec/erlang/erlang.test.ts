/**
 * Our supervisors beside Erlang's: scenarios by hand, and random ones of a seed that is drawn anew
 * each time. For more of them: `npm run otp -- --seed N --scenarios N`.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { realClock } from '../../runtime/platform/clock.ts';
import { missing } from '../support/broker.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { ordered } from './comparison.ts';
import { cornerCases } from './corner-cases.ts';
import { declaredDifferences, declaredRows } from './declared-differences.ts';
import { createErlangPlayer } from './erlang-player.ts';
import { termOf } from './erlang-terms.ts';
import { differenceText, equalNow, judge, undeclared } from './judgement.ts';
import { firstRandomId, randomScenarios } from './random-scenario.ts';
import { playHere } from './reeve-player.ts';
import { shrink, smaller } from './shrinking.ts';
import { crash, story, top, worker } from './scenario.ts';

const randomOnes = 300;
/** So many must be compared, even if others are left out since the machine has other work. */
const comparedMin = 300;

test(
	'scenarios, random and by hand, go as on the supervisor of Erlang, but for what is declared',
	{ skip: missing('erl') || missing('erlc'), timeout: 300_000 },
	async (t) => {
		const seed = Math.floor(realClock.random() * 1e6);
		t.diagnostic(`seed ${seed}`);
		const player = await createErlangPlayer(temporaryFolder(t));
		const scenarios = [...cornerCases, ...randomScenarios(seed, randomOnes)];
		const judgement = await judge(player, scenarios);
		const { compared, slow } = judgement;
		t.diagnostic(`${compared} scenarios compared, ${slow.length} left out as too slow`);
		const [odd] = undeclared(judgement);
		if (odd) assert.fail(`seed ${seed}: ${differenceText(await shrink(player, odd))}`);
		assert.deepEqual(equalNow(judgement, scenarios), [], 'they are declared as different');
		assert.ok(compared >= comparedMin, `${slow.length} scenarios were too slow`);
	},
);

test('the documentation declares the differences to Erlang that the comparison allows, and no others', () => {
	assert.deepEqual(
		declaredDifferences.map(({ row }) => row),
		declaredRows(),
	);
	for (const { row, scenarios } of declaredDifferences) {
		assert.ok(
			cornerCases.some(({ name }) => scenarios.test(name)),
			`no scenario shows: ${row}`,
		);
	}
});

test('scenarios by hand have names of their own, and numbers below the random ones', () => {
	assert.equal(new Set(cornerCases.map(({ name }) => name)).size, cornerCases.length);
	assert.ok(cornerCases.length < firstRandomId);
});

test('the scenarios of a seed are the same each time, and others are of another seed', () => {
	assert.deepEqual(randomScenarios(7, 20), randomScenarios(7, 20));
	assert.notDeepEqual(randomScenarios(7, 20), randomScenarios(8, 20));
	assert.deepEqual(randomScenarios(7, 20).slice(0, 5), randomScenarios(7, 5));
});

test('a scenario is an Erlang term: atoms, maps and lists', () => {
	const plan = top('one_for_one', [worker('a', { shutdown: 40, significant: false })]);
	const term =
		"#{'kind' => 'sup','id' => 'top','strategy' => 'one_for_one'," +
		"'children' => [#{'kind' => 'worker','id' => 'a','shutdown' => 40,'significant' => false}]}";
	assert.equal(termOf(plan), term);
	assert.equal(termOf("it's \\ done"), "'it\\'s \\\\ done'");
});

test('ends of the children of one pool are compared without their order, others with it', () => {
	const pool = { ...top('simple_one_for_one', [worker('a')]), id: 'p' };
	const scenario = { ...story('pools', top('one_for_one', [pool]), []), id: 1 };
	const ends = ['stop top/p/d2 shutdown', 'stop top/p/d1 shutdown', 'stop top/p shutdown'];
	const [two, one, last] = ends;
	assert.deepEqual(ordered(ends, scenario), [one, two, last]);
	const others = ['stop top/b shutdown', 'stop top/a shutdown'];
	assert.deepEqual(ordered(others, scenario), others);
});

test('a scenario that is made smaller has one thing less', () => {
	const plan = top('one_for_one', [worker('a', { trap: 'refuse', shutdown: 40 })]);
	assert.deepEqual(
		[...smaller(plan)],
		[
			{ ...plan, children: [] },
			{ ...plan, children: [worker('a', { shutdown: 40 })] },
		],
	);
});

test('what happens here is told in the words of the comparison', async () => {
	const plan = top('one_for_one', [worker('a')], { intensity: 0 });
	const scenario = { ...story('gives up', plan, [crash('top/a')]), id: 1 };
	assert.deepEqual(await playHere(scenario), [
		'start top',
		'start top/a',
		'top started',
		'tree top a:running:worker',
		'# 1',
		'stop top/a crash',
		'report top child_terminated a crash',
		'report top shutdown a reached_max_restart_intensity',
		'stop top shutdown',
		'# end',
	]);
});
