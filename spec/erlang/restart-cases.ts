/**
 * Scenarios by hand: restarts under each of the static strategies, and how they fail.
 *
 * @module
 */
import {
	abc,
	busy,
	call,
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
	type Story,
} from './scenario.ts';

type Strategy = (typeof staticStrategies)[number];

const failedStarts = (strategy: Strategy): readonly Story[] =>
	(['error', 'exception', 'badreturn', 'ignore'] as const).flatMap((result) => {
		const plan = top(strategy, abc, { intensity: 3 });
		const forEver = Array.from({ length: 9 }, () => result);
		return [
			story(`${strategy}: restart ${result} once`, plan, [
				faults('top/b', result),
				crash('top/b'),
				count,
			]),
			story(`${strategy}: restart ${result} of another`, plan, [
				faults('top/c', result, result),
				crash('top/b'),
			]),
			story(`${strategy}: restart ${result} of one before`, plan, [
				faults('top/a', result),
				crash('top/b'),
			]),
			story(`${strategy}: restart ${result} for ever`, plan, [
				faults('top/b', ...forEver),
				crash('top/b'),
			]),
		];
	});

const reasons = ['normal', 'shutdown', 'shutdown_x', 'crash', 'killed', 'kill'];
const mixed = [
	worker('a', { restart: 'temporary' }),
	worker('b'),
	worker('c', { restart: 'temporary' }),
	worker('d', { restart: 'transient' }),
];

const byReason = (strategy: Strategy): readonly Story[] =>
	mixed.flatMap(({ id }) =>
		reasons.map((reason) =>
			story(
				`${strategy}: temporary before and after, ${id} ${reason}`,
				top(strategy, mixed, { intensity: 3 }),
				[exit(`top/${id}`, reason), crash('top/b')],
			),
		),
	);

const meanwhile = (strategy: Strategy): readonly Story[] => {
	const plan = top(strategy, abc, { intensity: 5 });
	const fails = faults('top/b', 'error', 'error');
	return [
		story(`${strategy}: a terminated sibling`, top(strategy, abc, { intensity: 3 }), [
			call('terminate', 'c'),
			call('terminate', 'a'),
			crash('top/b'),
			call('delete', 'a'),
		]),
		story(`${strategy}: calls between tries`, plan, [
			fails,
			busy(
				crash('top/b'),
				which,
				call('restart', 'b'),
				call('delete', 'b'),
				count,
				start(worker('b')),
			),
		]),
		story(`${strategy}: terminate a restarting child`, plan, [
			fails,
			busy(crash('top/b'), call('terminate', 'b'), which, call('delete', 'b')),
		]),
	];
};

const unnoticed = (strategy: Strategy): readonly Story[] => {
	const b = (more: object) => top(strategy, [worker('a'), worker('b', more)]);
	const transient = worker('c', { restart: 'transient' });
	return [
		story(
			`${strategy}: a sibling is dead already when the group is stopped`,
			top(strategy, [worker('a'), worker('b', { restart: 'transient' }), worker('c')], {
				intensity: 5,
			}),
			[busy(crash('top/a'), exit('top/b', 'normal'), exit('top/c', 'kill'))],
		),
		story(
			`${strategy}: brutal_kill of a temporary that is dead already`,
			b({ restart: 'temporary', shutdown: 'brutal_kill' }),
			[busy(call('terminate', 'b'), exit('top/b', 'normal'))],
		),
		story(
			`${strategy}: brutal_kill of a transient that is dead already`,
			b({ restart: 'transient', shutdown: 'brutal_kill' }),
			[busy(call('terminate', 'b'), exit('top/b', 'shutdown'))],
		),
		story(
			`${strategy}: brutal_kill of a permanent that is dead already`,
			b({ shutdown: 'brutal_kill' }),
			[busy(call('terminate', 'b'), exit('top/b', 'shutdown_x'))],
		),
		story(
			`${strategy}: ms shutdown of a dead child`,
			top(strategy, [worker('a'), worker('b'), transient]),
			[
				busy(call('terminate', 'b'), exit('top/b', 'shutdown_x')),
				busy(call('terminate', 'c'), exit('top/c', 'crash')),
			],
		),
	];
};

const nested = (strategy: Strategy): readonly Story[] => {
	const around = (more: object, inner = 'one_for_one') =>
		top(
			strategy,
			[worker('x'), { ...supervisor('s', inner, abc), intensity: 0, ...more }, worker('z')],
			{ intensity: 2 },
		);
	const deepest = { ...supervisor('t', 'one_for_one', abc), intensity: 1 };
	const middle = { ...supervisor('s', 'one_for_one', [deepest]), intensity: 1 };
	return [
		story(`${strategy}: giving up below`, around({}), [
			crash('top/s/a'),
			crash('top/s/b'),
			crash('top/s/c'),
		]),
		...['permanent', 'transient', 'temporary'].map((restart) =>
			story(`${strategy}: a ${restart} supervisor gives up`, around({ restart }, 'one_for_all'), [
				crash('top/s/b'),
				call('restart', 's'),
			]),
		),
		story(
			`${strategy}: three levels give up`,
			top(strategy, [middle], { intensity: 1 }),
			Array.from({ length: 9 }, () => crash('top/s/t/a')),
		),
		story(`${strategy}: nested cannot start again`, around({}), [
			faults('top/s/b', 'error', 'error'),
			crash('top/s/a'),
		]),
	];
};

/** The scenarios. */
export const restartCases: readonly Story[] = staticStrategies.flatMap((strategy) => [
	...failedStarts(strategy),
	...byReason(strategy),
	...meanwhile(strategy),
	...unnoticed(strategy),
	...nested(strategy),
]);
