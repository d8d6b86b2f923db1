/**
 * Scenarios by hand: the calls of a supervisor, names, and what is wrong with specifications.
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
	stop,
	story,
	supervisor,
	top,
	which,
	worker,
	type Act,
	type Step,
	type Story,
} from './scenario.ts';

const ofAbc = top('one_for_one', abc);
const often = top('one_for_one', abc, { intensity: 3 });
const empty = top('one_for_one', []);
const temporary = worker('a', { restart: 'temporary' });
const times = (length: number, act: Act): readonly Act[] => Array.from({ length }, () => act);

const administration: readonly Story[] = [
	story('admin: duplicates', ofAbc, [
		start(worker('a')),
		call('terminate', 'a'),
		start(worker('a')),
		call('delete', 'a'),
		start(worker('a')),
		which,
	]),
	story('admin: delete and restart of a running child', ofAbc, [
		call('delete', 'a'),
		call('restart', 'a'),
		...(['delete', 'restart', 'terminate', 'getspec'] as const).map((what) => call(what, 'q')),
	]),
	story('admin: temporary terminated', top('one_for_one', [temporary, worker('b')]), [
		call('terminate', 'a'),
		call('delete', 'a'),
		call('restart', 'a'),
		count,
	]),
	story('admin: terminate twice', ofAbc, [
		call('terminate', 'a'),
		call('terminate', 'a'),
		call('restart', 'a'),
		count,
	]),
	story('admin: restart by hand fails, ignores, goes', ofAbc, [
		call('terminate', 'a'),
		faults('top/a', 'error', 'exception', 'badreturn', 'ignore', 'info'),
		...times(5, call('restart', 'a')),
	]),
	story('admin: start fails, ignores', empty, [
		faults('top/a', 'error', 'exception', 'badreturn', 'ignore'),
		...times(5, start(worker('a'))),
	]),
	story('admin: start of a temporary that ignores', empty, [
		faults('top/a', 'ignore'),
		start(temporary),
		count,
		start(temporary),
	]),
	story(
		'admin: a crashed transient can be restarted by hand',
		top('one_for_one', [worker('a', { restart: 'transient' })]),
		[
			exit('top/a', 'normal'),
			call('getspec', 'a'),
			call('restart', 'a'),
			exit('top/a', 'shutdown'),
			call('delete', 'a'),
		],
	),
	story(
		'admin: no maximum of children',
		empty,
		Array.from({ length: 30 }, (_, at) => start(worker(`k${at}`))),
	),
];

const byActor: readonly Story[] = [
	story('admin: terminate by pid under static strategies', ofAbc, [
		call('terminate', { pid: 'top/a' }),
	]),
	story('admin: terminate by a dead pid under static strategies', often, [
		call('terminate', 'a'),
		call('terminate', { pid: 'top/a' }),
	]),
	story('admin: getspec by pid under static strategies', ofAbc, [
		call('getspec', { pid: 'top/a' }),
	]),
];

const defaults: readonly Story[] = [
	story(
		'admin: getspec of defaults',
		top('one_for_one', [
			worker('a'),
			supervisor('s', 'one_for_one', []),
			worker('t', { restart: 'temporary' }),
		]),
		['a', 's', 't'].map((id) => call('getspec', id)),
	),
	story(
		'admin: type supervisor of a worker has its default',
		top('one_for_one', [worker('a', { type: 'supervisor' })]),
		[call('getspec', 'a'), count],
	),
];

const unnoticed: readonly Story[] = [
	story('admin: count while a dead one is not noticed', often, [
		busy(count, crash('top/a'), count),
	]),
	story('admin: which while a dead one is not noticed', often, [busy(which, crash('top/a'))]),
	story('admin: start with the id of a dead one that is not noticed', often, [
		busy(start(worker('a')), crash('top/a')),
	]),
	story('admin: delete and restart of a dead one that is not noticed', often, [
		busy(call('delete', 'a'), call('restart', 'a'), exit('top/a', 'normal')),
	]),
	story('admin: calls behind the stop', ofAbc, [
		busy(stop, which, call('terminate', 'a'), start(worker('q')), count),
	]),
	story('admin: calls after the end', ofAbc, [
		stop,
		which,
		call('terminate', 'a'),
		start(worker('q')),
		count,
		call('getspec', 'a'),
		change(ofAbc),
	]),
];

const named = (id: string) => worker(id, { name: 'n' });
const names: readonly Story[] = [
	story('names: taken', top('one_for_one', [named('a')], { intensity: 3 }), [
		start(named('b')),
		crash('top/a'),
		start(named('b')),
	]),
	story('names: taken at first', top('one_for_one', [named('a'), named('b')]), []),
];

/** Specifications that are right or wrong, some in two ways. */
const specifications: readonly (readonly unknown[])[] = [
	[worker('a')],
	[],
	[worker('a'), worker('a')],
	[{ restart: 'permanent' }],
	[{ id: 'a' }],
	[{ id: 'a', start: 'x' }],
	['a'],
	...[
		{ restart: 'sometimes' },
		{ shutdown: -1 },
		{ shutdown: 'soon' },
		{ shutdown: 0 },
		{ type: 'boss' },
		{ significant: 'yes', restart: 'transient' },
		{ significant: true },
		{ significant: true, restart: 'transient' },
		{ type: 'boss', significant: 'yes' },
		{ type: 'boss', shutdown: 'soon' },
		{ restart: 'x', type: 'boss' },
		{ significant: true, type: 'boss' },
		{ significant: true, shutdown: 'soon' },
		{ significant: 'yes', shutdown: 'soon' },
	].map((more) => [{ ...worker('a'), ...more }]),
];

const checks = specifications.flatMap((specs) =>
	[undefined, 'never', 'any_significant'].map((auto) => {
		const step: Step = auto ? { do: 'check', specs, auto } : { do: 'check', specs };
		return story(`check ${JSON.stringify(specs)} with ${auto}`, empty, [step]);
	}),
);

const wrongFlags = [
	{ intensity: -1 },
	{ period: 0 },
	{ strategy: 'one_for_none' },
	{ auto: 'some_significant' },
	{ intensity: -1, period: 0 },
	{ period: 0, auto: 'x' },
].map((more) => change({ ...ofAbc, ...more }));

const flags = story('flags: wrong ones in a change', ofAbc, wrongFlags);

/** The scenarios. */
export const callCases: readonly Story[] = [
	...administration,
	...byActor,
	...defaults,
	...unnoticed,
	...names,
	...checks,
	flags,
];
