/** OTP's supervisor_SUITE: the calls, specifications, counts, names and listings. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { checkSupervisor } from '../../supervisors/otp/spec-check.ts';
import {
	checkChildSpecs,
	startSupervisor,
	supervisorChild,
	type SupervisorRef,
} from '../../supervisors/otp/supervisor.ts';
import type { ChildSpec } from '../../supervisors/otp/child-spec.ts';
import type { Child } from '../../supervisors/otp/child.ts';
import {
	abnormal,
	childOf,
	counts,
	fate,
	fragile,
	rowOf,
	rowsOf,
	createSupervision,
	startedChild,
	worker,
} from '../support/supervised.ts';

const ok = { ok: true } as const;
const notFound = { error: 'not_found' } as const;

/** Which fault a specification of a child has; `ok` for none. */
function faultOf(spec: unknown, autoShutdown?: 'never' | 'any_significant' | 'all_significant') {
	const answer = checkChildSpecs([spec], autoShutdown);
	return 'error' in answer ? answer.fault : 'ok';
}

test('child_adm: a child from start to deletion, with every answer of every call', async (t) => {
	const { clock, start } = createSupervision(t);
	const top = await start({ children: [] });
	assert.deepEqual([await rowsOf(top), await counts(top)], [[], [0, 0, 0, 0]]);
	const spec = worker('ch1');
	const first = startedChild(await top.startChild(spec));
	assert.deepEqual(await counts(top), [1, 1, 0, 1]);
	assert.deepEqual(await top.startChild(spec), { error: 'already_started', child: first });
	assert.deepEqual(await top.restartChild('ch1'), { error: 'running' });
	assert.deepEqual(await top.deleteChild('ch1'), { error: 'running' });

	assert.deepEqual(await top.terminateChild('ch1'), ok);
	assert.equal(fate(first), 'shutdown');
	assert.deepEqual(await top.terminateChild('ch1'), ok);
	assert.deepEqual(await counts(top), [1, 0, 0, 1]);
	assert.deepEqual(await top.startChild(spec), { error: 'already_present' });

	const second = startedChild(await top.restartChild('ch1'));
	assert.notEqual(second.pid, first.pid);
	assert.deepEqual(await counts(top), [1, 1, 0, 1]);
	await top.terminateChild('ch1');
	assert.deepEqual(await top.deleteChild('ch1'), ok);
	assert.deepEqual(await counts(top), [0, 0, 0, 0]);
	for (const call of ['terminateChild', 'restartChild', 'deleteChild', 'getChildSpec'] as const) {
		assert.deepEqual(await top[call]('ch1'), notFound);
	}
	await top.stop();
	await clock.settle();
	assert.deepEqual(await top.startChild(spec), { error: 'noproc' });
	assert.deepEqual(await top.whichChildren(), { error: 'noproc' });
});

test('child_adm_simple: the same calls for dynamic children, and their refusals', async (t) => {
	const supervision = createSupervision(t);
	const top = await supervision.run('simple_one_for_one', [worker('ch')]);
	assert.deepEqual([await rowsOf(top), await counts(top)], [[], [1, 0, 0, 0]]);
	const one = startedChild(await top.startChild([]));
	const two = startedChild(await top.startChild([]));
	assert.deepEqual(await counts(top), [1, 2, 0, 2]);
	const refused = { error: 'simple_one_for_one' } as const;
	assert.deepEqual(await top.restartChild('ch'), refused);
	assert.deepEqual(await top.deleteChild('ch'), refused);
	assert.deepEqual(await top.terminateChild('ch'), refused);
	assert.ok('error' in (await top.startChild(worker('other'))));

	assert.deepEqual(await top.terminateChild(one), ok);
	assert.deepEqual(await counts(top), [1, 1, 0, 1]);
	assert.deepEqual(await top.terminateChild(one), ok, 'a dead pid is no error');
	const other = await supervision.start({ children: [worker('stranger')] });
	assert.deepEqual(await top.terminateChild(await childOf(other, 'stranger')), notFound);
	assert.equal(fate(two), 'alive');
});

test('extra_return: what a start adds for the caller is passed on, and ignored elsewhere', async (t) => {
	const { crash, start } = createSupervision(t);
	const plain = worker('ch1');
	const extra: ChildSpec = {
		id: 'ch1',
		start: async (context) => ({
			child: (await plain.start(context)) as Child,
			info: { port: 80 },
		}),
	};
	const top = await start({ children: [extra] });
	const first = await childOf(top, 'ch1');
	assert.ok('error' in (await top.startChild(extra)));
	await top.terminateChild('ch1');
	const again = await top.restartChild('ch1');
	assert.deepEqual('info' in again && again.info, { port: 80 });
	await crash(top, 'ch1');
	assert.notEqual(await childOf(top, 'ch1'), first);
	await top.terminateChild('ch1');
	await top.deleteChild('ch1');
	const started = await top.startChild(extra);
	assert.deepEqual('info' in started && started.info, { port: 80 });
});

test('child_specs: every invalid field is named, and so are duplicates and bad templates', async (t) => {
	const { start } = createSupervision(t);
	const good = worker('ch1');
	const cases: readonly (readonly [unknown, string])[] = [
		[{ ...good, id: '' }, 'invalid_id'],
		[{ ...good, id: 3 }, 'invalid_id'],
		[{ ...good, start: 'module' }, 'invalid_start'],
		[{ ...good, restart: 'prrmanent' }, 'invalid_restart'],
		[{ ...good, shutdown: -10 }, 'invalid_shutdown'],
		[{ ...good, shutdown: 1.5 }, 'invalid_shutdown'],
		[{ ...good, shutdown: 'soon' }, 'invalid_shutdown'],
		[{ ...good, type: 'wrker' }, 'invalid_child_type'],
		[{ ...good, significant: 'yes' }, 'invalid_significant'],
		[{ ...good, limit: { intensity: -1, period: 1 } }, 'invalid_limit'],
		[[], 'invalid_child_spec'],
	];
	const top = await start({ children: [] });
	for (const [spec, fault] of cases) {
		assert.equal(faultOf(spec), fault);
		const answer = await top.startChild(spec as ChildSpec);
		assert.ok('error' in answer && answer.fault === fault, fault);
	}
	const twice = checkChildSpecs([good, worker('ch2'), good]);
	assert.ok('error' in twice && twice.fault === 'duplicate_child_id');
	for (const children of [[], [good, worker('ch2')]]) {
		const checked = checkSupervisor({ name: 'top', strategy: 'simple_one_for_one', children });
		assert.ok('error' in checked && checked.fault === 'bad_template');
	}
	assert.deepEqual(await counts(top), [0, 0, 0, 0]);
});

test('child_specs_map: every combination with autoShutdown is allowed or forbidden as in OTP', () => {
	const good = worker('ch1');
	assert.equal(faultOf({ ...good, unknown: 1 }), 'ok');
	for (const restart of ['permanent', 'transient', 'temporary'] as const) {
		for (const shutdown of ['brutal_kill', 'infinity', 10] as const) {
			for (const type of ['worker', 'supervisor'] as const) {
				assert.equal(faultOf({ ...good, restart, shutdown, type }), 'ok');
			}
		}
		for (const mode of ['never', 'any_significant', 'all_significant', undefined] as const) {
			assert.equal(faultOf({ ...good, restart, significant: false }, mode), 'ok');
			const isBad = restart === 'permanent' || mode === 'never';
			const fault = faultOf({ ...good, restart, significant: true }, mode);
			assert.equal(fault, isBad ? 'bad_combination' : 'ok', `${restart} ${mode}`);
		}
	}
});

test('sup_flags: every invalid setting is named, and an unknown one is ignored', async (t) => {
	const { clock } = createSupervision(t);
	const good = { name: 'top', strategy: 'one_for_one', children: [] } as const;
	const cases: readonly (readonly [object, string])[] = [
		[{ strategy: 'none_for_one' }, 'invalid_strategy'],
		[{ strategy: undefined }, 'invalid_strategy'],
		[{ intensity: -1 }, 'invalid_intensity'],
		[{ intensity: 1.5 }, 'invalid_intensity'],
		[{ intensity: 'often' }, 'invalid_intensity'],
		[{ period: 0 }, 'invalid_period'],
		[{ period: -1 }, 'invalid_period'],
		[{ period: '5' }, 'invalid_period'],
		[{ autoShutdown: 'sometimes' }, 'invalid_auto_shutdown'],
		[{ name: '' }, 'invalid_name'],
		[{ children: {} }, 'invalid_children'],
		[{ maxChildren: -1 }, 'invalid_max_children'],
		[{ backoff: { minMs: 1 } }, 'invalid_backoff'],
		[{ backoff: { minMs: 1, maxMs: 2, jitter: 2 } }, 'invalid_backoff'],
	];
	for (const [wrong, fault] of cases) {
		const checked = checkSupervisor({ ...good, ...wrong });
		assert.ok('error' in checked && checked.fault === fault, fault);
	}
	for (const rubbish of [undefined, 'top', []]) {
		const checked = checkSupervisor(rubbish);
		assert.ok('error' in checked && checked.fault === 'invalid_supervisor');
	}
	const top = await startSupervisor({ ...good, colour: 'green' } as typeof good, { clock });
	await top.stop();
});

async function fillAndCount(top: SupervisorRef, type: 'worker' | 'supervisor'): Promise<void> {
	const listed = (count: number) =>
		type === 'worker' ? [1, count, 0, count] : [1, count, count, 0];
	for (const total of [1000, 2000]) {
		const starts = Array.from({ length: 1000 }, () => top.startChild([]));
		for (const answer of await Promise.all(starts)) startedChild(answer);
		assert.deepEqual(await counts(top), listed(total));
		const rows = await rowsOf(top);
		assert.equal(rows.length, total);
		assert.ok(rows.every((row) => row.state === 'running' && row.type === type && row.child));
	}
}

test('count_children: 1000 and then 2000 workers are counted and listed alike', async (t) => {
	await fillAndCount(
		await createSupervision(t).run('simple_one_for_one', [worker('ch')]),
		'worker',
	);
});

test('count_children_supervisor: children of the type supervisor are counted as such', async (t) => {
	const template = worker('ch', { type: 'supervisor' });
	await fillAndCount(
		await createSupervision(t).run('simple_one_for_one', [template]),
		'supervisor',
	);
});

test('count_restarting_children: they are not active, but stay counted until they are stopped', async (t) => {
	const { clock, end, run } = createSupervision(t);
	const broken = { is: false };
	const backoff = { minMs: 1000, maxMs: 1000, jitter: 0 };
	const more = { intensity: 10, period: 10, backoff };
	const top = await run('simple_one_for_one', [fragile('ch', broken)], more);
	const [one, two, three] = [
		startedChild(await top.startChild([])),
		startedChild(await top.startChild([])),
		startedChild(await top.startChild([])),
	];
	broken.is = true;
	await end(one, abnormal);
	assert.deepEqual(await counts(top), [1, 2, 0, 3]);
	await end(two, abnormal);
	await end(three, abnormal);
	await clock.advance(1000);
	assert.deepEqual(await counts(top), [1, 0, 0, 3]);
	assert.deepEqual(await top.terminateChild(three), ok);
	assert.deepEqual(await counts(top), [1, 0, 0, 2]);
	broken.is = false;
	await clock.advance(1000);
	assert.deepEqual(await counts(top), [1, 2, 0, 2]);
	const [row] = await rowsOf(top);
	await top.terminateChild(row!.child!);
	assert.deepEqual(await counts(top), [1, 1, 0, 1]);
});

test('get_callback_module: the definition and its version are read from a running supervisor', async (t) => {
	const top = await createSupervision(t).start({ name: 'pool', version: '7', children: [] });
	const { name, version, strategy } = top.view();
	assert.deepEqual([name, version, strategy], ['pool', '7', 'one_for_one']);
});

test('already_started_outside_supervisor: a taken name gives the other pid, nothing is stored', async (t) => {
	const supervision = createSupervision(t);
	const { names } = supervision;
	const elsewhere = await supervision.start({ children: [worker('ch1')] });
	const owner = await childOf(elsewhere, 'ch1');
	assert.deepEqual(names.register('clerk', owner), { ok: true });
	const named: ChildSpec = {
		id: 'ch1',
		start: (context) => {
			const taken = context.names?.whereis('clerk');
			return taken ? { alreadyStarted: taken } : 'ignore';
		},
	};
	const top = await supervision.start({ children: [] });
	assert.deepEqual(await top.startChild(named), { error: 'already_started', child: owner });
	assert.deepEqual(await counts(top), [0, 0, 0, 0]);
	assert.equal(names.whereis('clerk'), owner);
});

test('which_children: the list and each row follow start, stop, restart and delete', async (t) => {
	const { start } = createSupervision(t);
	const inner = supervisorChild({ name: 'inner', strategy: 'one_for_one', children: [] });
	const top = await start({ children: [worker('ch1'), inner] });
	const ids = async () => (await rowsOf(top)).map(({ id, state }) => `${id} ${state}`);
	assert.deepEqual(await ids(), ['inner running', 'ch1 running']);
	await top.startChild(worker('ch2'));
	assert.deepEqual(await ids(), ['ch2 running', 'inner running', 'ch1 running']);
	await top.terminateChild('inner');
	assert.deepEqual(await ids(), ['ch2 running', 'inner stopped', 'ch1 running']);
	assert.equal((await rowOf(top, 'inner')).type, 'supervisor');
	assert.equal((await rowOf(top, 'inner')).child, undefined);
	await top.restartChild('inner');
	assert.equal((await rowOf(top, 'inner')).state, 'running');
	await top.terminateChild('inner');
	await top.deleteChild('inner');
	assert.deepEqual(await ids(), ['ch2 running', 'ch1 running']);
	assert.deepEqual(await top.whichChild('inner'), notFound);
});

test('which_children_simple_one_for_one: rows are found by pid, and not by anything else', async (t) => {
	const top = await createSupervision(t).run('simple_one_for_one', [worker('ch')]);
	const one = startedChild(await top.startChild([]));
	const two = startedChild(await top.startChild([]));
	const rows = await rowsOf(top);
	assert.deepEqual(
		rows.map(({ child }) => child),
		[two, one],
	);
	assert.equal((await rowOf(top, one)).child, one);
	assert.deepEqual(await top.whichChild('ch'), { error: 'simple_one_for_one' });
	await top.terminateChild(one);
	assert.deepEqual(await top.whichChild(one), notFound);
	assert.equal((await rowsOf(top)).length, 1);
});
