import assert from 'node:assert/strict';
import test from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import type {
	Chart,
	FinalState,
	OpenState,
	Transition,
} from '../../../actors/statecharts/chart.ts';
import { compileChart } from '../../../actors/statecharts/compile.ts';
import { deliveryChart, type DeliveryEvent } from '../../../actors/outbound/outbound-message.ts';
import { interpretChart } from '../../../actors/statecharts/interpret.ts';
import { messageChart, type MessageEvent } from '../../../actors/inbound/inbound-message.ts';
import { compare, observe } from '../../support/chart-twins.ts';

interface LooseTypes {
	readonly state: string;
	readonly context: { readonly count: number; readonly mark?: number };
	readonly input: { readonly count: number; readonly first: string };
	readonly event: { readonly type: 'A' | 'B' | 'C' | 'UNKNOWN'; readonly amount: number };
	readonly output: number;
	readonly emitted: { readonly type: 'counted' | 'heard'; readonly count: number };
}
type Loose = Transition<LooseTypes>;

const thrower = (what: string) => () => {
	throw new Error(`${what} threw`);
};

const guards: readonly Loose['guard'][] = [
	undefined,
	({ count }) => count % 2 === 0,
	({ count }, { amount }) => amount > count,
	() => false,
	thrower('guard'),
];
const assigns: readonly Loose['assign'][] = [
	undefined,
	({ count }, { amount }) => ({ count: count + amount }),
	(_context, { amount }) => ({ mark: amount }),
	() => ({ mark: undefined }),
	thrower('assign'),
];
const emits: readonly Loose['emit'][] = [
	undefined,
	() => [],
	({ count }) => [{ type: 'counted', count }],
	({ count }, { amount }) => [
		{ type: 'heard', count: amount },
		{ type: 'counted', count },
	],
	thrower('emit'),
];
const outputs: readonly FinalState<LooseTypes>['output'][] = [
	undefined,
	({ count }) => count,
	thrower('output'),
];

/** One of the values, and the last one, which throws, only now and then. */
function oftenAllButLast<Value>(values: readonly Value[]): fc.Arbitrary<Value> {
	return fc.oneof(
		{ weight: 19, arbitrary: fc.constantFrom(...values.slice(0, -1)) },
		{ weight: 1, arbitrary: fc.constantFrom(...values.slice(-1)) },
	);
}

const eventTypes = ['A', 'B', 'C'] as const;

function anyTransition(names: readonly string[]): fc.Arbitrary<Loose> {
	return fc.record({
		target: fc.option(fc.constantFrom(...names), { nil: undefined }),
		guard: oftenAllButLast(guards),
		assign: oftenAllButLast(assigns),
		emit: oftenAllButLast(emits),
	});
}

function anyState(names: readonly string[]) {
	const one = anyTransition(names);
	const open: fc.Arbitrary<OpenState<LooseTypes>> = fc
		.dictionary(fc.constantFrom(...eventTypes), fc.oneof(one, fc.array(one, { maxLength: 3 })), {
			minKeys: 1,
		})
		.map((on) => ({ on }));
	const final: fc.Arbitrary<FinalState<LooseTypes>> = oftenAllButLast(outputs).map((output) => ({
		final: true,
		output,
	}));
	return fc.oneof({ weight: 4, arbitrary: open }, { weight: 1, arbitrary: final });
}

const anyChart = fc
	.integer({ min: 1, max: 5 })
	.map((count) => Array.from({ length: count }, (_, at) => `state-${at}`))
	.chain((names) =>
		fc.record({
			states: fc.tuple(...names.map(() => anyState(names))),
			initial: fc.option(fc.constantFrom(...names), { nil: undefined }),
			first: fc.constantFrom(...names),
		}),
	)
	.map(({ states, initial, first }) => {
		const chart: Chart<LooseTypes> = {
			id: 'random',
			initial: initial ?? ((input) => input.first),
			context: ({ count }) => ({ count }),
			states: Object.fromEntries(states.map((state, at) => [`state-${at}`, state])),
		};
		return { chart, first };
	});

const amount = fc.integer({ min: -3, max: 3 });
const anyEvents = fc.array(
	fc.record({ type: fc.constantFrom(...eventTypes, 'UNKNOWN' as const), amount }),
	{ maxLength: 12 },
);
const restoreAt = fc.nat({ max: 12 });
const sorted = (words: Iterable<string | undefined>) =>
	[...words].toSorted((a = '', b = '') => a.localeCompare(b));

test('a random chart does the same compiled as interpreted, also across a restart', () => {
	const met = { active: 0, done: 0, error: 0, emitted: 0 };
	const anyCourse = fc.record({ events: anyEvents, restoreAt });
	fc.assert(
		fc.property(anyChart, amount, anyCourse, ({ chart, first }, count, course) => {
			const { status, heard } = compare(chart, { count, first }, course);
			if (status === 'active' || status === 'done' || status === 'error') met[status] += 1;
			met.emitted += heard.filter((entry) => JSON.stringify(entry).includes('emitted')).length;
		}),
		{ numRuns: 1000 },
	);
	for (const [what, times] of Object.entries(met)) {
		assert.ok(times > 10, `the random charts hardly ever led to ${what}: ${times} times`);
	}
});

test('the pure steps of a random chart lead where its actor goes, and change no snapshot', () => {
	fc.assert(
		fc.property(anyChart, amount, anyEvents, ({ chart, first }, count, events) => {
			const logic = compileChart(chart);
			const { actor, log } = observe(logic, { input: { count, first } });
			if (actor.getSnapshot().status === 'error') return;
			let snapshot = logic.begin({ count, first });
			for (const event of events) {
				Object.freeze(snapshot);
				Object.freeze(snapshot.context);
				actor.send(event);
				if (actor.getSnapshot().status === 'error') {
					// Steps emit nothing, so this is the one error that they cannot meet.
					const emitThrew = isDeepStrictEqual(log.at(-1), { error: 'emit threw' });
					if (!emitThrew) assert.throws(() => logic.step(snapshot, event), / threw$/);
					return;
				}
				snapshot = logic.step(snapshot, event);
				assert.deepEqual(snapshot, actor.getSnapshot());
			}
			actor.stop();
		}),
		{ numRuns: 500 },
	);
});

const code = fc.constantFrom(undefined, 'command_failed', 'method_crashed' as const);
const anyMessageEvent: fc.Arbitrary<MessageEvent> = fc.oneof(
	{
		weight: 5,
		arbitrary: fc.constantFrom<MessageEvent>({ type: 'START' }, { type: 'DEFERRED' }),
	},
	{ weight: 3, arbitrary: fc.record({ type: fc.constant('CRASHED'), code }) },
	fc.record({ type: fc.constant('ENDED'), outcome: fc.constantFrom('done', 'failed'), code }),
	fc.constantFrom<MessageEvent>({ type: 'EXPIRED' }, { type: 'CANCELLED' }),
);

test('the chart of a message does the same compiled as interpreted, also across a restart', () => {
	const input = fc.record(
		{
			id: fc.constant('m1'),
			method: fc.constant('REQPing'),
			onCrash: fc.constantFrom('retry', 'report'),
			attemptsMax: fc.integer({ min: 1, max: 4 }),
			attempts: fc.nat({ max: 3 }),
			deferrals: fc.nat({ max: 1 }),
			started: fc.boolean(),
		},
		{ requiredKeys: ['id', 'method', 'onCrash', 'attemptsMax'] },
	);
	const events = fc.array(anyMessageEvent, { maxLength: 15 });
	const ends = new Set<string | undefined>();
	fc.assert(
		fc.property(input, events, restoreAt, (from, sent, at) => {
			ends.add(compare(messageChart, from, { events: sent, restoreAt: at }).status);
		}),
		{ numRuns: 500 },
	);
	assert.deepEqual(sorted(ends), ['active', 'done']);
});

test('the chart of a delivery does the same compiled as interpreted, also across a restart', () => {
	const input = fc.record(
		{
			id: fc.constant('m1'),
			seq: fc.nat(),
			attemptsMax: fc.nat({ max: 3 }),
			attempts: fc.nat({ max: 3 }),
			published: fc.boolean(),
			gaveUp: fc.boolean(),
		},
		{ requiredKeys: ['id', 'seq', 'attemptsMax'] },
	);
	const simple = [
		'PUBLISHED',
		'PUBLISHED',
		'RETRY',
		'RETRY',
		'ACKED',
		'GIVE_UP',
		'SKIPPED',
	] as const;
	const event: fc.Arbitrary<DeliveryEvent> = fc.oneof(
		{ weight: 7, arbitrary: fc.constantFrom(...simple).map((type) => ({ type })) },
		fc.constant<DeliveryEvent>({ type: 'REFUSED', code: 'too_large' }),
	);
	const ends = new Set<string | undefined>();
	fc.assert(
		fc.property(input, fc.array(event, { maxLength: 15 }), restoreAt, (from, events, at) => {
			ends.add(compare(deliveryChart, from, { events, restoreAt: at }).status);
		}),
		{ numRuns: 500 },
	);
	assert.deepEqual(sorted(ends), ['active', 'done']);
});

test('a chart with a name that XState would read as a path or a wildcard is refused', () => {
	const nowhere: OpenState<LooseTypes> = { on: {} };
	const badState = { first: nowhere, 'a.b': nowhere };
	const badEvent = { first: { on: { '*': { target: 'first' } } } };
	for (const states of [badState, badEvent]) {
		const chart: Chart<LooseTypes> = {
			id: 'odd',
			initial: 'first',
			context: ({ count }) => ({ count }),
			states: states as Chart<LooseTypes>['states'],
		};
		assert.throws(() => compileChart(chart), { code: 'internal' });
		assert.throws(() => interpretChart(chart), { code: 'internal' });
	}
	const lost: Chart<LooseTypes> = {
		id: 'lost',
		initial: 'first',
		context: ({ count }) => ({ count }),
		states: { first: { on: { A: { target: 'nowhere' } } } },
	};
	assert.throws(() => compileChart(lost), /no state "nowhere"/);
});

interface StrictTypes {
	readonly state: 'closed' | 'open';
	readonly context: { readonly opened: number };
	readonly input: undefined;
	readonly event: { readonly type: 'OPEN'; readonly force: number } | { readonly type: 'CLOSE' };
	readonly output: undefined;
	readonly emitted: { readonly type: 'creaked' };
}

/** `true` if the two types are the same; anything else does not take the value `true`. */
type Same<One, Other> =
	(<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;

test('the compiler knows the states, events and fields of a chart', () => {
	type OpenEvent = Extract<StrictTypes['event'], { readonly type: 'OPEN' }>;
	type Opening = Required<Transition<StrictTypes, OpenEvent>>;
	// These are checked where they are declared: this file does not compile if one of them is wrong.
	const target: Same<Opening['target'], 'closed' | 'open'> = true;
	const guard: Same<Parameters<Opening['guard']>[1], OpenEvent> = true;
	const assign: Same<ReturnType<Opening['assign']>, Partial<StrictTypes['context']>> = true;
	const emit: Same<ReturnType<Opening['emit']>[number], StrictTypes['emitted']> = true;
	const event: Same<keyof OpenState<StrictTypes>['on'], 'OPEN' | 'CLOSE'> = true;
	const states: Same<keyof Chart<StrictTypes>['states'], 'closed' | 'open'> = true;
	type Partly = Partial<Chart<StrictTypes>['states']>;
	const isPartlyEnough: Partly extends Chart<StrictTypes>['states'] ? true : false = false;
	assert.ok([target, guard, assign, emit, event, states].every(Boolean), 'they compile');
	assert.equal(isPartlyEnough, false, 'every state must be there');
});
