/** OTP's supervisor_SUITE: starting and stopping. The titles begin with the names of its cases. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { ReeveError } from '../../runtime/platform/errors.ts';
import type { Start } from '../../supervisors/otp/child-spec.ts';
import type { Child } from '../../supervisors/otp/child.ts';
import { startSupervisor, supervisorChild } from '../../supervisors/otp/supervisor.ts';
import {
	abnormal,
	childOf,
	counts,
	exit,
	fate,
	fragile,
	rowOf,
	createSupervision,
	startedChild,
	worker,
} from '../support/supervised.ts';

const ignore: Start = () => 'ignore';
const rubbish = (() => 'rubbish') as never as Start;
const failing: Start = () => {
	throw abnormal;
};

test('sup_start_normal: an empty supervisor starts, and stops with shutdown', async (t) => {
	const top = await createSupervision(t).start({ children: [] });
	assert.equal(fate(top), 'alive');
	assert.equal(await top.stop(), 'shutdown');
	assert.equal(fate(top), 'shutdown');
});

test('sup_start_ignore_init: an init that says ignore is the answer, and nothing is left', async (t) => {
	const { clock, signals } = createSupervision(t);
	assert.equal(await startSupervisor(() => 'ignore', { clock, signals }), 'ignore');
	assert.deepEqual(signals.recent(), []);
	assert.equal(clock.pending(), 0);
});

test('sup_start_ignore_child: a child that says ignore is listed without a pid and not active', async (t) => {
	const top = await createSupervision(t).start({
		children: [{ id: 'ch1', start: ignore }, worker('ch2')],
	});
	const { child, state } = await rowOf(top, 'ch1');
	assert.deepEqual([child, state], [undefined, 'stopped']);
	assert.deepEqual(await counts(top), [2, 1, 0, 2]);
});

test('sup_start_ignore_temporary_child: it leaves no specification in the initial list', async (t) => {
	const top = await createSupervision(t).start({
		children: [{ id: 'ch1', start: ignore, restart: 'temporary' }, worker('ch2')],
	});
	assert.deepEqual(await top.whichChild('ch1'), { error: 'not_found' });
	assert.deepEqual(await counts(top), [1, 1, 0, 1]);
});

test('sup_start_ignore_temporary_child_start_child: it leaves none through startChild', async (t) => {
	const top = await createSupervision(t).start({ children: [worker('ch2')] });
	const answer = await top.startChild({ id: 'ch1', start: ignore, restart: 'temporary' });
	assert.deepEqual(answer, { child: undefined });
	assert.deepEqual(await counts(top), [1, 1, 0, 1]);
});

test('sup_start_ignore_temporary_child_start_child_simple: it leaves nothing in a pool', async (t) => {
	const template = { id: 'ch', start: ignore, restart: 'temporary' } as const;
	const top = await createSupervision(t).run('simple_one_for_one', [template]);
	assert.deepEqual(await top.startChild([]), { child: undefined });
	assert.deepEqual(await counts(top), [1, 0, 0, 0]);
});

test('sup_start_ignore_permanent_child_start_child_simple: the pool still stops cleanly', async (t) => {
	const template = { id: 'ch', start: ignore, restart: 'permanent' } as const;
	const top = await createSupervision(t).run('simple_one_for_one', [template]);
	assert.deepEqual(await top.startChild([]), { child: undefined });
	assert.deepEqual(await counts(top), [1, 0, 0, 0]);
	assert.equal(await top.stop(), 'shutdown');
});

test('sup_start_error_return: an init that returns rubbish is a start error', async (t) => {
	const { clock, signals } = createSupervision(t);
	const init = () => 'rubbish' as 'ignore';
	await assert.rejects(startSupervisor(init, { clock, signals }), { code: 'bad_supervisor' });
	assert.deepEqual(signals.recent(), []);
});

test('sup_start_fail: an init that throws is a start error with cause and stack', async (t) => {
	const { clock } = createSupervision(t);
	const init = (): 'ignore' => {
		throw new Error('init failed');
	};
	await assert.rejects(startSupervisor(init, { clock }), (thrown: Error) => {
		return thrown.message === 'init failed' && String(thrown.stack).includes('supervisor-start');
	});
	const children = [{ id: 'ch1', start: failing }];
	await assert.rejects(
		startSupervisor({ name: 'top', strategy: 'one_for_one', children }, { clock }),
		({ message, cause }: Error) => /failed_to_start_child ch1/.test(message) && cause === abnormal,
	);
});

test('sup_start_child_returns_error: a start that fails or returns rubbish leaves no spec', async (t) => {
	const top = await createSupervision(t).start({ children: [] });
	for (const start of [failing, rubbish]) {
		const answer = await top.startChild({ id: 'ch1', start });
		assert.ok('error' in answer && answer.error === 'start_failed');
		assert.ok(start === failing ? answer.cause === abnormal : /bad_return/.test(`${answer.cause}`));
		assert.deepEqual(await counts(top), [0, 0, 0, 0]);
	}
});

test('sup_start_restart_child_returns_error: a restart that throws keeps the spec without a pid', async (t) => {
	const broken = { is: false };
	const top = await createSupervision(t).start({ children: [fragile('ch1', broken)] });
	await top.terminateChild('ch1');
	broken.is = true;
	const answer = await top.restartChild('ch1');
	assert.ok('error' in answer && answer.error === 'start_failed');
	const { child, state } = await rowOf(top, 'ch1');
	assert.deepEqual([child, state], [undefined, 'stopped']);
});

test('sup_start_child_returns_error_simple: a dynamic start that fails stores nothing', async (t) => {
	for (const start of [failing, rubbish]) {
		const top = await createSupervision(t).run('simple_one_for_one', [{ id: 'ch', start }]);
		const answer = await top.startChild([]);
		assert.ok('error' in answer && answer.error === 'start_failed');
		assert.deepEqual(await counts(top), [1, 0, 0, 0]);
	}
});

test('sup_start_map: defaults are filled in, and each specification can be read', async (t) => {
	const [one, two, three] = [worker('ch1'), worker('ch2'), worker('ch3')];
	const top = await createSupervision(t).start({
		children: [one, { ...two, shutdown: 1000 }, { ...three, type: 'supervisor' }],
	});
	const defaults = { restart: 'permanent', type: 'worker', significant: false } as const;
	assert.deepEqual(await top.getChildSpec('ch1'), { ...one, ...defaults, shutdown: 5000 });
	assert.deepEqual(await top.getChildSpec('ch2'), { ...two, ...defaults, shutdown: 1000 });
	assert.deepEqual(await top.getChildSpec('ch3'), {
		...three,
		...defaults,
		type: 'supervisor',
		shutdown: 'infinity',
	});
	assert.deepEqual(await top.getChildSpec('ch4'), { error: 'not_found' });
});

test('sup_start_map_simple: the specification of a dynamic child is read by its pid', async (t) => {
	const supervision = createSupervision(t);
	const top = await supervision.run('simple_one_for_one', [worker('ch')]);
	const child = startedChild(await top.startChild([]));
	const spec = await top.getChildSpec(child);
	assert.ok(!('error' in spec) && spec.id === 'ch' && spec.shutdown === 5000);
	const other = await supervision.start({ children: [worker('stranger')] });
	const stranger = await childOf(other, 'stranger');
	assert.deepEqual(await top.getChildSpec(stranger), { error: 'not_found' });
});

test('sup_start_map_faulty_specs: what is missing or no spec is refused; unknown keys pass', async (t) => {
	const { clock } = createSupervision(t);
	const { start } = worker('ch1');
	const cases = [
		[{ start }, 'missing_id'],
		[{ id: 'ch1' }, 'missing_start'],
		['rubbish', 'invalid_child_spec'],
		[undefined, 'invalid_child_spec'],
	] as const;
	for (const [child, fault] of cases) {
		const spec = { name: 'top', strategy: 'one_for_one', children: [child as never] } as const;
		await assert.rejects(startSupervisor(spec, { clock }), ({ code, detail }: ReeveError) => {
			return code === 'bad_supervisor' && detail.startsWith(fault);
		});
	}
	const odd = { ...worker('ch1'), colour: 'green' };
	const top = await startSupervisor(
		{ name: 'top', strategy: 'one_for_one', children: [odd] },
		{ clock },
	);
	await top.stop();
});

test('sup_stop_infinity: infinity holds for a supervisor and for a worker', async (t) => {
	const supervision = createSupervision(t);
	const top = await supervision.start({
		children: [
			supervisorChild({ name: 'ch1', strategy: 'one_for_one', children: [] }),
			worker('ch2', { shutdown: 'infinity', onShutdown: 'busy' }),
		],
	});
	const [inner, slow] = [await childOf(top, 'ch1'), await childOf(top, 'ch2')];
	void top.stop();
	await supervision.clock.advance(1_000_000_000);
	assert.deepEqual([fate(inner), fate(slow), fate(top)], ['alive', 'alive', 'alive']);
	exit(slow, 'shutdown');
	await supervision.clock.settle();
	assert.deepEqual([fate(inner), fate(slow), fate(top)], ['shutdown', 'shutdown', 'shutdown']);
	assert.deepEqual(supervision.seen('supervisor.report'), []);
});

test('sup_stop_timeout: a busy child is killed after its time, a polite one ends with shutdown', async (t) => {
	const supervision = createSupervision(t);
	const top = await supervision.start({
		children: [
			worker('ch1', { shutdown: 1000 }),
			worker('ch2', { shutdown: 1000, onShutdown: 'busy' }),
		],
	});
	const [polite, busy] = [await childOf(top, 'ch1'), await childOf(top, 'ch2')];
	void top.stop();
	await supervision.clock.advance(999);
	assert.deepEqual([fate(polite), fate(busy)], ['alive', 'alive']);
	await supervision.clock.advance(1);
	assert.deepEqual([fate(polite), fate(busy), fate(top)], ['shutdown', 'killed', 'shutdown']);
	assert.ok(busy.signal.aborted && !polite.signal.aborted);
	assert.deepEqual(
		supervision.seen('supervisor.report').map(({ report, child }) => [report, child]),
		[['shutdown_error', 'ch2']],
	);
});

test('sup_stop_timeout_dynamic: busy dynamic children are killed after their time', async (t) => {
	const supervision = createSupervision(t);
	const busy = worker('ch', { shutdown: 1000, onShutdown: 'busy' });
	const top = await supervision.run('simple_one_for_one', [busy]);
	const children = [];
	for (let count = 0; count < 4; count += 1) children.push(startedChild(await top.startChild([])));
	exit(children[0]!, 'shutdown');
	await supervision.clock.settle();
	void top.stop();
	await supervision.clock.advance(1000);
	// The first was permanent: it has a successor, which was busy too.
	assert.deepEqual(children.map(fate), ['shutdown', 'killed', 'killed', 'killed']);
	assert.equal(fate(top), 'shutdown');
});

test('sup_stop_brutal_kill: the child is fenced and ends killed, its sibling with shutdown', async (t) => {
	const supervision = createSupervision(t);
	const top = await supervision.start({
		children: [worker('ch1'), worker('ch2', { shutdown: 'brutal_kill', onShutdown: 'busy' })],
	});
	const [polite, brutal] = [await childOf(top, 'ch1'), await childOf(top, 'ch2')];
	await top.stop();
	assert.deepEqual([fate(polite), fate(brutal)], ['shutdown', 'killed']);
	assert.ok(brutal.isFenced && brutal.signal.aborted && !polite.isFenced);
	assert.deepEqual(supervision.seen('supervisor.report'), []);
});

test('sup_stop_brutal_kill_dynamic: ten dynamic children are all killed', async (t) => {
	const brutal = worker('ch', { shutdown: 'brutal_kill', onShutdown: 'busy' });
	const top = await createSupervision(t).run('simple_one_for_one', [brutal]);
	const children: Child[] = [];
	for (let count = 0; count < 10; count += 1) children.push(startedChild(await top.startChild([])));
	await top.stop();
	assert.deepEqual(new Set(children.map(fate)), new Set(['killed']));
});

test('sup_stop_race: children that end by themselves during a slow stop keep their reasons', async (t) => {
	const reasons = ['normal', 'shutdown', { shutdown: 'race' }, abnormal] as const;
	const texts = ['normal', 'shutdown', 'shutdown: race', 'abnormal'];
	for (const restart of ['permanent', 'transient', 'temporary'] as const) {
		const supervision = createSupervision(t);
		const early = reasons.map((_, index) => worker(`ch${index}`, { restart }));
		const slow = worker('slow', { restart, onShutdown: 'busy', shutdown: 1000 });
		const top = await supervision.start({ children: [...early, slow] });
		const children = await Promise.all(early.map(({ id }) => childOf(top, id)));
		const last = await childOf(top, 'slow');
		void top.stop();
		await supervision.clock.advance(500);
		for (const [index, child] of children.entries()) exit(child, reasons[index]!);
		await supervision.clock.advance(500);
		assert.deepEqual(children.map(fate), texts);
		assert.deepEqual([fate(last), fate(top)], ['killed', 'shutdown']);
		assert.equal(supervision.seen('child.restarted').length, 0);
	}
});

test('sup_stop_non_shutdown_exit_dynamic: other answers to shutdown do not disturb the stop', async (t) => {
	for (const onShutdown of [{ shutdown: 'other' }, abnormal] as const) {
		const supervision = createSupervision(t);
		const top = await supervision.run('simple_one_for_one', [
			worker('ch', { restart: 'temporary', onShutdown }),
		]);
		const children: Child[] = [];
		for (let count = 0; count < 3; count += 1)
			children.push(startedChild(await top.startChild([])));
		assert.equal(await top.stop(), 'shutdown');
		const text = onShutdown === abnormal ? 'abnormal' : 'shutdown: other';
		assert.deepEqual(children.map(fate), [text, text, text]);
		const isError = onShutdown === abnormal;
		assert.equal(supervision.seen('supervisor.report').length, isError ? 3 : 0);
	}
});
