import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, createActor, createMachine, setup } from 'xstate';
import type { ActorScope, AnyEventObject, AnyMachineSnapshot, AnyStateMachine } from 'xstate';
import { createShortCut } from '../../actors/short-cut.ts';
import { seededChance } from '../../runtime/clock.ts';
import { chartEvents, randomStatechart } from '../support/random-statechart.ts';

type Scope = ActorScope<AnyMachineSnapshot, AnyEventObject>;
interface Executed {
	readonly type: string;
	readonly params: unknown;
}

const stepsMax = 200;

/** A scope in which nothing happens, and what was to be executed is noted. */
function openScope() {
	const noted: unknown[] = [];
	const self = createActor(createMachine({ id: 'self' }), { id: 'self' });
	const nothing = () => {};
	const { id, sessionId, system } = self;
	const actionExecutor = (action: object): void => {
		const { type, params } = action as Executed;
		noted.push([type, params]);
	};
	const rest = { logger: nothing, defer: nothing, stopChild: nothing, emit: nothing };
	const scope = { self, id, sessionId, system, ...rest, actionExecutor } as Scope;
	return { scope, take: () => noted.splice(0) };
}

/** What can be told from a snapshot. */
function told(snapshot: AnyMachineSnapshot) {
	const { status, value, context, output, tags, _nodes: nodes, children } = snapshot;
	const names = nodes.map(({ id }) => id);
	return {
		status,
		value,
		context,
		output,
		tags: [...tags],
		names,
		children: Object.keys(children),
	};
}

/** Makes a machine that may be moved both ways. */
function bounded(machine: AnyStateMachine): AnyStateMachine {
	machine.options = { ...machine.options, maxIterations: stepsMax };
	return machine;
}

interface Counts {
	short: number;
	long: number;
	steps: number;
}

/** Compares both ways for one machine and its events. */
function compare(seed: number, counts: Counts): void {
	const chance = seededChance(seed);
	const machine = bounded(randomStatechart(chance));
	const { scope, take } = openScope();
	const shortCut = createShortCut({ machine, scope, stepsMax });
	let snapshot = machine.getInitialSnapshot(scope, undefined) as AnyMachineSnapshot;
	for (let count = 0; count < 25 && snapshot.status === 'active'; count += 1) {
		const type = chartEvents[Math.floor(chance() * chartEvents.length)] ?? 'A';
		take();
		const found = shortCut(snapshot, { type });
		const did = take();
		let expected: AnyMachineSnapshot;
		try {
			expected = machine.transition(snapshot, { type }, scope);
		} catch {
			// It goes in circles for ever.
			assert.equal(found, undefined, `seed ${seed}, event ${count}`);
			return;
		}
		counts.steps += 1;
		if (found) {
			counts.short += 1;
			assert.deepEqual(told(found), told(expected), `seed ${seed}, event ${count}: ${type}`);
			assert.deepEqual(did, take(), `seed ${seed}, event ${count}: ${type}`);
			assert.equal(found === snapshot, expected === snapshot, `seed ${seed}, event ${count}`);
		} else counts.long += 1;
		// Now and then as it comes from a disk.
		snapshot = found ?? expected;
		if (chance() < 0.1) {
			const { status, value, context } = snapshot;
			snapshot = machine.resolveState({ status, value, context });
		}
	}
}

test('the short cut comes to what XState comes to, for random statecharts', () => {
	const counts: Counts = { short: 0, long: 0, steps: 0 };
	for (let seed = 1; seed <= 1000; seed += 1) compare(seed, counts);
	const { short, long } = counts;
	assert.ok(short > long && short > 10_000, `${short} by the short cut, ${long} by XState`);
});

const counter = setup({
	types: { context: {} as { readonly n: number }, events: {} as { type: 'ADD' | 'CRASH' | 'ASK' } },
	guards: {
		broken: () => {
			throw new Error('out of order');
		},
	},
}).createMachine({
	context: { n: 0 },
	on: {
		ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) },
		CRASH: {
			actions: assign(() => {
				throw new Error('over the edge');
			}),
		},
		ASK: { guard: 'broken' },
	},
});

/** What is thrown, in words. */
function messageOf(run: () => unknown): string {
	try {
		run();
	} catch (thrown) {
		return thrown instanceof Error ? thrown.message : String(thrown);
	}
	return 'nothing';
}

test('what actions and guards throw is thrown as by XState, and leaves the state alone', () => {
	const { scope } = openScope();
	const machine = bounded(counter);
	const shortCut = createShortCut({ machine, scope, stepsMax });
	const first = machine.getInitialSnapshot(scope, undefined) as AnyMachineSnapshot;
	assert.deepEqual(shortCut(first, { type: 'ADD' })?.context, { n: 1 });
	for (const type of ['CRASH', 'ASK']) {
		const expected = messageOf(() => machine.transition(first, { type }, scope));
		assert.match(expected, /over the edge|Unable to evaluate guard 'broken' .*\nout of order/);
		assert.equal(
			messageOf(() => shortCut(first, { type })),
			expected,
		);
	}
	assert.equal(shortCut(first, { type: 'xstate.stop' }), undefined);
	assert.deepEqual(first.context, { n: 0 });
});

test('what is left to XState is left before any guard is evaluated', () => {
	let asked = 0;
	const ending = bounded(
		createMachine({
			initial: 'open',
			states: {
				open: {
					on: {
						END: {
							guard: () => {
								asked += 1;
								return true;
							},
							target: 'half',
						},
					},
				},
				half: { always: 'over' },
				over: { type: 'final' },
			},
		}),
	);
	const { scope } = openScope();
	const shortCut = createShortCut({ machine: ending, scope, stepsMax });
	const first = ending.getInitialSnapshot(scope, undefined) as AnyMachineSnapshot;
	assert.equal(shortCut(first, { type: 'END' }), undefined);
	assert.equal(asked, 0);
	assert.equal(ending.transition(first, { type: 'END' }, scope).status, 'done');
	assert.equal(asked, 1);
});
