import assert from 'node:assert/strict';
import test from 'node:test';
import { fromPromise } from 'xstate';
import { deferred } from '../../../runtime/platform/deferred.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { actorChild } from '../../../supervisors/otp/actor-child.ts';
import { createChild, fence, type Child, type ChildEnds } from '../../../supervisors/otp/child.ts';
import { exitText, type ExitReason } from '../../../supervisors/otp/exit-reason.ts';
import { childOf, fate, createSupervision } from '../../support/supervised.ts';

const idle: ChildEnds = { shutdown() {}, kill() {} };

test('a killed actor is fenced: its signal is raised, and nothing that it still does has an effect', () => {
	const child = createChild('a', idle);
	const written: string[] = [];
	const write = fence(child, (text: string) => written.push(text));
	write('before');
	assert.equal(child.signal.aborted, false);
	child.kill();
	assert.deepEqual(
		[child.isFenced, child.signal.aborted, child.exitReason],
		[true, true, 'killed'],
	);
	assert.throws(
		() => write('after'),
		(thrown) => thrown instanceof ReeveError && thrown.code === 'killed',
	);
	assert.deepEqual(written, ['before']);
});

test('a killed actor is fenced before its exit is reported, since a successor may start at once', () => {
	const child = createChild('a', idle);
	const write = fence(child, () => {});
	child.onExit(() => assert.throws(() => write(), /killed/));
	child.kill();
});

test('a signal that is read after the kill is aborted already', () => {
	const child = createChild('a', idle);
	child.kill();
	assert.ok(child.signal.aborted);
});

test('an actor that ends by itself is not fenced, and its signal is not raised', () => {
	const child = createChild('a', idle);
	const write = fence(child, () => 'written');
	child.exit('normal');
	child.kill();
	assert.deepEqual([child.exitReason, child.isFenced, write()], ['normal', false, 'written']);
	assert.equal(child.signal.aborted, false);
});

test('what a killed incarnation does later does not reach the world of its successor', async (t) => {
	const supervision = createSupervision(t);
	const written: string[] = [];
	const finishes: (() => void)[] = [];
	interface Input {
		readonly child: Child;
		readonly incarnation: number;
	}
	const logic = fromPromise<void, Input>(async ({ input: { child, incarnation } }) => {
		const write = fence(child, (text: string) => written.push(text));
		await new Promise<void>((resolve) => void finishes.push(resolve));
		write(`incarnation ${incarnation}`);
	});
	const start = actorChild({ logic, input: ({ child, incarnation }) => ({ child, incarnation }) });
	const top = await supervision.run('one_for_one', [{ id: 'writer', start }]);
	const first = await childOf(top, 'writer');
	first.kill();
	await supervision.clock.settle();
	assert.notEqual(await childOf(top, 'writer'), first);
	for (const finish of finishes) finish();
	await supervision.clock.settle();
	assert.deepEqual(written, ['incarnation 2']);
});

test('a child that is started when its supervisor has ended is killed: nothing else would stop it', async (t) => {
	const supervision = createSupervision(t);
	const top = await supervision.run('one_for_one', []);
	const child = createChild('late', idle);
	const starting = deferred<Child>();
	void top.startChild({ id: 'late', start: () => starting.promise });
	await supervision.clock.settle();
	top.kill();
	starting.resolve(child);
	await supervision.clock.settle();
	assert.equal(child.exitReason, 'killed');
});

test('the first exit counts, and later shutdowns and kills have no effect', () => {
	const child = createChild('a', {
		shutdown: (reason) => child.exit(reason),
		kill: () => assert.fail('there is nothing left to kill'),
	});
	child.shutdown({ shutdown: 'upgrade' });
	child.kill();
	child.exit(new Error('late'));
	assert.deepEqual(child.exitReason, { shutdown: 'upgrade' });
});

test('a second shutdown has no effect, and a shutdown that throws is an exit with its error', () => {
	let asked = 0;
	const deaf = createChild('a', { ...idle, shutdown: () => void (asked += 1) });
	deaf.shutdown();
	deaf.shutdown();
	assert.equal(asked, 1);
	assert.equal(fate(deaf), 'alive');
	const broken = createChild('a', {
		...idle,
		shutdown() {
			throw new Error('broken');
		},
	});
	broken.shutdown();
	assert.equal(fate(broken), 'broken');
});

test('every exit listener is called once, in order, also when one throws, and at once after the exit', () => {
	const child = createChild('a', idle);
	const told: string[] = [];
	const see = (name: string) => (reason: ExitReason) =>
		void told.push(`${name} ${exitText(reason)}`);
	child.onExit(see('one'));
	const forget = child.onExit(see('two'));
	child.onExit(() => {
		throw new Error('a watcher');
	});
	child.onExit(see('three'));
	forget();
	assert.throws(() => child.exit('normal'), /a watcher/);
	assert.deepEqual(told, ['one normal', 'three normal']);
	child.onExit(see('late'));
	assert.equal(told.at(-1), 'late normal');
});

test('no two actors of a process have the same pid', () => {
	const pids = Array.from({ length: 100 }, () => createChild('a', idle).pid);
	assert.equal(new Set(pids).size, 100);
	assert.match(pids[0] ?? '', /^a#\d+$/);
});
