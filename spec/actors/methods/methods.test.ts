import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { findOrphans } from '../../../actors/io/orphan-commands.ts';
import { join } from 'node:path';
import test from 'node:test';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { builtInMethods } from '../../support/composed-node.ts';
import { createHeldPipe } from '../../support/held-pipe.ts';
import { createMethodRunner, methodOf, type MethodRunner } from '../../support/method-call.ts';

const bounded = { timeout: 30_000 };
const noon = '2026-01-01T00:00:00.000Z';

const read = (runner: MethodRunner, path: string) => readFileSync(join(runner.data, path), 'utf8');

/** Runs a script of bash through the method, for a message of these fields. */
function bash(runner: MethodRunner, script: string, more: Parameters<MethodRunner['run']>[1] = {}) {
	return runner.run('exec', { methodArgs: ['bash', '-c', script], ...more });
}

test("the methods have steward's names, and short ones for people", () => {
	const names = builtInMethods.list().map(({ name, aliases: [alias] }) => `${name} ${alias}`);
	const wanted = [
		'REQAudit audit',
		'REQCancel cancel',
		'REQCliCommand exec',
		'REQCliCommandCont exec-stream',
		'REQCopyDst copy-target',
		'REQCopySrc copy',
		'REQErrorLog error-log',
		'REQHello hello',
		'REQHttpGet http-get',
		'REQHttpGetScheduled http-get-scheduled',
		'REQNone none',
		'REQOpCommand operate',
		'REQOpProcessList process-list',
		'REQOpProcessStart process-start',
		'REQOpProcessStop process-stop',
		'REQPing ping',
		'REQPong pong',
		'REQRelay relay',
		'REQTailFile tail-file',
		'REQToConsole print',
		'REQToFile write-file',
		'REQToFileAppend append-file',
		'REQToFileNACK write-file-once',
	];
	assert.deepEqual(
		wanted.filter((name) => !names.includes(name)),
		[],
	);
	assert.ok(builtInMethods.list().every(({ aliases }) => aliases.length > 0));
});

test("steward's README misspells the commands, and is understood", () => {
	assert.equal(builtInMethods.find('REQnCliCommand')?.name, 'REQCliCommand');
	assert.equal(builtInMethods.find('REQnCliCommandCont')?.name, 'REQCliCommandCont');
});

test('a command is not run twice unless its message says so; writing is', () => {
	assert.equal(methodOf('exec').onCrash, 'report');
	assert.equal(methodOf('write-file').onCrash, 'retry');
	assert.equal(methodOf('append-file').onCrash, 'retry');
});

test('a command needs at least one argument, and its schema says which', () => {
	const { args } = methodOf('exec');
	assert.match(String(args.safeParse([]).error?.message), /methodArgs must name a command/);
	assert.match(String(args.safeParse(['']).error?.message), /the command is empty/);
	assert.ok(args.safeParse(['uptime']).success);
});

test("a command's output and exit code come back", bounded, async (t) => {
	const output = await bash(createMethodRunner(t), 'echo 42');
	assert.deepEqual(output, { data: '42\n', exitCode: 0 });
});

test(
	'a command that fails returns its output, its stderr and its exit code',
	bounded,
	async (t) => {
		const output = await bash(createMethodRunner(t), 'echo out; echo err >&2; exit 7');
		const code = { code: 'command_failed', detail: 'exit code 7' };
		assert.deepEqual(output, { data: 'out\n', stderr: 'err\n', exitCode: 7, ...code });
	},
);

test('a command that dies of a signal has failed without an exit code', bounded, async (t) => {
	const output = await bash(createMethodRunner(t), 'kill -SEGV $$');
	assert.deepEqual(output, { data: '', code: 'command_failed', detail: 'killed by SIGSEGV' });
});

test('a command that is not there is an error of its own', bounded, async (t) => {
	const runner = createMethodRunner(t);
	const running = runner.run('exec', { methodArgs: ['no-such-command-anywhere'] });
	await assert.rejects(running, { code: 'command_not_found' });
});

test(
	'a command that is too slow is killed, and what it printed by then is kept',
	bounded,
	async (t) => {
		const pipe = createHeldPipe(t);
		const runner = createMethodRunner(t);
		const controller = new AbortController();
		const methodArgs = ['bash', '-c', `${pipe.hold}echo early; echo >&9; sleep 1000 | cat`];
		const running = runner.run('exec', { methodArgs }, { signal: controller.signal });
		await pipe.lines(1);
		controller.abort(new ReeveError('timed_out'));
		assert.deepEqual(await running, {
			data: 'early\n',
			code: 'timed_out',
			detail: 'after 10000 ms',
		});
		await pipe.allDead;
	},
);

test(
	'a command that is killed because its node stops has no outcome of its own',
	bounded,
	async (t) => {
		const pipe = createHeldPipe(t);
		const runner = createMethodRunner(t);
		const controller = new AbortController();
		const methodArgs = ['bash', '-c', `${pipe.hold}echo >&9; sleep 1000`];
		const running = runner.run('exec', { methodArgs }, { signal: controller.signal });
		await pipe.lines(1);
		controller.abort(new ReeveError('stopping'));
		await assert.rejects(running, { code: 'stopping' });
		await pipe.allDead;
	},
);

test(
	'output beyond its limit ends the command, and whole characters of it are kept',
	bounded,
	async (t) => {
		const runner = createMethodRunner(t);
		const methodArgs = ['bash', '-c', 'while :; do printf é; done'];
		const output = await runner.run('exec', { methodArgs }, { outputBytesMax: 101 });
		const why = { code: 'output_too_large', detail: 'more than 101 bytes; the command was killed' };
		assert.deepEqual(output, { data: 'é'.repeat(50), ...why });
	},
);

test(
	'a command that is killed leaves no process behind that has left its group',
	{ ...bounded, skip: process.platform === 'linux' ? false : 'no /proc' },
	async (t) => {
		const script = 'setsid sleep 1000 >/dev/null 2>&1 & echo $!; yes';
		const methodArgs = ['bash', '-c', script];
		const runner = createMethodRunner(t);
		const output = await runner.run('exec', { methodArgs, id: 'm8' }, { outputBytesMax: 100 });
		assert.equal(output?.code, 'output_too_large');
		const [pid = ''] = String(output?.data).split('\n');
		assert.match(pid, /^[1-9]\d+$/);
		const marks = { storeId: 'store1', messages: new Set(['m8']) };
		assert.deepEqual(await findOrphans(marks), []);
	},
);

test('output that is no text comes back as its bytes', bounded, async (t) => {
	const output = await bash(createMethodRunner(t), String.raw`printf '\377\000'`);
	assert.deepEqual(output?.data, Buffer.from([255, 0]));
});

test('a command knows its message, its node, and its store', bounded, async (t) => {
	const script = 'echo $REEVE_MESSAGE $REEVE_NODE $REEVE_STORE';
	const output = await bash(createMethodRunner(t), script, { id: 'm7' });
	assert.equal(output?.data, 'm7 ship1 store1\n');
});

test("a message's data goes to the command where the argument says so", bounded, async (t) => {
	const data = 'one "two"\n$(exit 1) `three`';
	for (const name of ['STEWARD_DATA', 'REEVE_DATA']) {
		const output = await bash(createMethodRunner(t), `printf %s "{{${name}}}"`, { data });
		assert.equal(output?.data, data);
	}
});

test("the README's herestring puts the data in", bounded, async (t) => {
	const output = await bash(createMethodRunner(t), 'cat <<< {{STEWARD_DATA}}', { data: 'a  b\nc' });
	assert.equal(output?.data, 'a  b\nc\n');
});

test('without data the variables are absent, whatever surrounds the node', bounded, async (t) => {
	process.env['STEWARD_DATA'] = 'of another message';
	t.after(() => delete process.env['STEWARD_DATA']);
	const output = await bash(createMethodRunner(t), 'echo "${STEWARD_DATA-absent}"');
	assert.equal(output?.data, 'absent\n');
});

test('a file is written over what was there', async (t) => {
	const runner = createMethodRunner(t);
	const place = { directory: '/web', fileName: 'web.html' };
	await runner.run('REQToFile', { ...place, data: 'old and long' });
	await runner.run('REQToFile', { ...place, data: 'new' });
	assert.equal(read(runner, 'web/ship1/web.html'), 'new');
	await runner.run('REQToFile', place);
	assert.equal(read(runner, 'web/ship1/web.html'), '');
});

test('a reply is appended below the node that it came from', async (t) => {
	const runner = createMethodRunner(t);
	const reply = { directory: 'd', fileName: 'f', fromNode: 'ship2', inReplyTo: 'm0' };
	await runner.run('REQToFileAppend', { ...reply, id: 'r1', data: 'one\n' });
	await runner.run('REQToFileAppend', { ...reply, id: 'r2', data: 'two\n' });
	assert.equal(read(runner, 'd/ship2/f'), 'one\ntwo\n');
});

for (const method of ['REQToFile', 'REQToFileAppend']) {
	test(`${method} without a file name fails, and so does one that leads out`, async (t) => {
		const runner = createMethodRunner(t);
		await assert.rejects(runner.run(method, { data: 'x' }), { code: 'bad_arguments' });
		const away = { directory: '../..', fileName: 'f', data: 'x' };
		await assert.rejects(runner.run(method, away), { code: 'path_outside' });
	});
}

test('data is printed on the console of the node', async (t) => {
	const runner = createMethodRunner(t);
	await runner.run('REQToConsole', { data: 'text\n' });
	await runner.run('REQToConsole', { data: Buffer.from('bytes') });
	await runner.run('REQToConsole', {});
	assert.deepEqual(runner.printed, ['text\n', 'bytes', '']);
	const lost = new ReeveError('file_failed', 'standard output: ENOSPC');
	const failing = runner.run('REQToConsole', { data: 'x' }, { print: () => Promise.reject(lost) });
	await assert.rejects(failing, lost, 'what could not be printed is not done');
});

test('a ping answers with a line, and writes it where the message says', async (t) => {
	const runner = createMethodRunner(t);
	const line = `${noon}, ping received from central\n`;
	assert.deepEqual(await runner.run('REQPing'), { data: line });
	await runner.run('REQPing', { directory: 'p', fileName: 'f' });
	await runner.run('REQPing', { directory: 'p', fileName: 'f', id: 'm2' });
	assert.equal(read(runner, 'p/ship1/f'), line);
});

test('a pong is taken as a reply, and also if it answers nothing', async (t) => {
	const runner = createMethodRunner(t);
	assert.equal(await runner.run('REQPong'), undefined);
	const reply = { directory: 'p', fileName: 'f', fromNode: 'ship2', inReplyTo: 'm0' };
	await runner.run('REQPong', reply);
	assert.equal(read(runner, 'p/ship2/f'), `${noon}, pong received from ship2\n`);
});

test('the last hello of each node is noted', async (t) => {
	const runner = createMethodRunner(t);
	await runner.run('REQHello', { fromNode: 'ship1', id: 'm1' });
	await runner.run('REQHello', { fromNode: 'ship2', id: 'm2' });
	await runner.run('REQHello', { fromNode: 'ship2', id: 'm3' });
	assert.equal(read(runner, 'hello-messages/ship1/hello.log'), 'Received hello from "ship1"\n');
	assert.equal(read(runner, 'hello-messages/ship2/hello.log'), 'Received hello from "ship2"\n');
});

test('error reports are collected, a line each whatever is in them', async (t) => {
	const runner = createMethodRunner(t);
	await runner.run('REQErrorLog', { id: 'm1', data: 'first\n' });
	await runner.run('REQErrorLog', { id: 'm2', data: 'second\r\nof two lines' });
	await runner.run('REQErrorLog', { id: 'm3', data: Buffer.from('third') });
	const log = 'first\nsecond\\nof two lines\nthird\n';
	assert.equal(read(runner, 'errorLog/errorCentral/error.log'), log);
});

test('doing nothing needs nothing', async (t) => {
	assert.equal(await createMethodRunner(t).run('REQNone', { data: 'x' }), undefined);
});

test('a data folder in which something is in the way is a failure, not a crash', async (t) => {
	const runner = createMethodRunner(t);
	writeFileSync(join(runner.data, 'hello-messages'), '');
	await assert.rejects(runner.run('REQHello'), { code: 'file_failed' });
	mkdirSync(join(runner.data, 'errorLog/errorCentral/error.log'), { recursive: true });
	await assert.rejects(runner.run('REQErrorLog'), { code: 'file_failed' });
});

test('every method accepts the arguments of its own example', () => {
	for (const { name, args, example } of builtInMethods.list()) {
		assert.ok(args.safeParse(example.methodArgs ?? []).success, name);
	}
});
