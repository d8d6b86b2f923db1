/**
 * Scenarios by hand: how restarts are counted.
 *
 * @module
 */
import {
	abc,
	change,
	crash,
	staticStrategies,
	story,
	tick,
	top,
	type Story,
	type Step,
} from './scenario.ts';

const crashes = (times: number): readonly Step[] =>
	Array.from({ length: times }, () => crash('top/a'));

const byCount = [0, 1, 3].flatMap((intensity): readonly Story[] => {
	const plan = top('one_for_one', abc, { intensity, period: 2 });
	return [
		story(`intensity ${intensity}: exactly the limit`, plan, crashes(intensity)),
		story(`intensity ${intensity}: one over`, plan, crashes(intensity + 1)),
	];
});

const byTime = [1, 2, 3, 4].flatMap((seconds): readonly Story[] => {
	const one = top('one_for_one', abc, { intensity: 1, period: 2 });
	const two = top('one_for_one', abc, { intensity: 2, period: 1 });
	const first = seconds > 1 ? [tick(1)] : [];
	const last = tick(Math.max(1, seconds - 1));
	return [
		story(`period 2: restarts ${seconds} s apart`, one, {
			steps: [crash('top/a'), tick(seconds), crash('top/a')],
			timed: true,
		}),
		story(`period 1: third ${seconds} s after the first`, two, {
			steps: [crash('top/a'), ...first, crash('top/b'), last, crash('top/a')],
			timed: true,
		}),
	];
});

/** The scenarios. */
export const limitCases: readonly Story[] = [
	...byCount,
	...staticStrategies.map((strategy) =>
		story(`${strategy}: defaults are 1 in 5`, top(strategy, abc), [crash('top/b'), crash('top/b')]),
	),
	...byTime,
	...[5, 6].map((seconds) =>
		story(`period: default 5, ${seconds} seconds apart`, top('one_for_one', abc), {
			steps: [crash('top/a'), tick(seconds), crash('top/a')],
			timed: true,
		}),
	),
	story('intensity: changed down, old restarts count', top('one_for_one', abc, { intensity: 3 }), [
		...crashes(2),
		change(top('one_for_one', abc, { intensity: 2 })),
		crash('top/b'),
	]),
	story(
		'intensity: period made longer does not bring old ones back',
		top('one_for_one', abc, { intensity: 1, period: 1 }),
		{
			steps: [
				crash('top/a'),
				tick(3),
				crash('top/a'),
				change(top('one_for_one', abc, { intensity: 2, period: 10 })),
				crash('top/b'),
				crash('top/b'),
			],
			timed: true,
		},
	),
];
