import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { commandTable } from '../../../transports/cli/command-table.ts';
import { runReeve, startReeve } from '../../support/command-line.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test('--help lists every command and every exit code, in 80 columns, and exits with 0', async (t) => {
	const { code, stdout, stderr } = await runReeve(['--help'], { cwd: temporaryFolder(t) });
	assert.deepEqual([code, stderr], [0, '']);
	for (const name of Object.keys(commandTable))
		assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
	for (const exit of [0, 1, 2, 3, 4, 5, 6, 130])
		assert.match(stdout, new RegExp(`\\b${exit} {2,}`));
	assert.deepEqual(
		stdout.split('\n').filter((line) => line.length > 80),
		[],
	);
});

test('every command declares what it takes, and gives examples of itself', async () => {
	for (const [name, row] of Object.entries(commandTable)) {
		const { default: command } = await row.load();
		assert.match(row.summary, /^[A-Z].*[^.]$/);
		assert.ok(command.examples.length > 0, name);
		const own = new RegExp(`\\breeve ${name}\\b`);
		assert.ok(
			command.examples.some((line) => own.test(line)),
			name,
		);
	}
});

test('a mistyped command, option or value is answered in three lines with what may be meant', async (t) => {
	const cwd = temporaryFolder(t);
	const cases = [
		[['sned', 'ping'], 'did you mean send?'],
		[['get', 'nods'], 'did you mean nodes?'],
		[['get', 'nodes', '--ouput', 'json'], 'did you mean --output?'],
		[['run', '--node-nam', 'x'], 'did you mean --nodeName?'],
		[['get'], 'see: reeve get --help'],
		[['send', 'ping', '--to', 'a', '--timeout', 'soon'], 'not a number of seconds'],
	] as const;
	const socket = { REEVE_SOCKET: join(cwd, 'none.sock') };
	for (const [words, advice] of cases) {
		const { code, stdout, stderr } = await runReeve(words, { cwd, env: socket });
		assert.deepEqual([code, stdout], [2, ''], words.join(' '));
		assert.match(stderr, /^error: .* \(bad_usage\)\n {2}\S.*\n {2}\S.*\n$/);
		assert.ok(stderr.includes(advice), stderr);
	}
});

test('without a command the help is shown, and the exit code says that nothing was done', async (t) => {
	const { code, stdout, stderr } = await runReeve([], { cwd: temporaryFolder(t) });
	assert.deepEqual([code, stdout], [2, '']);
	assert.match(stderr, /^Usage: reeve/);
});

test('where no node runs, the exit code is 6, and the error says where it was looked for', async (t) => {
	const cwd = temporaryFolder(t);
	const { code, stderr } = await runReeve(['get', 'nodes'], { cwd });
	assert.equal(code, 6);
	assert.match(stderr, /^error: .* \(no_node\)\n.*\.reeve\/central\.sock.*\n.*reeve dev/);
	const named = await runReeve(['tree', '--socket', 'gone.sock'], { cwd });
	assert.equal(named.code, 6);
	assert.match(named.stderr, /gone\.sock/);
});

test('config show tells where each value comes from, and config check names the wrong one', async (t) => {
	const cwd = temporaryFolder(t);
	const env = { CONFIG_FOLDER: 'conf', REEVE_TOPIC_PREFIX: 'fleet', REEVE_NODENAME: 'x' };
	mkdirSync(join(cwd, 'conf'));
	writeFileSync(join(cwd, 'conf', 'config.yaml'), 'nodeName: ship7\n');
	const words = ['config', 'show', '--calls-max', '3', '--callsMax', '4', '-o', 'json'];
	const { code, stdout, stderr } = await runReeve(words, { cwd, env });
	assert.equal(code, 0);
	assert.match(stderr, /REEVE_NODENAME .* did you mean REEVE_NODE_NAME\?/);
	const rows = JSON.parse(stdout) as { key: string; value: unknown; source: string }[];
	const of = (key: string) => {
		const { value, source } = rows.find((row) => row.key === key) ?? {};
		return [value, source];
	};
	assert.deepEqual(of('nodeName'), ['ship7', 'file']);
	assert.deepEqual(of('topicPrefix'), ['fleet', 'environment']);
	assert.deepEqual(of('callsMax'), [4, 'flag']);
	assert.deepEqual(of('resendMsMin'), [1000, 'default']);
	writeFileSync(join(cwd, 'conf', 'config.yaml'), 'nodeName: a/b\n');
	const wrong = await runReeve(['config', 'check'], { cwd, env });
	assert.equal(wrong.code, 2);
	assert.match(wrong.stderr, /\(bad_config\)\n {2}conf\/config\.yaml:1: nodeName/);
	assert.equal(readFileSync(join(cwd, 'conf', 'config.yaml'), 'utf8'), 'nodeName: a/b\n');
});

test('a node that cannot start says why in three lines', async (t) => {
	const cwd = temporaryFolder(t);
	writeFileSync(join(cwd, 'file'), '');
	const words = ['run', '--databaseFolder', 'file/db', '--logLevel', 'silent'];
	const { code, stdout, stderr } = await runReeve(words, { cwd });
	assert.notEqual(code, 0);
	assert.equal(stdout, '');
	const [rules, ...error] = stderr.split(/^(?=error: )/m);
	assert.match(rules ?? '', /^access rules of the first start, in .*\n$/);
	assert.match(error.join(''), /^error: .* \(storage_failed\)\n {2}.*file\/db.*\n {2}.*\n$/);
});

test('the first start with a listener says where its token is, in one line', async (t) => {
	const cwd = temporaryFolder(t);
	const own = ['--brokerListen', '127.0.0.1:0', '--httpListener', '127.0.0.1:0'];
	const start = async (): Promise<string> => {
		const node = startReeve(['run', '--logLevel', 'silent', ...own], { cwd });
		t.after(() => node.child.kill('SIGKILL'));
		await node.until(/ ready /);
		node.child.kill('SIGTERM');
		const { code, stderr } = await node.finished;
		assert.equal(code, 0);
		return stderr;
	};
	const line = /^clients of TCP and HTTP need the token in (etc\/keys\/listener\.token)$/m;
	const [, file = ''] = line.exec(await start()) ?? [];
	assert.match(readFileSync(join(cwd, file), 'utf8'), /^[\w-]{43}\n$/);
	assert.doesNotMatch(await start(), line);
});

test('files become no code: a node does not start with its own files in the data folder', async (t) => {
	const cwd = temporaryFolder(t);
	for (const words of [
		['--methodsFolder', 'data/methods'],
		['--subscribersDataFolder', '.'],
		['--configFolder', 'data/etc', '--keysFolder', 'keys'],
	]) {
		const { code, stdout, stderr } = await runReeve(['run', ...words], { cwd });
		assert.deepEqual([code, stdout], [2, '']);
		assert.match(stderr, /\(bad_config\)\n {2}\w+Folder .* messages write/);
		rmSync(join(cwd, 'etc'), { recursive: true, force: true });
	}
});
