import assert from 'node:assert/strict';
import test from 'node:test';
import type { ChildSpec } from '../../../supervisors/otp/child-spec.ts';
import type { SupervisorRef } from '../../../supervisors/otp/supervisor.ts';
import {
	childOf,
	counts,
	createSupervision,
	living,
	rowsOf,
	startedChild,
	worker,
} from '../../support/supervised.ts';

/** Keeps the supervisor busy with a start, until the function that it returns is called. */
function hold(top: SupervisorRef): () => void {
	let open = (): void => {};
	const start = () =>
		new Promise<'ignore'>((resolve) => {
			open = () => resolve('ignore');
		});
	void top.startChild({ id: 'gate', restart: 'temporary', start });
	return () => open();
}

test('a supervisor that has ended has no children to list or count: the answer is noproc', async (t) => {
	const { run } = createSupervision(t);
	const top = await run('one_for_one', [worker('ch1')]);
	const open = hold(top);
	const behindTheStop = [top.stop(), top.whichChildren(), top.countChildren()] as const;
	open();
	const gone = { error: 'noproc' };
	assert.deepEqual((await Promise.all(behindTheStop)).slice(1), [gone, gone]);
	assert.deepEqual([await top.whichChildren(), await top.countChildren()], [gone, gone]);
});

test('a static child whose end is not handled yet is listed, and not counted as active', async (t) => {
	const { run } = createSupervision(t);
	const top = await run('one_for_one', [worker('ch1'), worker('ch2')]);
	const child = await childOf(top, 'ch1');
	const open = hold(top);
	const [rows, counted] = [rowsOf(top), counts(top)];
	child.kill();
	open();
	assert.deepEqual(await counted, [2, 1, 0, 2]);
	assert.deepEqual(
		(await rows).map(({ state }) => state),
		['running', 'running'],
	);
});

test('the specification of dynamic children is found by the id of the template and by an ended actor', async (t) => {
	const { run } = createSupervision(t);
	const top = await run('simple_one_for_one', [worker('ch', { restart: 'temporary' })]);
	const child = startedChild(await top.startChild([]));
	const known = await top.getChildSpec(child);
	assert.ok(!('error' in known) && known.restart === 'temporary');
	assert.deepEqual(await top.getChildSpec('ch'), known);
	await top.terminateChild(child);
	assert.deepEqual(await top.getChildSpec(child), known);
	assert.deepEqual(await top.getChildSpec('other'), { error: 'not_found' });
	assert.deepEqual(await top.getChildSpec(top), { error: 'not_found' }, 'a living stranger');
});

test('a temporary child that a change has added stays listed when restartChild finds it ignores', async (t) => {
	const { start } = createSupervision(t);
	const top = await start({ children: [] });
	const ignoring: ChildSpec = { id: 'ch', restart: 'temporary', start: () => 'ignore' };
	await top.changeSpecs({ name: 'top', strategy: 'one_for_one', children: [ignoring] });
	for (let time = 0; time < 2; time += 1) {
		assert.deepEqual(await top.restartChild('ch'), { child: undefined });
		assert.deepEqual(living(top), { ch: 'stopped' });
	}
});

for (const restart of ['temporary', 'transient', 'permanent'] as const) {
	const isReported = restart === 'permanent';
	test(`a ${restart} child that ends expectedly before its brutal_kill is ${isReported ? '' : 'not '}reported`, async (t) => {
		const { end, run, seen } = createSupervision(t);
		const top = await run('one_for_one', [worker('ch', { restart, shutdown: 'brutal_kill' })]);
		const child = await childOf(top, 'ch');
		const open = hold(top);
		const ended = top.terminateChild('ch');
		await end(child, 'normal');
		open();
		assert.deepEqual(await ended, { ok: true });
		const reports = seen('supervisor.report').map(({ report, detail }) => `${report} ${detail}`);
		assert.deepEqual(reports, isReported ? ['shutdown_error normal'] : []);
	});
}
