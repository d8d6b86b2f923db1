import assert from 'node:assert/strict';
import test from 'node:test';
import type { ChildSpec, SupervisorSpec } from '../../../supervisors/otp/child-spec.ts';
import {
	abnormal,
	createSupervision,
	fate,
	fragile,
	living,
	startedChild,
	worker,
} from '../../support/supervised.ts';

const backoff = { minMs: 1000, maxMs: 1000, jitter: 0 };

for (const [strategy, after] of [
	['one_for_one', ['ch1', 'ch2', 'ch3']],
	['one_for_all', ['ch1', 'ch3']],
	['rest_for_one', ['ch1', 'ch3']],
] as const) {
	const becomes = after.length === 3 ? 'tried again' : 'forgotten';
	test(`a restarting child that a change makes temporary is ${becomes} under ${strategy}`, async (t) => {
		const { clock, crash, start } = createSupervision(t);
		const broken = { is: false };
		const spec = (restart: ChildSpec['restart']): SupervisorSpec => ({
			name: 'top',
			strategy,
			intensity: 9,
			backoff,
			children: [worker('ch1'), { ...fragile('ch2', broken), restart }, worker('ch3')],
		});
		const top = await start(spec('permanent'));
		broken.is = true;
		await crash(top, 'ch2');
		await clock.advance(1000);
		assert.equal(living(top)['ch2'], 'restarting');
		assert.ok(!('error' in (await top.changeSpecs(spec('temporary')))));
		broken.is = false;
		await clock.advance(1000);
		assert.deepEqual(Object.keys(living(top)), after);
		assert.doesNotMatch(Object.values(living(top)).join(), /restarting|stopped/);
	});
}

test('a dynamic child that was started as temporary has no arguments to be restarted with', async (t) => {
	const { end, run, seen } = createSupervision(t);
	const started: unknown[] = [];
	const template = worker('ch');
	const keeping: ChildSpec = {
		...template,
		start(context) {
			started.push(context.args);
			return template.start(context);
		},
	};
	const pool = { name: 'top', strategy: 'simple_one_for_one', intensity: 2 } as const;
	const top = await run('simple_one_for_one', [{ ...keeping, restart: 'temporary' }], pool);
	const old = startedChild(await top.startChild(['old']));
	assert.ok(!('error' in (await top.changeSpecs({ ...pool, children: [keeping] }))));
	const later = startedChild(await top.startChild(['later']));
	await end(later, abnormal);
	assert.deepEqual(started, [['old'], ['later'], ['later']]);
	await end(old, abnormal);
	assert.deepEqual(started.slice(3), [], 'nothing is started with other arguments');
	const reports = seen('supervisor.report').filter(({ report }) => report === 'start_error');
	assert.match(reports[0]?.detail ?? '', /arguments were not kept/);
	assert.equal(fate(top), 'shutdown');
});
