/**
 * OTP's supervisor_SUITE: restart intensity, the four strategies, loops of failing restarts, order.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pause, realClock } from '../../runtime/platform/clock.ts';
import type { ChildSpec, Strategy } from '../../supervisors/otp/child-spec.ts';
import type { Child } from '../../supervisors/otp/child.ts';
import { startSupervisor } from '../../supervisors/otp/supervisor.ts';
import {
	abnormal,
	childOf,
	counts,
	fate,
	fragile,
	living,
	rowOf,
	rowsOf,
	createSupervision,
	startedChild,
	worker,
	type TestSupervision,
} from '../support/supervised.ts';

const limit = { intensity: 2, period: 10 };

test('multiple_restarts: crashes further apart than the period never use up the budget', async (t) => {
	const { clock, crash, start } = createSupervision(t);
	const top = await start({ children: [worker('ch1')], intensity: 1, period: 1 });
	for (let count = 0; count < 12; count += 1) {
		await crash(top, 'ch1');
		await clock.advance(2000);
	}
	assert.equal(fate(top), 'alive');
	await crash(top, 'ch1');
	await crash(top, 'ch1');
	assert.equal(fate(top), 'shutdown');
});

test('one_for_one: only the crashed child changes; the third crash ends the supervisor', async (t) => {
	const { crash, run } = createSupervision(t);
	const top = await run('one_for_one', [worker('ch1'), worker('ch2')], limit);
	const before = living(top);
	await crash(top, 'ch1');
	const after = living(top);
	assert.notEqual(after.ch1, before.ch1);
	assert.equal(after.ch2, before.ch2);
	await crash(top, 'ch1');
	const second = await childOf(top, 'ch2');
	await crash(top, 'ch1');
	assert.deepEqual([fate(top), fate(second)], ['shutdown', 'shutdown']);
});

test('one_for_one_escalation: a child that cannot restart ends its supervisor with the siblings', async (t) => {
	const { clock, crash, run, seen } = createSupervision(t);
	const broken = { is: false };
	const top = await run('one_for_one', [fragile('ch1', broken), worker('ch2')], {
		intensity: 4,
		period: 10,
	});
	const sibling = await childOf(top, 'ch2');
	broken.is = true;
	await crash(top, 'ch1');
	for (let count = 0; count < 3; count += 1) await clock.settle();
	assert.deepEqual([fate(top), fate(sibling)], ['shutdown', 'shutdown']);
	const [{ child, reason } = {}] = seen('supervisor.gaveUp');
	assert.deepEqual([child, reason], ['ch1', 'reached_max_restart_intensity']);
});

test('one_for_all: all pids are replaced, and the budget counts restarts of the group', async (t) => {
	const { crash, run } = createSupervision(t);
	const top = await run('one_for_all', [worker('ch1'), worker('ch2')], limit);
	const before = living(top);
	await crash(top, 'ch1');
	const after = living(top);
	assert.notEqual(after.ch1, before.ch1);
	assert.notEqual(after.ch2, before.ch2);
	await crash(top, 'ch2');
	assert.equal(fate(top), 'alive');
	const last = await childOf(top, 'ch1');
	await crash(top, 'ch2');
	assert.deepEqual([fate(top), fate(last)], ['shutdown', 'shutdown']);
});

test('one_for_all_escalation: a sibling that fails its start in the group restart escalates', async (t) => {
	const { clock, crash, run } = createSupervision(t);
	const broken = { is: false };
	const top = await run('one_for_all', [worker('ch1'), fragile('ch2', broken)], {
		intensity: 4,
		period: 10,
	});
	broken.is = true;
	await crash(top, 'ch1');
	for (let count = 0; count < 3; count += 1) await clock.settle();
	assert.equal(fate(top), 'shutdown');
});

/** A child that fails its start the given number of times after its first. */
function failsTimes(id: string, times: number): ChildSpec {
	const broken = { is: false };
	const { start } = fragile(id, broken);
	return {
		id,
		start(context) {
			broken.is = context.incarnation > 1 && context.incarnation <= times + 1;
			return start(context);
		},
	};
}

test('one_for_all_other_child_fails_restart: all are tried again, the fresh ones stopped first', async (t) => {
	const { clock, crash, run, seen } = createSupervision(t);
	const top = await run('one_for_all', [worker('ch1'), failsTimes('ch2', 1)], {
		intensity: 3,
		period: 10,
	});
	await crash(top, 'ch1');
	await clock.settle();
	const story = seen('child.restarted').map(({ child, restarts }) => `${child} ${restarts}`);
	// The first child was restarted twice: once before the sibling failed, and once with it.
	assert.deepEqual(story, ['ch1 1', 'ch1 2', 'ch2 1']);
	assert.deepEqual(
		seen('child.exited').map(({ child, reason }) => `${child} ${reason}`),
		['ch1 abnormal', 'ch2 shutdown', 'ch1 shutdown'],
	);
	assert.deepEqual(await counts(top), [2, 2, 0, 2]);
});

async function startMany(supervision: TestSupervision, count: number, template: ChildSpec) {
	const top = await supervision.run('simple_one_for_one', [template], limit);
	const children: Child[] = [];
	for (let number = 0; number < count; number += 1) {
		children.push(startedChild(await top.startChild([])));
	}
	return { top, children };
}

test('simple_one_for_one: a crashed child is restarted until the budget is used up', async (t) => {
	const supervision = createSupervision(t);
	const { top, children } = await startMany(supervision, 2, worker('ch'));
	const [one, two] = children as [Child, Child];
	await supervision.end(one, abnormal);
	assert.deepEqual(await counts(top), [1, 2, 0, 2]);
	assert.equal(fate(two), 'alive');
	await supervision.end(two, abnormal);
	assert.equal(fate(top), 'alive');
	const [row] = await rowsOf(top);
	await supervision.end(row!.child!, abnormal);
	assert.equal(fate(top), 'shutdown');
});

test('simple_one_for_one_shutdown: the stop takes as long as the slowest, not as all together', async (t) => {
	const supervision = createSupervision(t);
	const busy = worker('ch', { shutdown: 1000, onShutdown: 'busy' });
	const { top, children } = await startMany(supervision, 20, busy);
	void top.stop();
	await supervision.clock.advance(999);
	assert.equal(fate(top), 'alive');
	await supervision.clock.advance(1);
	assert.equal(fate(top), 'shutdown');
	assert.ok(children.every((child) => fate(child) === 'killed'));
});

test('simple_one_for_one_extra: starts that return extra information are restarted as well', async (t) => {
	const supervision = createSupervision(t);
	const plain = worker('ch');
	const extra: ChildSpec = {
		id: 'ch',
		start: async (context) => ({ child: (await plain.start(context)) as Child, info: 'extra' }),
	};
	const { top, children } = await startMany(supervision, 2, extra);
	await supervision.end(children[0]!, abnormal);
	assert.deepEqual(await counts(top), [1, 2, 0, 2]);
	await supervision.end(children[1]!, abnormal);
	assert.equal(fate(top), 'alive');
});

test('simple_one_for_one_escalation: a dynamic child that cannot restart escalates', async (t) => {
	const supervision = createSupervision(t);
	const broken = { is: false };
	const { top, children } = await startMany(supervision, 2, fragile('ch', broken));
	broken.is = true;
	await supervision.end(children[0]!, abnormal);
	for (let count = 0; count < 3; count += 1) await supervision.clock.settle();
	assert.deepEqual([fate(top), fate(children[1]!)], ['shutdown', 'shutdown']);
});

test('simple_one_for_one_corruption: arguments of temporary children are never kept', async (t) => {
	const supervision = createSupervision(t);
	const held: WeakRef<object>[] = [];
	const top = await supervision.run('simple_one_for_one', [worker('ch', { restart: 'temporary' })]);
	const startOne = async (): Promise<Child> => {
		const large = new Uint8Array(1 << 16);
		held.push(new WeakRef(large));
		return startedChild(await top.startChild([large]));
	};
	const first = await startOne();
	const second = await startOne();
	await supervision.end(first, abnormal);
	await startOne();
	setFlagsFromString('--expose-gc');
	const collect = runInNewContext('gc') as () => void;
	for (let round = 0; round < 5; round += 1) {
		await supervision.clock.settle();
		collect();
	}
	assert.deepEqual(
		held.map((ref) => (ref.deref() ? 'kept' : 'gone')),
		['gone', 'gone', 'gone'],
	);
	assert.equal(fate(second), 'alive');
	assert.deepEqual(await counts(top), [1, 2, 0, 2]);
});

test('simple_one_for_one_restart_ignore: a restart that says ignore removes the child', async (t) => {
	const supervision = createSupervision(t);
	const plain = worker('ch');
	const once: ChildSpec = {
		id: 'ch',
		start: (context) => (context.incarnation === 1 ? plain.start(context) : 'ignore'),
	};
	const { top, children } = await startMany(supervision, 2, once);
	await supervision.end(children[0]!, abnormal);
	assert.deepEqual(await counts(top), [1, 1, 0, 1]);
	assert.equal(fate(top), 'alive');
	startedChild(await top.startChild([]));
});

test('rest_for_one: earlier children stay, later ones are replaced, the budget holds', async (t) => {
	const { crash, run } = createSupervision(t);
	const children = [worker('ch1'), worker('ch2'), worker('ch3')];
	const top = await run('rest_for_one', children, limit);
	const before = living(top);
	await crash(top, 'ch2');
	const after = living(top);
	assert.equal(after.ch1, before.ch1);
	assert.notEqual(after.ch2, before.ch2);
	assert.notEqual(after.ch3, before.ch3);
	await crash(top, 'ch2');
	await crash(top, 'ch2');
	assert.equal(fate(top), 'shutdown');
});

test('rest_for_one_escalation: a later start that keeps failing escalates', async (t) => {
	const { clock, crash, run } = createSupervision(t);
	const broken = { is: false };
	const top = await run('rest_for_one', [worker('ch1'), fragile('ch2', broken)], {
		intensity: 4,
		period: 10,
	});
	broken.is = true;
	await crash(top, 'ch1');
	for (let count = 0; count < 3; count += 1) await clock.settle();
	assert.equal(fate(top), 'shutdown');
});

test('rest_for_one_other_child_fails_restart: only the later child is tried again', async (t) => {
	const { clock, crash, run, seen } = createSupervision(t);
	const top = await run('rest_for_one', [worker('ch1'), failsTimes('ch2', 1)], {
		intensity: 3,
		period: 10,
	});
	await crash(top, 'ch1');
	await clock.settle();
	const story = seen('child.restarted').map(({ child, restarts }) => `${child} ${restarts}`);
	assert.deepEqual(story, ['ch1 1', 'ch2 1']);
	assert.deepEqual(await counts(top), [2, 2, 0, 2]);
});

/** A child whose restarts take two seconds and then fail. */
function hanging(id: string, supervision: TestSupervision, isFailing = { is: true }): ChildSpec {
	const plain = worker(id);
	return {
		id,
		start: async (context) => {
			if (context.incarnation > 1 && isFailing.is) {
				await pause(supervision.clock, 2000);
				throw new Error('hanging');
			}
			return plain.start(context);
		},
	};
}

const patient = { intensity: 8, period: 10 };
const restarting = { error: 'restarting' } as const;

/** Waits until the try under way has failed. The answers of calls wait for it as well. */
async function answers<Result>(
	supervision: TestSupervision,
	call: Promise<Result>,
): Promise<Result> {
	await supervision.clock.advance(2000);
	return call;
}

test('hanging_restart_loop: while a child keeps failing to start, every call is answered', async (t) => {
	const supervision = createSupervision(t);
	const spec = hanging('ch1', supervision);
	const top = await supervision.run('one_for_one', [], patient);
	startedChild(await top.startChild(spec));
	await supervision.crash(top, 'ch1');
	assert.deepEqual(await answers(supervision, top.startChild(spec)), { error: 'already_present' });
	assert.deepEqual(await answers(supervision, top.restartChild('ch1')), restarting);
	assert.deepEqual(await answers(supervision, top.deleteChild('ch1')), restarting);
	const rows = await answers(supervision, rowsOf(top));
	assert.deepEqual(
		rows.map(({ id, state }) => `${id} ${state}`),
		['ch1 restarting'],
	);
	assert.deepEqual(await answers(supervision, counts(top)), [1, 0, 0, 1]);
	assert.deepEqual(await answers(supervision, top.terminateChild('ch1')), { ok: true });
	await supervision.clock.advance(10_000);
	assert.equal((await rowOf(top, 'ch1')).state, 'stopped');
	assert.deepEqual(await top.deleteChild('ch1'), { ok: true });

	startedChild(await top.startChild(spec));
	await supervision.crash(top, 'ch1');
	assert.equal(await answers(supervision, top.stop()), 'shutdown');
});

test('hanging_restart_loop_rest_for_one: later siblings are down, earlier ones untouched', async (t) => {
	const supervision = createSupervision(t);
	const spec = hanging('ch2', supervision);
	const children = [worker('ch1'), spec, worker('ch3')];
	const top = await supervision.run('rest_for_one', children, patient);
	const first = await childOf(top, 'ch1');
	await supervision.crash(top, 'ch2');
	assert.deepEqual(await answers(supervision, top.startChild(spec)), { error: 'already_present' });
	assert.deepEqual(await answers(supervision, top.restartChild('ch2')), restarting);
	assert.deepEqual(await answers(supervision, top.deleteChild('ch2')), restarting);
	await answers(supervision, rowsOf(top));
	assert.deepEqual(living(top), { ch1: first.pid, ch2: 'restarting', ch3: 'stopped' });
	assert.deepEqual(await answers(supervision, counts(top)), [3, 1, 0, 3]);
	assert.deepEqual(await answers(supervision, top.terminateChild('ch2')), { ok: true });
	await supervision.clock.advance(10_000);
	assert.deepEqual(living(top), { ch1: first.pid, ch2: 'stopped', ch3: 'stopped' });
	assert.equal(await answers(supervision, top.stop()), 'shutdown');
});

test('hanging_restart_loop_simple: a dynamic child that hangs is found and stopped by its old pid', async (t) => {
	const supervision = createSupervision(t);
	const top = await supervision.run('simple_one_for_one', [hanging('ch', supervision)], patient);
	const child = startedChild(await top.startChild([]));
	await supervision.end(child, abnormal);
	const refused = { error: 'simple_one_for_one' } as const;
	assert.deepEqual(await answers(supervision, top.restartChild('ch')), refused);
	assert.deepEqual(await answers(supervision, top.deleteChild('ch')), refused);
	const [row] = await answers(supervision, rowsOf(top));
	assert.equal(row?.state, 'restarting');
	assert.deepEqual(await answers(supervision, counts(top)), [1, 0, 0, 1]);
	assert.deepEqual(await answers(supervision, top.terminateChild(child)), { ok: true });
	assert.deepEqual(await answers(supervision, counts(top)), [1, 0, 0, 0]);
	assert.equal(await answers(supervision, top.stop()), 'shutdown');
});

test('order_of_children: start order, reverse stop order, and both after a partial restart', async (t) => {
	const supervision = createSupervision(t);
	const ids = ['ch1', 'ch2', 'ch3', 'ch4', 'ch5'];
	const top = await supervision.run(
		'rest_for_one',
		ids.map((id) => worker(id)),
		limit,
	);
	const story = (type: 'child.started' | 'child.restarted' | 'child.exited') =>
		supervision.seen(type).map(({ child }) => child);
	assert.deepEqual(story('child.started'), ids);
	await supervision.crash(top, 'ch3');
	assert.deepEqual(story('child.exited'), ['ch3', 'ch5', 'ch4']);
	assert.deepEqual(story('child.restarted'), ['ch3', 'ch4', 'ch5']);
	assert.deepEqual(Object.keys(living(top)), ids);
	await top.stop();
	assert.deepEqual(story('child.exited').slice(3), ids.toReversed());
});

/** Milliseconds that so many static children take to start and to stop. */
async function scale(strategy: Strategy, count: number): Promise<number> {
	const children = Array.from({ length: count }, (_, index) => worker(`ch${index}`));
	const since = realClock.monotonic();
	const top = await startSupervisor({ name: 'top', strategy, children }, { clock: realClock });
	await top.stop();
	return realClock.monotonic() - since;
}

test('scale_start_stop_many_children: ten times the children take about ten times as long', async () => {
	await scale('one_for_one', 1000);
	const few = Math.min(await scale('one_for_one', 1000), await scale('one_for_one', 1000));
	const many = Math.min(await scale('one_for_one', 10_000), await scale('one_for_one', 10_000));
	// Quadratic would be a hundred times; OTP's suite allows a factor of five over linear.
	assert.ok(many < 50 * few, `${many} ms for 10 000, ${few} ms for 1 000`);
});
