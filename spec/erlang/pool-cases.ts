/**
 * Scenarios by hand: dynamic children, and significant ones.
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
	story,
	supervisor,
	top,
	which,
	worker,
	type Act,
	type Story,
	type SupervisorPlan,
	type WorkerPlan,
} from './scenario.ts';

const pool = (more: Partial<SupervisorPlan> = {}, template: Partial<WorkerPlan> = {}) =>
	top('simple_one_for_one', [worker('a', template)], more);
const byActor = (what: 'terminate' | 'getspec', pid: string): Act => call(what, { pid });
const [d1, d2] = [start('d1'), start('d2')];

const dynamic: readonly Story[] = [
	story('pool: refusals', pool(), [
		d1,
		call('terminate', 'a'),
		call('restart', 'a'),
		call('delete', 'a'),
		byActor('terminate', 'top/d1'),
		byActor('terminate', 'top/d1'),
		byActor('terminate', 'top'),
	]),
	story('pool: getspec by pid', pool(), [d1, byActor('getspec', 'top/d1')]),
	story('pool: getspec by id of the template', pool(), [call('getspec', 'a')]),
	story('pool: getspec by an unknown id', pool(), [call('getspec', 'zz')]),
	story('pool: getspec by a stranger', pool(), [byActor('getspec', 'top')]),
	story('pool: getspec by a dead pid', pool({}, { restart: 'temporary' }), [
		d1,
		exit('top/d1', 'normal'),
		byActor('getspec', 'top/d1'),
	]),
	story('pool: failing starts', pool(), [
		...(['error', 'ignore', 'exception', 'info'] as const).flatMap((result, at) => [
			faults(`top/d${at + 1}`, result),
			start(`d${at + 1}`),
		]),
		count,
	]),
	story('pool: restart fails, then goes', pool({ intensity: 4 }), [
		d1,
		d2,
		faults('top/d1', 'error', 'error'),
		crash('top/d1'),
		count,
	]),
	story('pool: count while one is restarting', pool({ intensity: 9 }), [
		d1,
		d2,
		faults('top/d1', 'error'),
		busy(crash('top/d1'), count, which),
	]),
	story('pool: restart ignores', pool({ intensity: 4 }), [
		d1,
		d2,
		faults('top/d1', 'ignore'),
		crash('top/d1'),
		count,
		which,
	]),
	story('pool: terminate a restarting child', pool({ intensity: 9 }), [
		d1,
		d2,
		faults('top/d1', 'error', 'error', 'error'),
		busy(crash('top/d1'), byActor('terminate', 'top/d1')),
		count,
	]),
	story('pool: terminate one that is dead already', pool(), [
		d1,
		busy(byActor('terminate', 'top/d1'), crash('top/d1')),
	]),
	story('pool: gives up', pool({ intensity: 1 }), [d1, d2, crash('top/d1'), crash('top/d2')]),
	story('pool: names taken', pool({}, { name: 'n' }), [d1, d2, crash('top/d1')]),
	story(
		'pool: of supervisors',
		top('simple_one_for_one', [{ ...supervisor('p', 'one_for_all', abc), intensity: 1 }], {
			intensity: 2,
		}),
		[d1, d2, crash('top/d1/a'), crash('top/d1/a'), count, byActor('terminate', 'top/d2')],
	),
];

const templates: readonly Story[] = [
	story('pool: changed template counts from the next start', pool({}, { restart: 'permanent' }), [
		d1,
		change(pool({ intensity: 3 }, { restart: 'transient' })),
		exit('top/d1', 'normal'),
		count,
	]),
	story('pool: template changed from temporary to permanent', pool({}, { restart: 'temporary' }), [
		d1,
		change(pool({ intensity: 3 }, { restart: 'permanent' })),
		crash('top/d1'),
	]),
	story(
		'pool: started after a change from temporary to permanent',
		pool({}, { restart: 'temporary' }),
		[change(pool({ intensity: 3 }, { restart: 'permanent' })), d1, crash('top/d1')],
	),
	story('pool: restarting when the template becomes temporary', pool({ intensity: 9 }), [
		d1,
		faults('top/d1', 'error', 'error'),
		busy(crash('top/d1'), change(pool({ intensity: 9 }, { restart: 'temporary' }))),
		count,
	]),
	story('pool: template changed to another id', pool(), [
		d1,
		change(top('simple_one_for_one', [worker('zz')])),
		crash('top/d1'),
		which,
	]),
];

const significantTemplates: readonly Story[] = [
	story(
		'pool: significant template with any_significant',
		pool({ auto: 'any_significant' }, { restart: 'temporary', significant: true }),
		[d1, d2, exit('top/d1', 'normal')],
	),
	story(
		'pool: significant template with all_significant',
		pool({ auto: 'all_significant' }, { restart: 'transient', significant: true }),
		[d1, d2, exit('top/d1', 'normal'), exit('top/d2', 'shutdown')],
	),
	story(
		'pool: auto_shutdown without significance',
		pool({ auto: 'any_significant' }, { restart: 'temporary' }),
		[d1, exit('top/d1', 'normal')],
	),
];

const significant = (auto: string, restart: string): readonly Story[] => {
	const both = [
		worker('a', { restart, significant: true }),
		worker('b', { restart, significant: true }),
		worker('c'),
	];
	const name = `${auto}: ${restart}`;
	const plan = top('one_for_one', both, { auto, intensity: 5 });
	const withD = { ...plan, children: [...both, worker('d', { restart })] };
	const inner = { ...supervisor('s', 'one_for_one', both), auto, restart, significant: true };
	return [
		...['normal', 'shutdown', 'shutdown_x', 'crash', 'kill'].map((reason) =>
			story(`${name} ${reason}`, withD, [
				exit('top/d', 'normal'),
				exit('top/a', reason),
				exit('top/b', reason),
			]),
		),
		story(`${name} terminated by hand`, plan, [call('terminate', 'a'), exit('top/b', 'normal')]),
		story(`${name} all terminated by hand`, plan, [call('terminate', 'a'), call('terminate', 'b')]),
		story(`${name} ignored at start`, plan, {
			init: [faults('top/a', 'ignore')],
			steps: [exit('top/b', 'normal')],
		}),
		story(`${name} while another restarts`, plan, [
			faults('top/a', 'error', 'error'),
			busy(crash('top/a'), exit('top/b', 'normal')),
		]),
		story(`${name} under one_for_all`, { ...plan, strategy: 'one_for_all' }, [
			crash('top/c'),
			exit('top/a', 'normal'),
			exit('top/b', 'normal'),
		]),
		story(`${name} escalates`, top('one_for_one', [inner, worker('z')], { auto }), [
			exit('top/s/a', 'normal'),
			exit('top/s/b', 'normal'),
		]),
	];
};

const a = worker('a', { restart: 'transient', significant: true });
const ofA = top('one_for_one', [a, worker('b')], { auto: 'any_significant' });

const refused: readonly Story[] = [
	story(
		'significant: permanent is refused',
		top('one_for_one', [worker('a')], { auto: 'any_significant' }),
		[
			start(worker('b', { significant: true })),
			start(worker('c', { significant: true, restart: 'transient' })),
		],
	),
	story('significant: refused where autoShutdown is never', top('one_for_one', [worker('a')]), [
		start(worker('b', { significant: true, restart: 'temporary' })),
	]),
	story('significant: changed to never while it runs', ofA, [
		change(top('one_for_one', [worker('a', { restart: 'transient' }), worker('b')])),
		exit('top/a', 'normal'),
	]),
	story('significant: left over by a change to never', ofA, [
		change(top('one_for_one', [worker('b')])),
		exit('top/a', 'normal'),
	]),
];

/** The scenarios. */
export const poolCases: readonly Story[] = [
	...dynamic,
	...templates,
	...significantTemplates,
	...['any_significant', 'all_significant'].flatMap((auto) =>
		['transient', 'temporary'].flatMap((restart) => significant(auto, restart)),
	),
	...refused,
];
