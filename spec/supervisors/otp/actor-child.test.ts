import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, fromCallback, fromPromise, fromTransition, setup } from 'xstate';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { actorChild, actorOf } from '../../../supervisors/otp/actor-child.ts';
import {
	abnormal,
	childOf,
	fate,
	rowOf,
	createSupervision,
	startedChild,
} from '../../support/supervised.ts';

/** Tells which of these run. */
function helpers() {
	const running = new Set<string>();
	const helper = (name: string) =>
		fromCallback(() => {
			running.add(name);
			return () => void running.delete(name);
		});
	return { running, helper };
}

const crash = () => {
	throw abnormal;
};

test('an actor that is done exits normal, and its output is passed on', async (t) => {
	const outputs: unknown[] = [];
	const start = actorChild({
		logic: fromPromise<number, number>(async ({ input }) => input * 2),
		input: ({ args }) => Number(args[0]),
		onDone: (output, { args }) => void outputs.push([output, ...args]),
	});
	const supervision = createSupervision(t);
	const pool = await supervision.run('simple_one_for_one', [
		{ id: 'job', start, restart: 'temporary' },
	]);
	const child = startedChild(await pool.startChild([21]));
	await supervision.clock.settle();
	assert.equal(fate(child), 'normal');
	assert.deepEqual(outputs, [[42, 21]]);
});

test('an actor with a shutdown event ends in its own way when it is asked to', async (t) => {
	const machine = setup({ types: { events: {} as { type: 'CLOSE' | 'CLOSED' } } }).createMachine({
		initial: 'open',
		states: {
			open: { on: { CLOSE: 'closing' } },
			closing: { on: { CLOSED: 'closed' } },
			closed: { type: 'final' },
		},
	});
	const start = actorChild({ logic: machine, shutdownEvent: { type: 'CLOSE' } });
	const { clock, start: run } = createSupervision(t);
	const top = await run({ children: [{ id: 'door', start }] });
	const child = await childOf(top, 'door');
	const stopped = top.stop();
	await clock.settle();
	assert.deepEqual([fate(child), fate(top)], ['alive', 'alive']);
	actorOf(child)?.send({ type: 'CLOSED' });
	assert.equal(await stopped, 'shutdown');
	assert.equal(fate(child), 'shutdown');
});

test('a throwing machine stops its children and theirs, whichever of them it is that throws', async (t) => {
	for (const [event, left] of [
		['OUTER', []],
		['INNER', []],
	] as const) {
		const { running, helper } = helpers();
		const inner = setup({ actors: { deep: helper('deep') } }).createMachine({
			invoke: { src: 'deep' },
			on: { CRASH: { actions: crash } },
		});
		const outer = setup({ actors: { inner, wide: helper('wide') } }).createMachine({
			invoke: [{ src: 'inner', id: 'inner' }, { src: 'wide' }],
			on: {
				OUTER: { actions: crash },
				INNER: {
					actions: ({ self }) => self.getSnapshot().children.inner?.send({ type: 'CRASH' }),
				},
			},
		});
		const supervision = createSupervision(t);
		const start = actorChild({ logic: outer });
		const top = await supervision.start({ children: [{ id: 'ch', start, restart: 'temporary' }] });
		assert.deepEqual([...running].toSorted(), ['deep', 'wide']);
		actorOf(await childOf(top, 'ch'))?.send({ type: event });
		await supervision.clock.settle();
		assert.deepEqual([...running], left, event);
	}
});

test('a machine may set a lower limit for its own steps, but no higher one', async (t) => {
	for (const [maxIterations, iterationsMax] of [
		[5, undefined],
		[Infinity, 5],
		[5, 1000],
	] as const) {
		let steps = 0;
		const machine = setup({}).createMachine({
			initial: 'calm',
			on: { SPIN: '.one' },
			states: {
				calm: {},
				one: { entry: () => void (steps += 1), always: 'two' },
				two: { always: 'one' },
			},
			options: { maxIterations },
		});
		const limit = iterationsMax === undefined ? {} : { iterationsMax };
		const supervision = createSupervision(t);
		const start = actorChild({ logic: machine, ...limit });
		const top = await supervision.start({ children: [{ id: 'ch', start }] });
		actorOf(await childOf(top, 'ch'))?.send({ type: 'SPIN' });
		await supervision.clock.settle();
		assert.equal((await rowOf(top, 'ch')).restarts, 1);
		assert.ok(steps <= 5, `${steps} steps`);
	}
});

test('with resume an operational error leaves the actor in its old state; a bug is a crash all the same', async (t) => {
	const { running, helper } = helpers();
	const machine = setup({
		types: { context: {} as { count: number }, events: {} as { type: 'ADD' | 'BAD' | 'BUG' } },
		actors: { late: helper('late') },
	}).createMachine({
		context: { count: 0 },
		initial: 'calm',
		on: {
			ADD: { actions: assign({ count: ({ context }) => context.count + 1 }) },
			BAD: '.bad',
			BUG: { actions: crash },
		},
		states: {
			calm: {},
			bad: {
				invoke: { src: 'late' },
				entry: [
					assign({ count: 99 }),
					() => {
						throw new ReeveError('bad_message', 'no such pump');
					},
				],
			},
		},
	});
	const supervision = createSupervision(t);
	const start = actorChild({ logic: machine, resume: true });
	const top = await supervision.start({ children: [{ id: 'ch', start }] });
	const child = await childOf(top, 'ch');
	for (const type of ['ADD', 'BAD', 'ADD'] as const) actorOf(child)?.send({ type });
	await supervision.clock.settle();
	assert.equal(fate(child), 'alive');
	const snapshot = actorOf(child)?.getSnapshot() as { value?: unknown; context?: unknown };
	assert.deepEqual([snapshot?.value, snapshot?.context], ['calm', { count: 2 }]);
	assert.equal(running.size, 0, 'what the event would have started was not');
	actorOf(child)?.send({ type: 'BUG' });
	await supervision.clock.settle();
	assert.equal(fate(child), 'abnormal');
});

test('an event to a fenced actor has no effect', async (t) => {
	const seen: unknown[] = [];
	const logic = fromTransition((state: number, event) => {
		seen.push(event);
		return state;
	}, 0);
	const top = await createSupervision(t).start({
		children: [{ id: 'ch', start: actorChild({ logic }), restart: 'temporary' }],
	});
	const child = await childOf(top, 'ch');
	const actor = actorOf(child);
	actor?.send({ type: 'A' });
	child.kill();
	actor?.send({ type: 'B' });
	const types = seen.map((event) => (event as { type: string }).type);
	assert.deepEqual(
		types.filter((type) => !type.startsWith('xstate.')),
		['A'],
	);
});

test('a delay of a machine is a delay of the clock that its supervisor has', async (t) => {
	const supervision = createSupervision(t);
	const logic = setup({}).createMachine({
		initial: 'waiting',
		states: { waiting: { after: { 60_000: 'over' } }, over: { type: 'final' } },
	});
	const top = await supervision.start({
		children: [{ id: 'ch', start: actorChild({ logic }), restart: 'transient' }],
	});
	const child = await childOf(top, 'ch');
	await supervision.clock.advance(59_999);
	assert.equal(fate(child), 'alive');
	await supervision.clock.advance(1);
	assert.equal(fate(child), 'normal');
});
