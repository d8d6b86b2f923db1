/** OTP's supervisor_SUITE: exits of every kind, the structure of trees, memory, global names. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { fromTransition } from 'xstate';
import { realClock } from '../../runtime/platform/clock.ts';
import { actorChild } from '../../supervisors/otp/actor-child.ts';
import type { ChildSpec, RestartType, Strategy } from '../../supervisors/otp/child-spec.ts';
import { createChild, type Child } from '../../supervisors/otp/child.ts';
import { exitText, type ExitReason } from '../../supervisors/otp/exit-reason.ts';
import { supervisorChild, type SupervisorRef } from '../../supervisors/otp/supervisor.ts';
import {
	abnormal,
	childOf,
	counts,
	fate,
	rowOf,
	rowsOf,
	createSupervision,
	startedChild,
	supervisorOf,
	worker,
	type TestSupervision,
} from '../support/supervised.ts';

const expected = ['shutdown', { shutdown: 'why' }] as const;

/** Ends a child of a type, and tells what became of its specification. */
async function afterEnd(
	supervision: TestSupervision,
	restart: RestartType,
	reason: ExitReason,
): Promise<'restarted' | 'kept' | 'gone'> {
	const top = await supervision.start({ children: [worker('ch1', { restart })] });
	const before = await childOf(top, 'ch1');
	await supervision.end(before, reason);
	assert.equal(fate(before), exitText(reason));
	const row = await top.whichChild('ch1');
	assert.equal(fate(top), 'alive');
	if ('error' in row) return 'gone';
	if (row.child) assert.notEqual(row.child, before);
	return row.child ? 'restarted' : 'kept';
}

test('external_start_no_progress_log: a child started by a call is told of once, also when restarted', async (t) => {
	const { crash, run, seen } = createSupervision(t);
	const top = await run('one_for_one', []);
	await top.startChild(worker('ch1'));
	await crash(top, 'ch1');
	assert.equal(seen('child.started').length, 1);
	assert.deepEqual(
		seen('child.restarted').map(({ child, restarts }) => [child, restarts]),
		[['ch1', 1]],
	);
});

test('permanent_normal: a permanent child is restarted after a normal end', async (t) => {
	assert.equal(await afterEnd(createSupervision(t), 'permanent', 'normal'), 'restarted');
});

test('transient_normal: a transient child is not, and its specification is kept', async (t) => {
	assert.equal(await afterEnd(createSupervision(t), 'transient', 'normal'), 'kept');
});

test('temporary_normal: a temporary child is not, and its specification is gone', async (t) => {
	assert.equal(await afterEnd(createSupervision(t), 'temporary', 'normal'), 'gone');
});

test('permanent_shutdown: a permanent child is restarted after shutdown and {shutdown, term}', async (t) => {
	for (const reason of expected) {
		assert.equal(await afterEnd(createSupervision(t), 'permanent', reason), 'restarted');
	}
});

test('transient_shutdown: a transient child is not, and can be started again by hand', async (t) => {
	for (const reason of expected) {
		const supervision = createSupervision(t);
		assert.equal(await afterEnd(supervision, 'transient', reason), 'kept');
		const top = await supervision.start({ children: [worker('ch1', { restart: 'transient' })] });
		await supervision.crash(top, 'ch1', reason);
		startedChild(await top.restartChild('ch1'));
		assert.deepEqual(await counts(top), [1, 1, 0, 1]);
	}
});

test('temporary_shutdown: a temporary child is not, and its specification is gone', async (t) => {
	for (const reason of expected) {
		assert.equal(await afterEnd(createSupervision(t), 'temporary', reason), 'gone');
	}
});

test('faulty_application_shutdown: a failure deep in a tree surfaces at the top with its stack', async (t) => {
	const supervision = createSupervision(t);
	const faulty: ChildSpec = {
		id: 'socket',
		start() {
			throw new Error('port 80 is taken');
		},
	};
	const children = [
		worker('first'),
		supervisorChild({
			name: 'outer',
			strategy: 'one_for_one',
			children: [supervisorChild({ name: 'inner', strategy: 'one_for_one', children: [faulty] })],
		}),
	];
	await assert.rejects(supervision.start({ children }), (thrown: Error) => {
		const [outer, inner, root] = [thrown.cause, (thrown.cause as Error).cause] as Error[];
		assert.match(thrown.message, /failed_to_start_child outer/);
		assert.match(String(outer?.message), /failed_to_start_child inner/);
		assert.match(String(inner?.message), /failed_to_start_child socket/);
		const cause = root ?? (inner?.cause as Error);
		assert.equal(cause.message, 'port 80 is taken');
		return String(cause.stack).includes('supervisor-exits');
	});
	// The children that had started are down again.
	assert.deepEqual(
		supervision.seen('child.exited').map(({ child, reason }) => `${child} ${reason}`),
		['first shutdown'],
	);
	assert.equal(supervision.clock.pending(), 0);
});

test('permanent_abnormal: a permanent child is restarted after a crash', async (t) => {
	assert.equal(await afterEnd(createSupervision(t), 'permanent', abnormal), 'restarted');
});

test('transient_abnormal: a transient child is restarted after a crash', async (t) => {
	assert.equal(await afterEnd(createSupervision(t), 'transient', abnormal), 'restarted');
});

test('temporary_abnormal: a temporary child is not, and its specification is gone', async (t) => {
	assert.equal(await afterEnd(createSupervision(t), 'temporary', abnormal), 'gone');
});

test('child_unlink: a child that got rid of its watcher does not hang its supervisor', async (t) => {
	const supervision = createSupervision(t);
	let forget = () => {};
	const unlinked: ChildSpec = {
		id: 'ch1',
		start(context) {
			const child = createChild(context.id, {
				shutdown: (reason) => child.exit(reason),
				kill() {},
			});
			// What the supervisor subscribes first is dropped, as `unlink(whereis(supervisor))` does.
			const watch = child.onExit.bind(child);
			let isFirst = true;
			child.onExit = (see) => {
				const ignore = watch(see);
				if (isFirst) forget = ignore;
				isFirst = false;
				return ignore;
			};
			return child;
		},
	};
	const top = await supervision.start({ children: [unlinked] });
	const child = await childOf(top, 'ch1');
	forget();
	assert.deepEqual(await top.terminateChild('ch1'), { ok: true });
	assert.equal(fate(child), 'shutdown');
	assert.equal((await rowOf(top, 'ch1')).child, undefined);
});

/** Three levels: a static supervisor and a pool, each with workers. */
async function startTree(supervision: TestSupervision) {
	const top = await supervision.run(
		'one_for_all',
		[
			supervisorChild({
				name: 'static',
				strategy: 'one_for_one',
				intensity: 2,
				period: 100,
				children: [worker('ch1'), worker('ch2')],
			}),
			supervisorChild({
				name: 'pool',
				strategy: 'simple_one_for_one',
				intensity: 2,
				period: 100,
				children: [worker('dynamic')],
			}),
		],
		{ intensity: 2, period: 100 },
	);
	const inner = await supervisorOf(top, 'static');
	const pool = await supervisorOf(top, 'pool');
	await pool.startChild([]);
	await pool.startChild([]);
	return { top, inner, pool };
}

test('tree: a crash stays local; escalation restarts the tree, but no dynamic children', async (t) => {
	const supervision = createSupervision(t);
	const { top, inner, pool } = await startTree(supervision);
	await supervision.crash(inner, 'ch1');
	assert.equal(await supervisorOf(top, 'static'), inner);
	assert.equal(await supervisorOf(top, 'pool'), pool);
	assert.deepEqual(await counts(pool), [1, 2, 0, 2]);

	await supervision.crash(inner, 'ch1');
	await supervision.crash(inner, 'ch1');
	assert.deepEqual([fate(inner), fate(pool), fate(top)], ['shutdown', 'shutdown', 'alive']);
	const [inner2, pool2] = [await supervisorOf(top, 'static'), await supervisorOf(top, 'pool')];
	assert.deepEqual(await counts(inner2), [2, 2, 0, 2]);
	assert.deepEqual(await counts(pool2), [1, 0, 0, 0]);

	for (const level of [1, 2]) {
		const again = await supervisorOf(top, 'static');
		for (let count = 0; count < 3; count += 1) await supervision.crash(again, 'ch2');
		assert.equal(fate(top), level === 1 ? 'alive' : 'shutdown');
	}
});

const strategies: readonly Strategy[] = [
	'one_for_one',
	'one_for_all',
	'rest_for_one',
	'simple_one_for_one',
];

/** The size of a supervisor's state: what it holds of its children's starts. */
async function keptStarts(supervision: TestSupervision, strategy: Strategy, restart: RestartType) {
	const light = actorChild({ logic: fromTransition((count: number) => count, 0) });
	const isSimple = strategy === 'simple_one_for_one';
	const template = { id: 'ch', start: light, restart };
	const top = await supervision.run(strategy, isSimple ? [template] : []);
	for (let count = 0; count < 100; count += 1) {
		const padding = 'x'.repeat(1000) + count;
		// The start function holds its parameters, as OTP's {M, F, A} does.
		const start: ChildSpec['start'] = (context) => (padding ? light(context) : 'ignore');
		const given = isSimple ? [padding] : { id: `ch${count}`, start, restart };
		startedChild(await top.startChild(given));
	}
	const { state } = top.actor.getSnapshot().context.engine;
	const members = [...state.byChild.values()];
	assert.equal(members.length, 100);
	return new Set(members.map((member) => (isSimple ? member.args : member.spec.start))).size;
}

test('do_not_save_start_parameters_for_temporary_children: nothing of their starts is kept', async (t) => {
	for (const strategy of strategies) {
		assert.equal(await keptStarts(createSupervision(t), strategy, 'permanent'), 100, strategy);
		assert.equal(await keptStarts(createSupervision(t), strategy, 'temporary'), 1, strategy);
	}
});

/** The four ways in which a child can end. */
const ways: readonly ((
	supervision: TestSupervision,
	top: SupervisorRef,
	child: Child,
) => Promise<void>)[] = [
	async (_stage, top, child) => void (await top.terminateChild(dynamicKey(top, child))),
	async ({ clock }, _top, child) => {
		child.kill();
		await clock.settle();
	},
	(supervision, _top, child) => supervision.end(child, 'normal'),
	(supervision, _top, child) => supervision.end(child, abnormal),
];

function dynamicKey(top: SupervisorRef, child: Child): string | Child {
	return top.view().strategy === 'simple_one_for_one' ? child : child.id;
}

test('do_not_save_child_specs_for_temporary_children: they go in all four ways of ending', async (t) => {
	for (const strategy of strategies) {
		for (const [index, way] of ways.entries()) {
			const supervision = createSupervision(t);
			const isSimple = strategy === 'simple_one_for_one';
			const spec = worker('ch1', { restart: 'temporary' });
			const top = await supervision.run(strategy, isSimple ? [spec] : []);
			const child = startedChild(await top.startChild(isSimple ? [] : spec));
			await way(supervision, top, child);
			assert.deepEqual(await counts(top), [isSimple ? 1 : 0, 0, 0, 0], `${strategy} ${index}`);
			assert.deepEqual(await rowsOf(top), []);
			if (!isSimple) startedChild(await top.startChild(spec));
		}
	}
	const supervision = createSupervision(t);
	const top = await supervision.start({ children: [worker('ch1', { restart: 'transient' })] });
	await top.terminateChild('ch1');
	assert.deepEqual(await top.startChild(worker('ch1')), { error: 'already_present' });
});

/** Milliseconds for stopping so many temporary children one after the other. */
async function terminateAll(supervision: TestSupervision, count: number): Promise<number> {
	const light = actorChild({ logic: fromTransition((n: number) => n, 0) });
	const template = { id: 'ch', start: light, restart: 'temporary' } as const;
	const top = await supervision.run('simple_one_for_one', [template]);
	const children: Child[] = [];
	for (let number = 0; number < count; number += 1) {
		children.push(startedChild(await top.startChild([])));
	}
	const since = realClock.monotonic();
	for (const child of children) await top.terminateChild(child);
	const tookMs = realClock.monotonic() - since;
	assert.deepEqual(await counts(top), [1, 0, 0, 0]);
	return tookMs;
}

test('simple_one_for_one_scale_many_temporary_children: stopping ten times as many is no worse', async (t) => {
	const supervision = createSupervision(t);
	await terminateAll(supervision, 1000);
	const few = await terminateAll(supervision, 1000);
	const many = await terminateAll(supervision, 10_000);
	assert.ok(many < 50 * few, `${many} ms for 10 000, ${few} ms for 1 000`);
});

test('temporary_bystander: a temporary sibling of a group restart goes, and the supervisor lives', async (t) => {
	for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
		const supervision = createSupervision(t);
		const children = [worker('ch1'), worker('ch2', { restart: 'temporary' })];
		const top = await supervision.run(strategy, children, { intensity: 10 });
		const bystander = await childOf(top, 'ch2');
		await supervision.crash(top, 'ch1');
		assert.deepEqual([fate(bystander), fate(top)], ['shutdown', 'alive']);
		assert.deepEqual(await counts(top), [1, 1, 0, 1]);
		assert.deepEqual(await top.whichChild('ch2'), { error: 'not_found' });
	}
});

test('simple_global_supervisor: named processes are registered again by their successors', async (t) => {
	const supervision = createSupervision(t);
	const { names, clock } = supervision;
	const named = (id: string): ChildSpec => ({
		id,
		start: actorChild({ logic: fromTransition((n: number) => n, 0), register: `the ${id}` }),
	});
	const inner = { name: 'inner', strategy: 'one_for_one', children: [named('clerk')] } as const;
	const top = await supervision.start({ children: [supervisorChild(inner)], intensity: 5 });
	const clerk = () => names.whereis('the clerk');
	const first = clerk();
	assert.ok(first);
	// Killing the supervisor kills the worker, and both come back.
	(await childOf(top, 'inner')).kill();
	await clock.settle();
	const second = clerk();
	assert.ok(second && second !== first && fate(first) === 'killed');
	// Killing the worker, and letting it end, bring it back under the same name.
	second.kill();
	await clock.settle();
	const third = clerk();
	assert.ok(third && third !== second);
	third.shutdown('normal');
	await clock.settle();
	const fourth = clerk();
	assert.ok(fourth && fourth !== third);
	// By hand.
	const supervisor = await supervisorOf(top, 'inner');
	await supervisor.terminateChild('clerk');
	assert.equal(clerk(), undefined);
	await supervisor.restartChild('clerk');
	assert.ok(clerk() && clerk() !== fourth);
	assert.deepEqual(names.registered(), ['the clerk']);
});
