import assert from 'node:assert/strict';
import test from 'node:test';
import { createActor, type AnyActorLogic } from 'xstate';
import type { Chart } from '../../../actors/statecharts/chart.ts';
import { compileChart } from '../../../actors/statecharts/compile.ts';
import { interpretChart } from '../../../actors/statecharts/interpret.ts';
import { essence, observe, twins } from '../../support/chart-twins.ts';

const thrower = (what: string) => () => {
	throw new Error(`${what} threw`);
};

interface DoorTypes {
	readonly state: 'closed' | 'open' | 'broken';
	readonly context: { readonly opened: number; readonly strength: number };
	readonly input: { readonly strength: number; readonly ajar?: boolean };
	readonly event: { readonly type: 'OPEN'; readonly force: number } | { readonly type: 'CLOSE' };
	readonly output: { readonly opened: number };
	readonly emitted:
		| { readonly type: 'creaked'; readonly opened: number }
		| { readonly type: 'crash' };
}

const api: Chart<DoorTypes> = {
	id: 'door',
	initial: ({ ajar }) => (ajar ? 'open' : 'closed'),
	context: ({ strength }) => ({ opened: 0, strength }),
	states: {
		closed: {
			on: {
				OPEN: [
					{
						guard: ({ strength }, { force }) => force > strength,
						target: 'broken',
						emit: () => [{ type: 'crash' }],
					},
					{
						target: 'open',
						assign: ({ opened }) => ({ opened: opened + 1 }),
						emit: ({ opened }) => [{ type: 'creaked', opened }, { type: 'crash' }],
					},
				],
			},
		},
		open: { on: { CLOSE: { target: 'closed' } } },
		broken: { final: true, output: ({ opened }) => ({ opened }) },
	},
};
const forms: readonly [string, AnyActorLogic][] = [
	['interpreted', interpretChart(api)],
	['compiled', compileChart(api)],
];

for (const [form, logic] of forms) {
	test(`${form}, a chart takes the first candidate whose guard holds`, () => {
		const gentle = observe(logic, { input: { strength: 5 } });
		gentle.actor.send({ type: 'OPEN', force: 5 });
		assert.equal(gentle.actor.getSnapshot().value, 'open');
		const rough = observe(logic, { input: { strength: 5 } });
		rough.actor.send({ type: 'OPEN', force: 6 });
		assert.deepEqual(essence(rough.actor.getSnapshot()), {
			status: 'done',
			value: 'broken',
			context: { opened: 0, strength: 5 },
			output: { opened: 0 },
		});
	});

	test(`${form}, a chart begins in the state that its input asks for`, () => {
		const { actor } = observe(logic, { input: { strength: 1, ajar: true } });
		assert.equal(actor.getSnapshot().value, 'open');
	});

	test(`${form}, a chart emits when its state has changed, in order, before the snapshot is told`, () => {
		const { actor, log } = observe(logic, { input: { strength: 5 } });
		log.length = 0;
		actor.send({ type: 'OPEN', force: 1 });
		const context = { opened: 1, strength: 5 };
		assert.deepEqual(log, [
			{ emitted: { type: 'creaked', opened: 1 }, in: 'open' },
			{ emitted: { type: 'crash' }, in: 'open' },
			{ next: { status: 'active', value: 'open', context, output: undefined } },
		]);
	});

	test(`${form}, a chart ignores events that its state does not name, and all after its end`, () => {
		const { actor } = observe(logic, { input: { strength: 5 } });
		const before = essence(actor.getSnapshot());
		for (const type of ['CLOSE', 'toString', '__proto__', 'xstate.init']) actor.send({ type });
		assert.deepEqual(essence(actor.getSnapshot()), before);
		actor.send({ type: 'OPEN', force: 9 });
		const end = actor.getSnapshot();
		actor.send({ type: 'OPEN', force: 1 });
		assert.equal(actor.getSnapshot(), end);
	});
}

interface FragileTypes {
	readonly state: 'start' | 'end';
	readonly context: { readonly count: number };
	readonly input: number;
	readonly event: { readonly type: 'GO' };
	readonly output: number;
	readonly emitted: { readonly type: 'went' };
}

/** A chart whose one transition throws in these of its parts. */
function fragile(...parts: readonly ('guard' | 'assign' | 'emit' | 'output')[]) {
	const part = (name: (typeof parts)[number]) => (parts.includes(name) ? thrower(name) : undefined);
	const go = { guard: part('guard'), assign: part('assign'), emit: part('emit') };
	const chart: Chart<FragileTypes> = {
		id: 'fragile',
		initial: 'start',
		context: (count) => ({ count }),
		states: {
			start: { on: { GO: { target: 'end', ...go } } },
			end: { final: true, output: part('output') },
		},
	};
	return chart;
}

for (const parts of [
	['guard', 'assign'],
	['assign', 'emit'],
	['emit', 'output'],
	['output'],
] as const) {
	const [first] = parts;
	test(`a chart whose ${first} throws ends in status error, in both forms, as it was before`, () => {
		const pair = twins(fragile(...parts), 7);
		pair.send({ type: 'GO' });
		assert.deepEqual(pair.agree(), {
			status: 'error',
			value: 'start',
			context: { count: 7 },
			output: undefined,
		});
		assert.deepEqual(pair.logged().at(-1), { error: `${first} threw` });
	});
}

test('an actor whose first snapshot cannot be made is in status error, in both forms', () => {
	const noContext: Chart<DoorTypes> = { ...api, context: thrower('context') };
	const noState: Chart<DoorTypes> = { ...api, initial: thrower('initial') };
	for (const chart of [noContext, noState]) {
		assert.equal(twins(chart, { strength: 1 }).agree()?.status, 'error');
	}
});

test('a snapshot written by the compiled form is plain data, and begins as it was', () => {
	const logic = compileChart(api);
	const actor = createActor(logic, { input: { strength: 5 } }).start();
	actor.send({ type: 'OPEN', force: 1 });
	const written = JSON.stringify(actor.getPersistedSnapshot());
	const restored = createActor(logic, { snapshot: JSON.parse(written), input: { strength: 0 } });
	assert.deepEqual(restored.getSnapshot(), actor.getSnapshot());
});

test('a snapshot whose state the chart does not know is an error, and is not guessed at', () => {
	const logic = compileChart(api);
	const snapshot = { ...logic.begin({ strength: 5 }), value: 'revolving' };
	const { actor } = observe(logic, { snapshot });
	assert.equal(actor.getSnapshot().status, 'error');
	assert.match(String(actor.getSnapshot().error), /no state "revolving"/);
});

test('a step that changes nothing hands the very same snapshot back', () => {
	const logic = compileChart(api);
	const closed = logic.begin({ strength: 5 });
	assert.equal(logic.step(closed, { type: 'CLOSE' }), closed);
	const broken = logic.step(closed, { type: 'OPEN', force: 6 });
	assert.equal(logic.step(broken, { type: 'OPEN', force: 6 }), broken);
});

test('a step from a snapshot that is not active changes nothing', () => {
	const logic = compileChart(api);
	const closed = logic.begin({ strength: 5 });
	const actor = createActor(logic, { input: { strength: 5 } }).start();
	actor.stop();
	const stopped = actor.getSnapshot();
	assert.deepEqual(stopped, { ...closed, status: 'stopped' });
	assert.equal(logic.step(stopped, { type: 'OPEN', force: 1 }), stopped);
});
