/**
 * OTP's supervisor_SUITE: hot changes of specifications. OTP's tuple form has no counterpart here.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { SupervisorSpec } from '../../supervisors/otp/child-spec.ts';
import type { Refusal } from '../../supervisors/otp/child-management.ts';
import type { SpecDiff } from '../../supervisors/otp/hot-change.ts';
import {
	childOf,
	fate,
	living,
	createSupervision,
	rowsOf,
	startedChild,
	supervisorOf,
	worker,
} from '../support/supervised.ts';
import { supervisorChild } from '../../supervisors/otp/supervisor.ts';

function diffOf(answer: SpecDiff | Refusal): SpecDiff {
	assert.ok(!('error' in answer), 'error' in answer ? answer.detail : '');
	return answer;
}

function faultOf(answer: SpecDiff | Refusal): string | undefined {
	return 'error' in answer ? answer.fault : undefined;
}

const one = worker('ch1');
const two = worker('ch2');
const spec: SupervisorSpec = { name: 'top', strategy: 'one_for_one', children: [one] };

test('code_change: settings change, faults are refused, ignore keeps all', async (t) => {
	const { clock, crash, start } = createSupervision(t);
	const top = await start(spec);
	const before = living(top);
	const diff = diffOf(await top.changeSpecs({ ...spec, intensity: 3, strategy: 'one_for_all' }));
	assert.deepEqual(diff, {
		settings: ['strategy', 'intensity'],
		added: [],
		changed: [],
		leftOver: [],
		order: ['ch1'],
	});
	assert.equal(top.view().strategy, 'one_for_all');
	for (let count = 0; count < 3; count += 1) await crash(top, 'ch1');
	assert.equal(fate(top), 'alive', 'the new intensity counts');
	await clock.advance(10_000);

	const now = living(top);
	assert.notDeepEqual(now, before);
	const faulty = { ...spec, children: [{ ...one, restart: 'often' as 'permanent' }] };
	assert.equal(faultOf(await top.changeSpecs(faulty)), 'invalid_restart');
	assert.equal(faultOf(await top.changeSpecs('rubbish' as 'ignore')), 'invalid_supervisor');
	assert.equal(faultOf(await top.changeSpecs({ ...spec, period: 0 })), 'invalid_period');
	assert.equal(faultOf(await top.changeSpecs({ ...spec, name: 'other' })), 'invalid_name');
	assert.deepEqual(diffOf(await top.changeSpecs('ignore')).settings, []);
	assert.deepEqual([living(top), top.view().strategy], [now, 'one_for_all']);
});

test('code_change_map: children are added unstarted, changed while they run, and kept when left out', async (t) => {
	const { start } = createSupervision(t);
	const top = await start(spec);
	const first = await childOf(top, 'ch1');

	const added = { ...spec, children: [two, { ...one, shutdown: 1000 }] };
	const preview = diffOf(await top.changeSpecs(added, { dryRun: true }));
	assert.deepEqual(
		[preview.added, preview.changed, preview.order],
		[['ch2'], ['ch1'], ['ch2', 'ch1']],
	);
	assert.deepEqual(living(top), { ch1: first.pid }, 'a dry run changes nothing');

	assert.deepEqual(diffOf(await top.changeSpecs(added)), preview);
	assert.deepEqual(Object.entries(living(top)), [
		['ch2', 'stopped'],
		['ch1', first.pid],
	]);
	const changed = await top.getChildSpec('ch1');
	assert.ok(!('error' in changed) && changed.shutdown === 1000);
	startedChild(await top.restartChild('ch2'));

	const less = diffOf(await top.changeSpecs({ ...spec, children: [worker('ch3'), two] }));
	assert.deepEqual([less.leftOver, less.order], [['ch1'], ['ch3', 'ch2', 'ch1']]);
	assert.deepEqual(Object.keys(living(top)), ['ch3', 'ch2', 'ch1']);
	assert.equal(await childOf(top, 'ch1'), first);
	await top.terminateChild('ch1');
	assert.deepEqual(await top.deleteChild('ch1'), { ok: true });
	await top.stop();
	assert.equal(fate(top), 'shutdown');
});

const pool: SupervisorSpec = { name: 'top', strategy: 'simple_one_for_one', children: [one] };

test('code_change_simple: the template may change; there is always exactly one', async (t) => {
	const { start } = createSupervision(t);
	const top = await start(pool);
	const child = startedChild(await top.startChild([]));
	for (const children of [[], [one, two]]) {
		assert.equal(faultOf(await top.changeSpecs({ ...pool, children })), 'bad_template');
	}
	const diff = diffOf(await top.changeSpecs({ ...pool, children: [{ ...one, shutdown: 7 }] }));
	assert.deepEqual([diff.changed, diff.added, diff.leftOver], [['ch1'], [], []]);
	const running = await top.getChildSpec(child);
	assert.ok(!('error' in running) && running.shutdown === 7);
});

test('code_change_simple_map: dynamic children keep running, and restart by the new template', async (t) => {
	const { end, start } = createSupervision(t);
	const top = await start(pool);
	const child = startedChild(await top.startChild([]));
	const temporary = { ...one, restart: 'temporary' } as const;
	diffOf(await top.changeSpecs({ ...pool, children: [temporary] }));
	assert.equal(fate(child), 'alive');
	await end(child, new Error('crash'));
	assert.deepEqual(await rowsOf(top), []);
	const notSimple = { ...pool, strategy: 'one_for_one' } as const;
	assert.equal(faultOf(await top.changeSpecs(notSimple)), 'invalid_strategy');
});

test('changed_supervisor_child: its new specification takes effect when it is started again', async (t) => {
	const { clock, start } = createSupervision(t);
	const inner: SupervisorSpec = { name: 'inner', strategy: 'one_for_one', children: [one] };
	const top = await start({ children: [supervisorChild(inner)] });
	const next = supervisorChild({ ...inner, children: [one, two] });
	diffOf(await top.changeSpecs({ name: 'top', strategy: 'one_for_one', children: [next] }));
	assert.deepEqual(Object.keys(living(await supervisorOf(top, 'inner'))), ['ch1']);
	(await childOf(top, 'inner')).kill();
	await clock.settle();
	assert.deepEqual(Object.keys(living(await supervisorOf(top, 'inner'))), ['ch1', 'ch2']);
});
