import assert from 'node:assert/strict';
import test from 'node:test';
import { untilSpace } from '../../../actors/io/full-disk.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import type { MethodContext } from '../../../runtime/method/method.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { messageOf } from '../../support/messages.ts';
import { createMethodRunner, specMethod, startCall } from '../../support/method-call.ts';
import type { TestScope } from '../../support/temporary.ts';
import type { Output } from '../../../runtime/message/reply.ts';

type Run = (context: MethodContext) => Promise<Output | void>;

/** A call of a method that does what the test says, and the clock that it runs by. */
function callOf(t: TestScope, run: Run, more: Partial<MethodContext> = {}) {
	const clock = steppedClock();
	const runner = createMethodRunner(t).context({ clock, timeoutMs: 1000, ...more });
	const { signal: _, ...context } = runner;
	const definition = specMethod({ run: (_message, given) => run(given) });
	const input = { definition, message: messageOf(), clock, context };
	return { clock, ...startCall(input) };
}

test('what a method returns is its outcome, and a method that returns nothing is done', async (t) => {
	const { ended, clock } = callOf(t, () => Promise.resolve());
	assert.deepEqual(await ended, { result: { outcome: 'done' }, output: {} });
	assert.equal(clock.pending(), 0, 'no deadline is left behind');
	const failed = { code: 'command_failed', detail: 'exit code 7', exitCode: 7 } as const;
	const { result } = await callOf(t, () => Promise.resolve(failed)).ended;
	assert.deepEqual(result, {
		outcome: 'failed',
		code: 'command_failed',
		detail: 'exit code 7',
	});
});

test('an operational error is an outcome, and anything else that is thrown is a crash', async (t) => {
	const { result } = await callOf(t, () => Promise.reject(new ReeveError('path_outside', 'x')))
		.ended;
	assert.deepEqual(result, { outcome: 'failed', code: 'path_outside', detail: 'x' });
	await assert.rejects(callOf(t, () => Promise.reject(new TypeError('bug'))).ended, TypeError);
	const throwsAtOnce = callOf(t, () => {
		throw new RangeError('at once');
	});
	await assert.rejects(throwsAtOnce.ended, RangeError);
});

test('a method that returns anything but an output has crashed', async (t) => {
	const wrong = [5, 'text', { data: 5 }, { data: {} }, { exitCode: 'x' }, { stderr: 5 }];
	for (const output of wrong) {
		const { ended } = callOf(t, () => Promise.resolve(output as Output));
		await assert.rejects(ended, TypeError, JSON.stringify(output));
	}
});

test('output with half a surrogate pair is refused: it would arrive as another character', async (t) => {
	const { result } = await callOf(t, () => Promise.resolve({ data: 'half \ud800' })).ended;
	assert.equal(result.code, 'not_sendable');
});

test('the signal of a method that is too slow is raised, and its output up to then is kept', async (t) => {
	const { ended, clock } = callOf(
		t,
		({ signal }) =>
			new Promise((resolve) => {
				signal.addEventListener('abort', () => resolve({ data: 'so far' }));
			}),
	);
	await clock.advance(1000);
	const { result, output } = await ended;
	assert.deepEqual([result.outcome, result.code, output?.data], ['failed', 'timed_out', 'so far']);
	assert.equal(clock.pending(), 0);
});

test('a reason that was lost: what a method waited for until its time was over is told', async (t) => {
	const { ended, clock } = callOf(t, async (context) => {
		const full = () => Promise.reject(new ReeveError('storage_full', 'ENOSPC, write /data/f'));
		await untilSpace(context, full);
	});
	await clock.advance(1000);
	const { result } = await ended;
	const detail =
		'after 1000 ms: the disk is full: ENOSPC, write /data/f; free some space, then try again';
	assert.deepEqual(result, { outcome: 'failed', code: 'timed_out', detail });
});

test('a method that ignores its signal is abandoned, and has no effect later', async (t) => {
	let finish = (_output: Output): void => {};
	const { ended, clock } = callOf(
		t,
		() => new Promise<Output>((resolve) => void (finish = resolve)),
	);
	await clock.advance(1000);
	await clock.advance(3000);
	const { result, output } = await ended;
	finish({ data: 'much later' });
	await clock.settle();
	assert.deepEqual([result.code, output], ['timed_out', undefined]);
});

test('a method whose call is over is fenced: it neither replies, nor prints, nor gets a file', async (t) => {
	const heard: string[] = [];
	let goOn = (): void => {};
	let refused: unknown;
	const { ended, clock } = callOf(
		t,
		async (context) => {
			void context.reply('early');
			await new Promise<void>((resolve) => void (goOn = resolve));
			void context.reply('late');
			await context.print('late');
			await context.dataFile('x').catch((thrown: unknown) => void (refused = thrown));
		},
		{
			async reply(data) {
				await Promise.resolve(heard.push(`reply ${String(data)}`));
			},
			print: (text) => Promise.resolve(void heard.push(`print ${text}`)),
		},
	);
	await clock.advance(4000);
	assert.equal((await ended).result.code, 'timed_out');
	goOn();
	await clock.settle();
	assert.deepEqual(heard, ['reply early']);
	assert.ok(refused instanceof ReeveError && refused.code === 'killed');
});

test('a call that is stopped raises the signal of its method, and has no outcome', async (t) => {
	let reason: unknown;
	const call = callOf(t, ({ signal }) => {
		signal.addEventListener('abort', () => void (reason = signal.reason));
		return new Promise(() => {});
	});
	call.stop();
	await assert.rejects(call.ended);
	assert.ok(reason instanceof ReeveError && reason.code === 'stopping');
	assert.equal(call.clock.pending(), 0);
});
