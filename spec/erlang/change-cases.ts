/**
 * Scenarios by hand: starts that fail or ignore, and hot changes.
 *
 * @module
 */
import {
	abc,
	busy,
	call,
	change,
	count,
	crash,
	exit,
	faults,
	start,
	staticStrategies,
	story,
	supervisor,
	top,
	which,
	worker,
	type Act,
	type Plan,
	type Story,
	type SupervisorPlan,
} from './scenario.ts';

type Strategy = (typeof staticStrategies)[number];

const [a, b, c] = [worker('a'), worker('b'), worker('c')];
const temporary = (id: string) => worker(id, { restart: 'temporary' });
const often = (strategy: string, ...children: readonly Plan[]): SupervisorPlan =>
	top(strategy, children, { intensity: 9 });
const ofA = top('one_for_one', [a]);
const withT = change(top('one_for_one', [a, temporary('t')]));

const single: readonly Story[] = [
	story('change: everything', top('one_for_one', abc, { intensity: 5 }), [
		change(top('one_for_all', [worker('n'), temporary('b'), a], { intensity: 5 })),
		which,
		call('restart', 'n'),
		call('getspec', 'b'),
		crash('top/a'),
		which,
	]),
	story(
		'change: order of what is left over',
		top('rest_for_one', [a, b, c, worker('d')], { intensity: 5 }),
		[
			change(top('rest_for_one', [worker('d'), b], { intensity: 5 })),
			crash('top/b'),
			crash('top/a'),
		],
	),
	story('change: a new temporary child, restarted by hand, ignores', ofA, [
		withT,
		which,
		faults('top/t', 'ignore'),
		call('restart', 't'),
		which,
		call('restart', 't'),
	]),
	story('change: a new temporary child, terminated', ofA, [withT, call('terminate', 't'), which]),
	story('change: ignore changes nothing', top('one_for_one', abc), [
		change(top('one_for_one', [], { ignore: true })),
		which,
	]),
	story('change: static to pool', ofA, [change(top('simple_one_for_one', [a]))]),
	story(
		'change: a nested supervisor is restarted with what it was started with',
		top('one_for_one', [{ ...supervisor('s', 'one_for_one', [a]), intensity: 0 }]),
		[
			{
				do: 'change',
				sup: 'top/s',
				plan: { ...supervisor('s', 'one_for_one', [a, b]), intensity: 0 },
			},
			{ do: 'which', sup: 'top/s' },
			crash('top/s/a'),
		],
	),
];

const running = (strategy: Strategy): readonly Story[] => {
	const after = often(strategy, a, temporary('b'), c);
	const without = often(strategy, a, c);
	return [
		story(
			`change: ${strategy}, a running child becomes temporary and crashes`,
			often(strategy, ...abc),
			[change(after), crash('top/b'), which],
		),
		story(`change: ${strategy}, a new temporary child in the group`, without, [
			change(after),
			crash('top/a'),
			which,
		]),
		story(`change: ${strategy}, a new permanent child in the group`, without, [
			change(often(strategy, ...abc)),
			crash('top/a'),
			which,
		]),
		story(`change: ${strategy} to rest_for_one`, often(strategy, ...abc), [
			change(often('rest_for_one', ...abc)),
			crash('top/b'),
		]),
	];
};

const restarting = (strategy: Strategy): readonly Story[] => {
	const during = (name: string, after: SupervisorPlan, ...more: readonly Act[]): Story =>
		story(`change: ${strategy}, while b is restarting ${name}`, often(strategy, ...abc), [
			faults('top/b', 'error', 'error'),
			busy(crash('top/b'), change(after), ...more),
			which,
		]);
	const gone = often(strategy, a, temporary('b'), c);
	return [
		during('it becomes temporary', gone),
		during('it becomes temporary and ignores', gone, faults('top/b', 'ignore')),
		during('it is left over', often(strategy, a, c)),
		during('it is moved to the end', often(strategy, a, c, b)),
		during('a child is added before it', often(strategy, a, worker('n'), b, c)),
		during('intensity becomes 0', top(strategy, abc, { intensity: 0 })),
	];
};

const starts = (strategy: Strategy): readonly Story[] => {
	const plan = often(strategy, ...abc);
	const nested = supervisor('s', strategy, abc);
	const ignoring = { ...nested, ignore: true };
	return [
		story(`start: ${strategy}, the last child fails`, plan, {
			init: [faults('top/c', 'error')],
			steps: [start(worker('q'))],
		}),
		story(`start: ${strategy}, the first child ignores`, plan, {
			init: [faults('top/a', 'ignore', 'ignore')],
			steps: [crash('top/b'), crash('top/c')],
		}),
		story(`start: ${strategy}, a nested one fails`, top(strategy, [a, nested, c]), {
			init: [faults('top/s/b', 'exception')],
			steps: [],
		}),
		story(`start: ${strategy}, a nested one ignores`, top(strategy, [a, ignoring, c]), [
			crash('top/a'),
			call('restart', 's'),
			count,
		]),
		story(
			`start: ${strategy}, a nested temporary one ignores`,
			top(strategy, [a, { ...ignoring, restart: 'temporary' }]),
			[count],
		),
	];
};

/** The scenarios. */
export const changeCases: readonly Story[] = [
	...single,
	...staticStrategies.flatMap((strategy) => [
		...running(strategy),
		...restarting(strategy),
		...starts(strategy),
	]),
	story('start: the top ignores', top('one_for_one', abc, { ignore: true }), [which]),
	story('start: a temporary child ends at once', top('one_for_one', [temporary('a'), b]), [
		exit('top/a', 'normal'),
		which,
	]),
];
