/** OTP's supervisor_SUITE: significant children and automatic shutdown, also after hot changes. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { AutoShutdown, ChildSpec, RestartType } from '../../supervisors/otp/child-spec.ts';
import type { ExitReason } from '../../supervisors/otp/exit-reason.ts';
import { checkSupervisor } from '../../supervisors/otp/spec-check.ts';
import { supervisorChild, type SupervisorRef } from '../../supervisors/otp/supervisor.ts';
import {
	abnormal,
	childOf,
	fate,
	createSupervision,
	startedChild,
	supervisorOf,
	worker,
	type TestSupervision,
} from '../support/supervised.ts';

const modes: readonly AutoShutdown[] = ['never', 'any_significant', 'all_significant'];
const plenty = { intensity: 100, period: 1 };

const significant = (id: string, restart: RestartType, more: Partial<ChildSpec> = {}) =>
	worker(id, { restart, significant: true, ...more });

/** Ends a child in one of the four ways. */
async function endBy(
	supervision: TestSupervision,
	top: SupervisorRef,
	{ id, way }: { id: string; way: 'terminate' | 'kill' | ExitReason },
): Promise<void> {
	const child = await childOf(top, id);
	if (way === 'terminate') await top.terminateChild(id);
	else if (way === 'kill') child.kill();
	else await supervision.end(child, way);
	await supervision.clock.settle();
}

const ways = ['terminate', 'kill', abnormal, 'normal', 'shutdown'] as const;

/** What becomes of a supervisor with such children when the ones of these ids end that way. */
async function fateAfter(
	supervision: TestSupervision,
	children: readonly ChildSpec[],
	how: { mode: AutoShutdown; ids: readonly string[]; way: (typeof ways)[number] },
): Promise<string> {
	const top = await supervision.run('one_for_one', children, { ...plenty, autoShutdown: how.mode });
	for (const id of how.ids) await endBy(supervision, top, { id, way: how.way });
	return fate(top);
}

test('nonsignificant_temporary: its end in any way triggers nothing, in any mode', async (t) => {
	for (const mode of modes) {
		for (const way of ways) {
			const children = [worker('ch1', { restart: 'temporary' })];
			assert.equal(
				await fateAfter(createSupervision(t), children, { mode, ids: ['ch1'], way }),
				'alive',
			);
		}
	}
});

test('nonsignificant_transient: its end triggers nothing, and its crash restarts it', async (t) => {
	for (const mode of modes) {
		for (const way of ways) {
			const children = [worker('ch1', { restart: 'transient' })];
			const supervision = createSupervision(t);
			assert.equal(await fateAfter(supervision, children, { mode, ids: ['ch1'], way }), 'alive');
			const isCrash = way === 'kill' || way === abnormal;
			assert.equal(supervision.seen('child.restarted').length, isCrash ? 1 : 0);
		}
	}
});

test('significant_temporary: any end by itself triggers any; only the last one triggers all', async (t) => {
	for (const way of ways) {
		const isByItself = way !== 'terminate';
		const children = [significant('ch1', 'temporary'), significant('ch2', 'temporary')];
		const after = (mode: AutoShutdown, ids: readonly string[]) =>
			fateAfter(createSupervision(t), children, { mode, ids, way });
		const ended = isByItself ? 'shutdown' : 'alive';
		assert.equal(await after('any_significant', ['ch1']), ended);
		assert.equal(await after('all_significant', ['ch1']), 'alive');
		assert.equal(await after('all_significant', ['ch1', 'ch2']), ended);
	}
});

test('significant_transient: only a normal end triggers any; a crash is a restart', async (t) => {
	for (const way of ways) {
		const isEnd = way === 'normal' || way === 'shutdown';
		const children = [significant('ch1', 'transient'), significant('ch2', 'transient')];
		const after = (mode: AutoShutdown, ids: readonly string[]) =>
			fateAfter(createSupervision(t), children, { mode, ids, way });
		const ended = isEnd ? 'shutdown' : 'alive';
		assert.equal(await after('any_significant', ['ch1']), ended);
		assert.equal(await after('all_significant', ['ch1']), 'alive');
		assert.equal(await after('all_significant', ['ch1', 'ch2']), ended);
	}
});

test('significant_simple: both modes are refused for dynamic children, and so are significant ones', () => {
	const spec = { name: 'top', strategy: 'simple_one_for_one', children: [worker('ch')] } as const;
	for (const autoShutdown of modes) {
		const checked = checkSupervisor({ ...spec, autoShutdown });
		if (autoShutdown === 'never') assert.ok(!('error' in checked));
		else assert.ok('error' in checked && checked.fault === 'bad_combination');
		for (const restart of ['transient', 'temporary'] as const) {
			const children = [significant('ch', restart)];
			const wrong = checkSupervisor({ ...spec, autoShutdown, children });
			assert.ok('error' in wrong && wrong.fault === 'bad_combination');
		}
	}
});

test('significant_bystander: deaths in the restart of a group trigger nothing', async (t) => {
	for (const restart of ['transient', 'temporary'] as const) {
		for (const strategy of ['one_for_all', 'rest_for_one'] as const) {
			for (const autoShutdown of ['any_significant', 'all_significant'] as const) {
				const supervision = createSupervision(t);
				const children = [worker('ch1'), significant('ch2', restart)];
				const top = await supervision.run(strategy, children, { ...plenty, autoShutdown });
				const bystander = await childOf(top, 'ch2');
				await supervision.crash(top, 'ch1');
				assert.deepEqual([fate(bystander), fate(top)], ['shutdown', 'alive']);
				const row = await top.whichChild('ch2');
				assert.equal('error' in row, restart === 'temporary');
			}
		}
	}
});

test('significant_escalation: the end of a significant supervisor ends the one above, else not', async (t) => {
	for (const isSignificant of [true, false]) {
		const supervision = createSupervision(t);
		const inner = {
			name: 'inner',
			strategy: 'one_for_one',
			autoShutdown: 'any_significant',
			children: [significant('ch1', 'transient')],
		} as const;
		const top = await supervision.start({
			autoShutdown: 'any_significant',
			children: [
				supervisorChild(inner, { restart: 'transient', significant: isSignificant }),
				worker('ch2'),
			],
		});
		const supervisor = await supervisorOf(top, 'inner');
		await supervision.crash(supervisor, 'ch1', 'normal');
		assert.deepEqual(
			[fate(supervisor), fate(top)],
			['shutdown', isSignificant ? 'shutdown' : 'alive'],
		);
	}
});

/** A supervisor that was started in one mode with significant children, and changed to another. */
async function changed(supervision: TestSupervision, from: AutoShutdown, to: AutoShutdown) {
	const spec = { name: 'top', strategy: 'one_for_one', children: [], ...plenty } as const;
	const top = await supervision.start({ ...spec, autoShutdown: from });
	const children = [significant('ch1', 'transient'), significant('ch2', 'transient')];
	const answers = [];
	if (from !== 'never') {
		for (const child of children) startedChild(await top.startChild(child));
	} else {
		for (const child of children) answers.push(await top.startChild(child));
	}
	const diff = await top.changeSpecs({ ...spec, autoShutdown: to });
	assert.ok(!('error' in diff));
	assert.deepEqual(diff.settings, ['autoShutdown']);
	if (from === 'never') {
		for (const answer of answers) assert.ok('error' in answer && answer.error === 'bad_spec');
		for (const child of children) startedChild(await top.startChild(child));
	}
	return top;
}

test('significant_upgrade_never_any: refused before the change, an end triggers after it', async (t) => {
	const supervision = createSupervision(t);
	const top = await changed(supervision, 'never', 'any_significant');
	await supervision.crash(top, 'ch1', 'normal');
	assert.equal(fate(top), 'shutdown');
});

test('significant_upgrade_any_never: no trigger after the change, and new ones are refused', async (t) => {
	const supervision = createSupervision(t);
	const top = await changed(supervision, 'any_significant', 'never');
	await supervision.crash(top, 'ch1', 'normal');
	assert.equal(fate(top), 'alive');
	const answer = await top.startChild(significant('ch3', 'transient'));
	assert.ok('error' in answer && answer.fault === 'bad_combination');
});

test('significant_upgrade_never_all: refused before the change, the last end triggers after it', async (t) => {
	const supervision = createSupervision(t);
	const top = await changed(supervision, 'never', 'all_significant');
	await supervision.crash(top, 'ch1', 'normal');
	assert.equal(fate(top), 'alive');
	await supervision.crash(top, 'ch2', 'normal');
	assert.equal(fate(top), 'shutdown');
});

test('significant_upgrade_all_never: no trigger after the change, not even by the last', async (t) => {
	const supervision = createSupervision(t);
	const top = await changed(supervision, 'all_significant', 'never');
	await supervision.crash(top, 'ch1', 'normal');
	await supervision.crash(top, 'ch2', 'normal');
	assert.equal(fate(top), 'alive');
	const answer = await top.startChild(significant('ch3', 'transient'));
	assert.ok('error' in answer && answer.fault === 'bad_combination');
});

test('significant_upgrade_any_all: the first end no longer triggers, the second does', async (t) => {
	const supervision = createSupervision(t);
	const top = await changed(supervision, 'any_significant', 'all_significant');
	await supervision.crash(top, 'ch1', 'normal');
	assert.equal(fate(top), 'alive');
	await supervision.crash(top, 'ch2', 'normal');
	assert.equal(fate(top), 'shutdown');
});

test('significant_upgrade_all_any: the first end now triggers', async (t) => {
	const supervision = createSupervision(t);
	const top = await changed(supervision, 'all_significant', 'any_significant');
	await supervision.crash(top, 'ch1', 'normal');
	assert.equal(fate(top), 'shutdown');
});

test('significant_upgrade_child: the flag of a running child can be changed, but not under never', async (t) => {
	for (const to of [true, false]) {
		const supervision = createSupervision(t);
		const plain = worker('ch1', { restart: 'transient', significant: !to });
		const spec = {
			name: 'top',
			strategy: 'one_for_one',
			autoShutdown: 'any_significant',
			children: [plain],
		} as const;
		const top = await supervision.start(spec);
		const before = await childOf(top, 'ch1');
		const next = { ...spec, children: [{ ...plain, significant: to }] };
		const diff = await top.changeSpecs(next);
		assert.deepEqual(!('error' in diff) && diff.changed, ['ch1']);
		assert.equal(await childOf(top, 'ch1'), before);
		const refused = await top.changeSpecs({
			...next,
			autoShutdown: 'never',
			children: [{ ...plain, significant: true }],
		});
		assert.ok('error' in refused && refused.fault === 'bad_combination');
		await supervision.crash(top, 'ch1', 'normal');
		assert.equal(fate(top), to ? 'shutdown' : 'alive');
	}
});
