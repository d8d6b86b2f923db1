import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { fileBudgets } from '../../../supervisors/otp/budget-file.ts';
import { startSupervisor } from '../../../supervisors/otp/supervisor.ts';
import { abnormal, childOf, exit, fate, worker } from '../../support/supervised.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test('what is saved is found by the next process, and nothing else lies in its folder', (t) => {
	const file = join(temporaryFolder(t), 'deep', 'budgets.json');
	const budget = { restarts: [1000, 2000], restarting: ['db'] };
	assert.equal(fileBudgets(file).load('top'), undefined);
	fileBudgets(file).save('top', budget);
	const next = fileBudgets(file);
	next.save('top/inner', { restarts: [], restarting: [] });
	assert.deepEqual(fileBudgets(file).load('top'), budget);
	assert.deepEqual(readdirSync(dirname(file)), ['budgets.json']);
});

test('a file that is damaged, or holds something else, counts as empty where it is', (t) => {
	const file = join(temporaryFolder(t), 'budgets.json');
	for (const text of ['', '{"top":', '7', '{"top":{"restarts":"many"}}', '{"top":null}']) {
		writeFileSync(file, text);
		assert.equal(fileBudgets(file).load('top'), undefined, text);
	}
	writeFileSync(file, '{"bad":1,"top":{"restarts":[5],"restarting":[]}}');
	assert.deepEqual(fileBudgets(file).load('top'), { restarts: [5], restarting: [] });
});

test('a change that changes nothing is not written', (t) => {
	const file = join(temporaryFolder(t), 'budgets.json');
	const budgets = fileBudgets(file);
	budgets.save('top', { restarts: [1], restarting: [] });
	writeFileSync(file, 'untouched');
	budgets.save('top', { restarts: [1], restarting: [] });
	assert.equal(readFileSync(file, 'utf8'), 'untouched');
});

test('restarts count on in the next process for as long as their period says', async (t) => {
	const file = join(temporaryFolder(t), 'budgets.json');
	mkdirSync(dirname(file), { recursive: true });
	const spec = {
		name: 'top',
		strategy: 'one_for_one',
		intensity: 1,
		period: 10,
		children: [worker('ch')],
	} as const;
	const fateFrom = async (startMs: number) => {
		const clock = steppedClock(1, startMs);
		const top = await startSupervisor(spec, { clock, budgets: fileBudgets(file) });
		exit(await childOf(top, 'ch'), abnormal);
		await clock.settle();
		const became = fate(top);
		top.kill();
		return became;
	};
	assert.equal(await fateFrom(1_000_000), 'alive');
	assert.equal(await fateFrom(1_005_000), 'shutdown');
	assert.equal(await fateFrom(1_060_000), 'alive');
	// The clock was set back: what lies ahead counts as happening now.
	assert.equal(await fateFrom(1_000_000), 'shutdown');
});

test('clock jumps: restarts are counted although the clock was set between two processes', async (t) => {
	const file = join(temporaryFolder(t), 'budgets.json');
	const spec = {
		name: 'top',
		strategy: 'one_for_one',
		intensity: 1,
		period: 10,
		children: [worker('ch')],
	} as const;
	const fateFrom = async (startMs: number, passedMs: number) => {
		const clock = steppedClock(1, startMs);
		const budgets = fileBudgets(file, () => passedMs + clock.monotonic());
		const top = await startSupervisor(spec, { clock, budgets });
		exit(await childOf(top, 'ch'), abnormal);
		await clock.settle();
		const became = fate(top);
		top.kill();
		return became;
	};
	const yearMs = 365 * 86_400_000;
	assert.equal(await fateFrom(11 * yearMs, 1000), 'alive');
	assert.equal(await fateFrom(50 * yearMs, 6000), 'shutdown');
	assert.equal(await fateFrom(0, 61_000), 'alive');
});
