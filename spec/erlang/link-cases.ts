/**
 * Scenarios by hand: links, exit signals and monitors.
 *
 * @module
 */
import {
	abc,
	crash,
	exit,
	stop,
	story,
	supervisor,
	top,
	worker,
	type Act,
	type Story,
	type Trap,
} from './scenario.ts';

const reasons = ['normal', 'shutdown', 'shutdown_x', 'crash', 'killed'];
const monitor = (path: string): Act => ({ do: 'monitor', path });

const strangers = (['no', 'yes'] as const).flatMap((trap: Trap): readonly Story[] => {
	const plan = top('one_for_one', [worker('a', { trap, restart: 'transient' })], { intensity: 3 });
	return [
		...reasons.flatMap((reason) => [
			story(`a linked stranger ends ${reason}, trap ${trap}`, plan, [
				{ do: 'link', path: 'top/a', reason },
			]),
			story(`an exit signal ${reason}, trap ${trap}`, plan, [
				{ do: 'signal', path: 'top/a', reason },
			]),
		]),
		story(
			`an exit signal kill, trap ${trap}`,
			top('one_for_one', [worker('a', { trap })], { intensity: 3 }),
			[{ do: 'signal', path: 'top/a', reason: 'kill' }],
		),
	];
});

/** The scenarios. */
export const linkCases: readonly Story[] = [
	...strangers,
	...['normal', 'shutdown', 'crash', 'killed'].map((reason) =>
		story(`a stranger linked to the supervisor ends ${reason}`, top('one_for_one', abc), [
			{ do: 'link', path: 'top', reason },
			{ do: 'signal', path: 'top', reason },
		]),
	),
	...[...reasons, 'kill'].map((reason) =>
		story(
			`monitor: ${reason}`,
			top('one_for_one', [worker('a', { restart: 'temporary' }), worker('b')]),
			[monitor('top/a'), monitor('top/a'), exit('top/a', reason), monitor('top/a')],
		),
	),
	story(
		'monitor: a supervisor that gives up',
		top('one_for_one', [{ ...supervisor('s', 'one_for_one', abc), intensity: 0 }]),
		[monitor('top/s'), monitor('top'), crash('top/s/a'), stop, monitor('top')],
	),
];
