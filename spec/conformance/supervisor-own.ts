/** Cases of our own: what OTP has no need to test, or lets happen. */
import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { fromCallback, setup } from 'xstate';
import { realClock } from '../../runtime/platform/clock.ts';
import { actorChild, actorOf } from '../../supervisors/otp/actor-child.ts';
import { startSupervisor } from '../../supervisors/otp/supervisor.ts';
import { strayErrors } from '../support/strays.ts';
import {
	abnormal,
	childOf,
	counts,
	fate,
	living,
	rowOf,
	createSupervision,
	startedChild,
	worker,
} from '../support/supervised.ts';
import { temporaryFolder, type TestScope } from '../support/temporary.ts';

test('max_children: what is above the limit is refused until there is room again', async (t) => {
	const { run } = createSupervision(t);
	const pool = await run('simple_one_for_one', [worker('ch')], { maxChildren: 2 });
	const first = startedChild(await pool.startChild([]));
	startedChild(await pool.startChild([]));
	assert.deepEqual(await pool.startChild([]), { error: 'max_children' });
	assert.deepEqual(await counts(pool), [1, 2, 0, 2]);
	await pool.terminateChild(first);
	startedChild(await pool.startChild([]));
});

/** A process of its own; resolves with what it first says of itself. */
async function victim(t: TestScope, file: string, keeps: string) {
	const script = fileURLToPath(new URL('../support/budget-victim.ts', import.meta.url));
	const child: ChildProcess = fork(script, [file, keeps], { execArgv: ['--import', 'tsx'] });
	t.after(() => child.kill('SIGKILL'));
	const word = async () => String((await once(child, 'message'))[0]);
	const crash = async (id: string) => {
		const next = word();
		child.send(id);
		return next;
	};
	const kill = async () => {
		const gone = once(child, 'exit');
		child.kill('SIGKILL');
		await gone;
	};
	return { first: await word(), crash, kill };
}

test('budget_survives_kill: restarts and restarting children outlive a kill -9 of the process', async (t) => {
	const file = join(temporaryFolder(t), 'budgets.json');
	const one = await victim(t, file, 'keeps');
	assert.equal(one.first, 'alive: other stuck');
	assert.equal(await one.crash('stuck'), 'alive: other restarting');
	await one.kill();
	const two = await victim(t, file, 'keeps');
	assert.equal(two.first, 'alive: other restarting', 'it is still to be restarted');
	await two.kill();
	const three = await victim(t, file, 'keeps');
	assert.match(await three.crash('other'), /^shutdown: /, 'it is the second restart, of one');
	const forgetful = await victim(t, file, 'forgets');
	assert.match(forgetful.first, /failed_to_start_child stuck: stuck$/);
});

const five = ['ch1', 'ch2', 'ch3', 'ch4', 'ch5'];

test('shared_budget: five siblings that crash once each use up an intensity of four', async (t) => {
	const { crash, run } = createSupervision(t);
	const top = await run(
		'one_for_one',
		five.map((id) => worker(id)),
		{ intensity: 4 },
	);
	for (const id of five.slice(0, 4)) await crash(top, id);
	assert.equal(fate(top), 'alive');
	await crash(top, 'ch5');
	assert.equal(fate(top), 'shutdown');
});

test('own_budget: with a limit of its own, one child is stopped by it, and others are not', async (t) => {
	const { crash, run } = createSupervision(t);
	const limit = { intensity: 1, period: 5 };
	const top = await run(
		'one_for_one',
		five.map((id) => worker(id, { limit })),
		{ intensity: 100 },
	);
	for (const id of five) await crash(top, id);
	assert.equal(fate(top), 'alive');
	await crash(top, 'ch3');
	assert.equal(fate(top), 'shutdown');
});

test('throwing_constructor: an actor that cannot be made leaves neither a child nor its name', async (t) => {
	const { names, run } = createSupervision(t);
	let living = 0;
	const helper = fromCallback(() => {
		living += 1;
		return () => void (living -= 1);
	});
	const machine = setup({ actors: { helper } }).createMachine({
		invoke: { src: 'helper' },
		initial: 'bad',
		states: {
			bad: {
				entry: () => {
					throw abnormal;
				},
			},
		},
	});
	const badInput = () => {
		throw abnormal;
	};
	const top = await run('one_for_one', []);
	for (const [id, start] of [
		['action', actorChild({ logic: machine, register: 'name' })],
		['input', actorChild({ logic: machine, register: 'name', input: badInput })],
	] as const) {
		const answer = await top.startChild({ id, start });
		assert.ok('error' in answer && answer.error === 'start_failed', id);
		assert.equal(answer.cause, abnormal);
		assert.equal(names.whereis('name'), undefined);
		assert.deepEqual(await counts(top), [0, 0, 0, 0]);
	}
	assert.equal(living, 0);
});

test('restart_report: every restart is told of, with the reason of the crash before it', async (t) => {
	const { crash, run, seen } = createSupervision(t);
	const top = await run('one_for_all', [worker('ch1'), worker('ch2')], { intensity: 9 });
	for (let time = 1; time <= 3; time += 1) await crash(top, 'ch1');
	assert.deepEqual(
		seen('child.restarted').map(({ child, restarts }) => `${child} ${restarts}`),
		['ch1 1', 'ch2 1', 'ch1 2', 'ch2 2', 'ch1 3', 'ch2 3'],
	);
	assert.deepEqual(
		seen('actor.crashed').map(({ reason, restarts }) => `${reason} ${restarts}`),
		['abnormal 0', 'abnormal 1', 'abnormal 2'],
	);
});

/**
 * A machine with a child of its own, that fails in each of the ways that XState does not see to.
 */
function fallible(tell: (word: string) => void) {
	const helper = fromCallback(() => {
		tell('helper up');
		return () => tell('helper down');
	});
	return setup({
		actors: { helper },
		types: { events: {} as { readonly type: 'REJECT' | 'THROW' | 'SPIN' } },
	}).createMachine({
		id: 'fallible',
		initial: 'calm',
		invoke: { src: 'helper' },
		on: {
			REJECT: {
				actions: () => {
					void Promise.reject(abnormal);
				},
			},
			THROW: {
				actions: () => {
					throw abnormal;
				},
			},
			SPIN: '.one',
		},
		states: { calm: {}, one: { always: 'other' }, other: { always: 'one' } },
	});
}

/** Brings an event to a supervised machine, and tells what became of it. */
async function outcomeOf(t: TestScope, type: 'REJECT' | 'THROW' | 'SPIN') {
	const { clock, run, seen } = createSupervision(t);
	const words: string[] = [];
	const logic = fallible((word) => words.push(word));
	const top = await run('one_for_one', [{ id: 'ch', start: actorChild({ logic }) }]);
	const before = await childOf(top, 'ch');
	actorOf(before)?.send({ type });
	await clock.settle();
	assert.equal(fate(top), 'alive');
	assert.notEqual(await childOf(top, 'ch'), before);
	assert.equal((await rowOf(top, 'ch')).restarts, 1);
	assert.equal(seen('actor.crashed').length, 1);
	return { reason: before.exitReason, words };
}

const lives = ['helper up', 'helper down', 'helper up'];

test('async_rejection: a promise that an action lets go and that rejects is a crash of its actor', async (t) => {
	const strays = strayErrors(t);
	const { reason, words } = await outcomeOf(t, 'REJECT');
	assert.equal(reason, abnormal);
	assert.deepEqual(words, lives);
	assert.deepEqual(strays, []);
});

test('throwing_parent: a machine that throws takes the actors that it had started with it', async (t) => {
	const { reason, words } = await outcomeOf(t, 'THROW');
	assert.equal(reason, abnormal);
	assert.deepEqual(words, lives);
});

test('endless_always: a cycle of transitions that need no event is cut, as a crash', async (t) => {
	const { reason, words } = await outcomeOf(t, 'SPIN');
	assert.ok(reason instanceof Error);
	assert.match(reason.message, /infinite loop/i);
	assert.deepEqual(words, lives);
});

/** Milliseconds that stopping so many static children takes; the best of three. */
async function stopping(count: number): Promise<number> {
	let bestMs = Infinity;
	for (let time = 0; time < 3; time += 1) {
		const children = Array.from({ length: count }, (_, index) => worker(`ch${index}`));
		const top = await startSupervisor(
			{ name: 'top', strategy: 'rest_for_one', children },
			{ clock: realClock },
		);
		assert.equal(Object.keys(living(top)).length, count);
		const since = realClock.monotonic();
		await top.stop();
		bestMs = Math.min(bestMs, realClock.monotonic() - since);
	}
	return bestMs;
}

test('stop_many_linear: ten thousand children are stopped in order in linear time', async () => {
	const fewMs = await stopping(1000);
	const manyMs = await stopping(10_000);
	// Linear is ten times, quadratic a hundred; machines that do other work need the room in between.
	assert.ok(manyMs < 40 * fewMs, `${manyMs} ms for 10 000, ${fewMs} ms for 1 000`);
});
