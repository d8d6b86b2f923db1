/**
 * Scenarios by hand: how children and supervisors are stopped and killed.
 *
 * @module
 */
import {
	abc,
	busy,
	call,
	crash,
	exit,
	start,
	staticStrategies,
	stop,
	story,
	supervisor,
	top,
	worker,
	type Act,
	type Story,
	type Trap,
} from './scenario.ts';

const restarts = ['permanent', 'transient', 'temporary'];
const traps: readonly Trap[] = ['no', 'yes', 'slow', 'refuse', 'normal', 'crash'];

const byTrap = traps.flatMap((trap) =>
	restarts.flatMap((restart): readonly Story[] => {
		const child = worker('a', { trap, restart, shutdown: trap === 'refuse' ? 40 : 400 });
		const one = top('one_for_one', [child]);
		const killed = top('one_for_one', [{ ...child, shutdown: 'brutal_kill' }]);
		const many = top('simple_one_for_one', [child]);
		return [
			story(`stop of ${restart}, trap ${trap}`, one, [call('terminate', 'a')]),
			story(`brutal_kill of ${restart}, trap ${trap}`, killed, [call('terminate', 'a')]),
			story(`pool of ${restart}, trap ${trap}`, many, ['d1', 'd2', 'd3'].map(start)),
		];
	}),
);

const dynamics = (length: number): readonly Act[] =>
	Array.from({ length }, (_, at) => start(`d${at}`));

const three = ['d1', 'd2', 'd3'].map(start);
const deadOnes = busy(stop, crash('top/d2'), exit('top/d1', 'normal'));
const refusing = (shutdown: number | string) =>
	top('simple_one_for_one', [worker('a', { trap: 'refuse', shutdown })]);

const pools: readonly Story[] = [
	story('pool: many children, some refuse', refusing(60), dynamics(60)),
	story('pool: brutal_kill of many', refusing('brutal_kill'), dynamics(40)),
	story(
		'pool: some dead already when it stops',
		top('simple_one_for_one', [worker('a', { restart: 'temporary' })]),
		[...three, deadOnes],
	),
	story(
		'pool: permanent, some dead already when it stops',
		top('simple_one_for_one', [worker('a', { shutdown: 'brutal_kill' })]),
		[...three, deadOnes],
	),
];

const atOnce: readonly Story[] = traps.map((trap) =>
	story(`shutdown 0, trap ${trap}`, top('one_for_one', [worker('a', { shutdown: 0, trap })]), [
		call('getspec', 'a'),
		call('terminate', 'a'),
	]),
);

const groups = staticStrategies.map((strategy) => {
	const children = [
		worker('a'),
		worker('b', { trap: 'slow' }),
		worker('c', { trap: 'refuse', shutdown: 40 }),
		worker('d', { trap: 'normal', restart: 'transient' }),
		worker('e', { trap: 'crash' }),
		worker('f', { shutdown: 'brutal_kill', trap: 'yes' }),
	];
	const plan = top(strategy, children);
	return story(`group: ${strategy}, members stop in all ways`, plan, [crash('top/a')]);
});

const byParent = ['shutdown', 'normal', 'crash', 'killed', 'shutdown_x'].map((reason) =>
	story(
		`stop of the top by its parent: ${reason}`,
		top('rest_for_one', [...abc, supervisor('s', 'one_for_all', abc)]),
		[{ do: 'stop', reason }],
	),
);

const inner = (more: object, ...children: readonly Parameters<typeof supervisor>[2][number][]) => ({
	...supervisor('s', 'one_for_one', children),
	...more,
});
const below = supervisor('t', 'one_for_one', [worker('a'), worker('b')]);
const kill = (path: string): Act => ({ do: 'killsup', path });

const kills: readonly Story[] = [
	story('kill: a supervisor of workers', top('one_for_one', [inner({}, ...abc)]), [kill('top/s')]),
	story(
		'kill: a supervisor of workers that trap',
		top('one_for_one', [inner({}, worker('a', { trap: 'yes' }), worker('b'))]),
		[kill('top/s')],
	),
	story(
		'kill: a supervisor of supervisors',
		top('one_for_one', [inner({ restart: 'temporary' }, below)]),
		[kill('top/s')],
	),
	story(
		'kill: brutal_kill of a supervisor of supervisors',
		top('one_for_one', [inner({ shutdown: 'brutal_kill' }, below)]),
		[call('terminate', 's')],
	),
	story(
		'kill: the top',
		top('one_for_one', [worker('a'), supervisor('t', 'one_for_one', [worker('b')])]),
		[kill('top')],
	),
];

/** The scenarios. */
export const stopCases: readonly Story[] = [
	...byTrap,
	...pools,
	...atOnce,
	...groups,
	...byParent,
	...kills,
];
