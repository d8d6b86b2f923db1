import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import process from 'node:process';
import test, { after, before, type TestContext } from 'node:test';
import { realClock } from '../../../runtime/platform/clock.ts';
import { configOf } from '../../../runtime/config/config.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { until } from '../../support/condition.ts';
import { leavesNothingOpen } from '../../support/handles.ts';
import { createMethodRunner, methodOf } from '../../support/method-call.ts';

const bounded = { timeout: 60_000 };

// The clock keeps no process alive; this does.
const vigil = createServer();
before(() => new Promise<void>((resolve) => void vigil.listen(0, '127.0.0.1', resolve)));
after(() => vigil.close());

/** Runs a script of bash, and collects what it sends. */
function stream(t: TestContext, script: string, limits: Parameters<typeof configOf>[0] = {}) {
	const sent: (string | Uint8Array)[] = [];
	const controller = new AbortController();
	const running = createMethodRunner(t).run(
		'exec-stream',
		{ methodArgs: ['bash', '-c', script] },
		{
			clock: realClock,
			signal: controller.signal,
			limits: configOf(limits),
			async reply(data) {
				await Promise.resolve(sent.push(data));
			},
		},
	);
	const end = (code: 'timed_out' | 'cancelled') => controller.abort(new ReeveError(code));
	return { sent, running, end };
}

test(
	'each line comes back by itself, those of stderr too, and then the exit code',
	bounded,
	async (t) => {
		await leavesNothingOpen(async () => {
			const { sent, running } = stream(t, 'echo one; echo two; echo err >&2; printf rest');
			assert.deepEqual(await running, { exitCode: 0 });
			assert.deepEqual(sent.map(String).toSorted(), ['err\n', 'one\n', 'rest', 'two\n']);
		});
	},
);

test(
	'lines come while the command runs, and the end of its time is a normal end',
	bounded,
	async (t) => {
		await leavesNothingOpen(async () => {
			const { sent, running, end } = stream(t, 'echo early; sleep 1000 | cat');
			await until('a line has come', () => sent.length === 1);
			end('timed_out');
			assert.deepEqual(await running, {});
			assert.deepEqual(sent, ['early\n']);
		});
		assert.ok(methodOf('exec-stream').untilTimeout);
	},
);

test('a command that fails has failed, with its lines sent', bounded, async (t) => {
	const { sent, running } = stream(t, 'echo out; exit 7');
	const code = { code: 'command_failed', detail: 'exit code 7', exitCode: 7 };
	assert.deepEqual(await running, code);
	assert.deepEqual(sent, ['out\n']);
});

test('a command that is cancelled is', bounded, async (t) => {
	const { sent, running, end } = stream(t, 'echo early; sleep 1000');
	await until('a line has come', () => sent.length === 1);
	end('cancelled');
	await assert.rejects(running, { code: 'cancelled' });
});

test('a command that is not there is an error of its own', bounded, async (t) => {
	const running = createMethodRunner(t).run('exec-stream', {
		methodArgs: ['no-such-command-anywhere'],
	});
	await assert.rejects(running, { code: 'command_not_found' });
});

test('a daemon that goes on printing does not hold up the end', bounded, async (t) => {
	const script = `setsid bash -c 'echo $$; while sleep 0.1; do echo more; done' & exit 0`;
	const { running, end, sent } = stream(t, script);
	await until('it prints', () => sent.length > 2);
	t.after(() => process.kill(Number(sent[0])));
	end('timed_out');
	assert.deepEqual(await running, { exitCode: 0 });
});

test('a quiet daemon does not hold up the end', bounded, async (t) => {
	await leavesNothingOpen(async () => {
		const { running, sent } = stream(t, 'echo one; setsid sleep 3 & exit 0');
		assert.deepEqual(await running, { exitCode: 0 });
		assert.deepEqual(sent, ['one\n']);
	});
});

test(
	'a line without end comes in pieces, and bytes that are no text as bytes',
	bounded,
	async (t) => {
		const { sent, running } = stream(t, String.raw`printf %0200d 0; printf '\n\377\n'`, {
			lineBytesMax: 64,
		});
		await running;
		assert.deepEqual(sent.slice(0, 4).map(String), [
			'0'.repeat(64),
			'0'.repeat(64),
			'0'.repeat(64),
			'00000000\n',
		]);
		assert.deepEqual(sent[4], Buffer.from([255, 10]));
	},
);
