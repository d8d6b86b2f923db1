import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { killGroup, runCommand, type Command } from '../../../actors/io/command.ts';
import { realClock, steppedClock } from '../../../runtime/platform/clock.ts';
import { createHeldPipe } from '../../support/held-pipe.ts';
import { noteSecret } from '../../../runtime/text/secret-file.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const bounded = { timeout: 30_000 };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Runs a script of bash with generous bounds, but for those given. */
function bash(script: string, more: Partial<Command> = {}) {
	return runCommand({
		argv: ['bash', '-c', script],
		env: {},
		signal: new AbortController().signal,
		clock: realClock,
		outputBytesMax: 1_000_000,
		...more,
	});
}

test('output, stderr, exit code and duration of a command come back', bounded, async () => {
	const end = await bash('echo out; echo err >&2; exit 7');
	assert.equal(text(end.stdout), 'out\n');
	assert.equal(text(end.stderr), 'err\n');
	assert.equal(end.exitCode, 7);
	assert.equal(end.cut, undefined);
	assert.ok(end.durationMs > 0);
});

test('arguments reach the command as they are, without a shell', bounded, async () => {
	const hostile = ['$HOME', '*', '; exit 1', 'a b', '"', ''];
	const end = await bash('', { argv: ['printf', '%s|', ...hostile] });
	assert.equal(text(end.stdout), hostile.map((word) => `${word}|`).join(''));
});

test('a command finds its stdin empty, so one that reads it ends at once', bounded, async () => {
	assert.equal((await bash('cat; echo read')).exitCode, 0);
});

test('a command that dies of a signal tells which', bounded, async () => {
	const end = await bash('kill -TERM $$');
	assert.deepEqual([end.exitCode, end.killedBy], [undefined, 'SIGTERM']);
});

test('variables are added to the environment, and taken out of it', bounded, async () => {
	process.env['SPEC_OUTER'] = 'outer';
	const env = { SPEC_OUTER: undefined, SPEC_INNER: 'inner' };
	const end = await bash('echo "${SPEC_OUTER-gone} $SPEC_INNER ${PATH:+path}"', {
		env,
	});
	delete process.env['SPEC_OUTER'];
	assert.equal(text(end.stdout), 'gone inner path\n');
});

test('a command inherits no settings of the node: passwords are among them', bounded, async (t) => {
	noteSecret('s3cret-word');
	const secrets = {
		REEVE_BROKER_PASSWORD: 'secret',
		REEVE_NODE_NAME: 'ship1',
		OTHER_PASSWORD: 's3cret-word',
		OTHER_ADDRESS: 'mqtt://me:s3cret-word@host',
		CREDENTIALS_DIRECTORY: '/run/credentials/reeve',
		NOTIFY_SOCKET: '/run/systemd/notify',
	};
	Object.assign(process.env, secrets, { OTHER: 'kept' });
	t.after(() => {
		for (const name of [...Object.keys(secrets), 'OTHER']) delete process.env[name];
	});
	const { stdout } = await bash('env', { env: { REEVE_NODE: 'given' } });
	const lines = text(stdout)
		.split('\n')
		.filter((line) => /^(?:REEVE_|OTHER)/.test(line));
	assert.deepEqual(lines.toSorted(), ['OTHER=kept', 'REEVE_NODE=given']);
});

test('a raised signal kills the command with all that it started', bounded, async (t) => {
	const pipe = createHeldPipe(t);
	const controller = new AbortController();
	const script = '(sleep 1000 & sleep 1000 & wait) & echo early; echo started >&9; sleep 1000';
	const running = bash(pipe.hold + script, { signal: controller.signal });
	await pipe.lines(1);
	controller.abort();
	const end = await running;
	await pipe.allDead;
	assert.deepEqual([end.cut, end.killedBy], ['aborted', 'SIGKILL']);
	assert.equal(text(end.stdout), 'early\n', 'what it had printed by then is kept');
});

test(
	'a process that left the group with the pipes open does not hold the end up',
	bounded,
	async (t) => {
		const pipe = createHeldPipe(t);
		const controller = new AbortController();
		const script = `setsid bash -c 'echo $$ >&9; sleep 1000' & sleep 1000`;
		const running = bash(pipe.hold + script, { signal: controller.signal });
		const [daemon] = await pipe.lines(1);
		controller.abort();
		assert.equal((await running).cut, 'aborted');
		assert.ok(killGroup(Number(daemon)), 'the daemon was out of reach');
		await pipe.allDead;
	},
);

test(
	'what a command leaves in the background holds it up for a second only',
	bounded,
	async (t) => {
		const pipe = createHeldPipe(t);
		const clock = steppedClock();
		let isOver = false;
		const running = bash(`${pipe.hold}echo $$ >&9; sleep 1000 & echo done`, { clock });
		void running.then(() => (isOver = true));
		const [group] = await pipe.lines(1);
		while (clock.pending() === 0) await clock.settle();
		await clock.advance(999);
		assert.equal(isOver, false);
		await clock.advance(1);
		const end = await running;
		assert.deepEqual([text(end.stdout), end.exitCode, end.cut], ['done\n', 0, undefined]);
		assert.ok(killGroup(Number(group)), 'it lives on');
		await pipe.allDead;
		assert.equal(clock.pending(), 0);
	},
);

test(
	'a signal after the command has ended does not make it one that was cut',
	bounded,
	async (t) => {
		const pipe = createHeldPipe(t);
		const clock = steppedClock();
		const controller = new AbortController();
		const script = `${pipe.hold}echo $$ >&9; sleep 1000 & echo done`;
		const running = bash(script, { clock, signal: controller.signal });
		const [group] = await pipe.lines(1);
		while (clock.pending() === 0) await clock.settle();
		controller.abort();
		const end = await running;
		assert.deepEqual([text(end.stdout), end.exitCode, end.cut], ['done\n', 0, undefined]);
		assert.ok(killGroup(Number(group)));
		assert.equal(clock.pending(), 0);
	},
);

test('a signal that was raised before lets nothing start', bounded, async (t) => {
	const file = join(temporaryFolder(t), 'started');
	const end = await bash(`touch ${file}; echo yes`, { signal: AbortSignal.abort() });
	assert.deepEqual([end.cut, end.stdout.length], ['aborted', 0]);
	assert.throws(() => chmodSync(file, 0o600), { code: 'ENOENT' });
});

for (const stream of ['stdout', 'stderr'] as const) {
	test(
		`a command whose ${stream} passes the limit is killed, and what fits is kept`,
		bounded,
		async () => {
			const endless = stream === 'stdout' ? 'yes' : 'yes >&2';
			const end = await bash(endless, { outputBytesMax: 10_001 });
			assert.deepEqual([end.cut, end.killedBy], ['output_too_large', 'SIGKILL']);
			assert.equal(text(end[stream]), `${'y\n'.repeat(5000)}y`);
		},
	);
}

test('output of exactly the limit is not too much', bounded, async () => {
	const end = await bash('head -c 10000 /dev/zero', { outputBytesMax: 10_000 });
	assert.deepEqual([end.cut, end.exitCode, end.stdout.length], [undefined, 0, 10_000]);
});

test('a command that cannot be started says so', bounded, async (t) => {
	const file = join(temporaryFolder(t), 'not-executable');
	writeFileSync(file, 'text');
	for (const command of ['no-such-command-anywhere', file, join(file, 'below'), '/']) {
		await assert.rejects(bash('', { argv: [command] }), { code: 'command_not_found' });
	}
});

test('a command that no system could start is a bad argument', bounded, async () => {
	await assert.rejects(bash('', { argv: ['echo', 'a\0b'] }), { code: 'bad_arguments' });
	await assert.rejects(bash('', { env: { A: 'a\0b' } }), { code: 'bad_arguments' });
	await assert.rejects(bash('', { argv: [''] }), { code: 'bad_arguments' });
	const huge = 'x'.repeat(8_000_000);
	await assert.rejects(bash('', { argv: ['echo', huge] }), { code: 'bad_arguments' });
});

/** Waits without giving way to the event loop, which is what has to stand still. */
function standStillUntil(holds: () => boolean): void {
	const until = realClock.monotonic() + 20_000;
	while (!holds()) if (realClock.monotonic() > until) throw new Error('it does not come to that');
}

const hasExited = (pid: number | undefined): boolean =>
	/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

test(
	'a node that is blocked when a command ends loses none of its output',
	{ ...bounded, skip: process.platform === 'linux' ? false : 'there is no /proc' },
	async (t) => {
		const [pidFile, gate] = ['pid', 'gate'].map((name) => join(temporaryFolder(t), name));
		if (!pidFile || !gate) return;
		execFileSync('mkfifo', [gate]);
		// It has passed by as soon as the event loop goes on.
		const clock = {
			...realClock,
			after: (_ms: number, run: () => void) => realClock.after(0, run),
		};
		const script = `echo $$ >${pidFile}; read -r line <${gate}; printf late`;
		const ended = bash(script, { clock });
		// Both are reaped at once, when the output of the other is read and that of the command is not.
		const other = spawn('printf', ['x']);
		other.stdout.once('data', () => {
			writeFileSync(gate, 'go\n');
			const pid = Number(readFileSync(pidFile, 'utf8'));
			standStillUntil(() => hasExited(pid));
		});
		standStillUntil(() => hasExited(other.pid) && existsSync(pidFile));
		assert.equal(text((await ended).stdout), 'late');
	},
);
