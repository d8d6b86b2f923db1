import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { runReeve, startReeve, type Surroundings } from '../../../support/command-line.ts';
import { type Fleet, startFleet } from '../../../support/processes.ts';
import type { MessageRow } from '../../../../runtime/ledger/message-state.ts';

let fleet: Fleet;
let central: Surroundings;

before(async () => {
	fleet = await startFleet(['central', 'ship1', 'ship2']);
	central = { cwd: fleet.folder, env: { REEVE_SOCKET: fleet.socket('central') } };
});
after(() => fleet?.stop());

const bash = (script: string) => ['--', 'bash', '-c', script];

test('a command runs on two ships, and both answers and the closing line come back', async () => {
	const words = ['send', 'REQCliCommand', '--to', 'ship1,ship2', ...bash('echo $((6*7))')];
	const { code, stdout, stderr } = await runReeve(words, central);
	assert.equal(code, 0);
	const lines = stdout.trim().split('\n');
	assert.match(lines[0] ?? '', /^NODE +OUTCOME +TRIES +TOOK +OUTPUT$/);
	const nodes = lines.slice(1).map((line) => line.split(/ +/)[0]);
	assert.deepEqual(new Set(nodes), new Set(['ship1', 'ship2']));
	for (const line of lines.slice(1)) assert.match(line, /done +1 +\S+ +42$/);
	assert.match(stderr, /^2 ok, 0 failed {2}in \S+ {2}next: reeve get messages\n$/);
});

test('a command that fails shows output, stderr and exit code, and exits with 4', async () => {
	const script = 'echo one; echo two; echo oops >&2; exit 3';
	const words = ['send', 'exec', '--to', 'ship1', ...bash(script)];
	const { code, stdout, stderr } = await runReeve(words, central);
	assert.equal(code, 4);
	assert.match(
		stdout,
		/failed .*exit code 3 \(command_failed\)\n {2}one\n {2}two\n {2}stderr: oops\n/,
	);
	assert.match(stderr, /^0 ok, 1 failed .* reeve describe message \S+\n$/);
});

test('jsonl has one object for each reply and then the summary; json has both in one', async () => {
	const words = ['send', 'ping', '--to', 'ship1,ship2'];
	const { code, stdout } = await runReeve([...words, '-o', 'jsonl'], central);
	assert.equal(code, 0);
	const lines = stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as Partial<MessageRow>);
	assert.deepEqual(
		lines.slice(0, 2).map(({ state }) => state),
		['done', 'done'],
	);
	assert.ok(lines[2] && 'summary' in lines[2]);
	const whole = JSON.parse((await runReeve([...words, '-o', 'json'], central)).stdout) as {
		messages: MessageRow[];
		summary: { ok: number };
	};
	assert.deepEqual([whole.messages.length, whole.summary.ok], [2, 2]);
});

test('--detach prints the id, by any unique beginning of which the message can be described', async () => {
	const words = ['send', 'exec', '--to', 'ship1', '--detach', ...bash('echo later')];
	const { code, stdout } = await runReeve(words, central);
	assert.equal(code, 0);
	const id = stdout.trim();
	assert.match(id, /^[0-9A-Z]{26}$/);
	await fleet.settled('central', [id]);
	const described = await runReeve(['describe', 'message', id.slice(0, -1)], central);
	assert.match(described.stdout, new RegExp(`^message +${id}\n(.*\n)*output\n {2}later\n`));
});

test('messages from standard input may name their receivers or take those of --to', async () => {
	const messages = [{ method: 'REQPing', toNode: 'ship1' }, { method: 'REQPing' }];
	const words = ['send', '-', '--to', 'ship2', '-o', 'json'];
	const { code, stdout } = await runReeve(words, { ...central, input: JSON.stringify(messages) });
	assert.equal(code, 0);
	const rows = (JSON.parse(stdout) as { messages: MessageRow[] }).messages;
	assert.deepEqual(
		rows.map(({ toNode }) => toNode),
		['ship1', 'ship2'],
	);
});

test('a refused message is an error in three lines, with the exit code of its row', async () => {
	const { code, stdout, stderr } = await runReeve(['send', 'nonsense', '--to', 'ship1'], central);
	assert.deepEqual([code, stdout], [2, '']);
	assert.match(stderr, /^error: .* \(unknown_method\)\n {2}nonsense.*\n {2}.*reeve get methods\n$/);
	// Another one of the same batch is done, which does not make up for it.
	for (const methods of [
		['nonsense', 'REQPing'],
		['REQPing', 'nonsense'],
	]) {
		const input = JSON.stringify(methods.map((method) => ({ method, toNode: 'ship1' })));
		const both = await runReeve(['send', '-'], { ...central, input });
		assert.equal(both.code, 2, methods.join());
		assert.match(both.stdout, /done/);
	}
	const cut = await runReeve(['send', '-'], { ...central, input: '{"method": "exec"' });
	assert.equal(cut.code, 2);
	assert.match(cut.stderr, /\(connection_cut\)/);
});

test('a ship that was killed is said to be waited for, and answers without a new send', async () => {
	await fleet.kill('ship2');
	const words = ['send', 'exec', '--to', 'ship1,ship2', ...bash('echo $((6*7))')];
	const send = startReeve(words, central);
	await send.until(/ship2 is waiting: ship2 is offline/);
	await fleet.start('ship2');
	const { code, stdout, stderr } = await send.finished;
	assert.equal(code, 0);
	assert.match(stdout, /^ship2 +done .* 42$/m);
	assert.match(stderr, /2 ok, 0 failed/);
});

test('--timeout and Ctrl-C end the watching, not the work, and say so', async () => {
	const words = ['send', 'exec', '--to', 'ship1', ...bash('echo begun; sleep 1; echo ended')];
	const timed = await runReeve(
		[...words.slice(0, 4), '--timeout', '0.3', ...words.slice(4)],
		central,
	);
	assert.equal(timed.code, 5);
	assert.match(timed.stderr, /0 ok, 0 failed, 1 waiting \(ship1: .*\)/);
	const id =
		/delivery goes on\. {2}next: reeve describe message (\S+)/.exec(timed.stderr)?.[1] ?? '';
	const [row] = await fleet.settled('central', [id]);
	assert.equal(row?.output, 'begun\nended\n');

	await fleet.kill('ship2');
	const send = startReeve(['send', 'ping', '--to', 'ship2'], central);
	await send.until(/is waiting/);
	send.child.kill('SIGINT');
	const { code, stderr } = await send.finished;
	assert.equal(code, 130);
	assert.match(stderr, /no longer watching; delivery goes on/);
	await fleet.start('ship2');
});

test('lists and the tree show the fleet as it is', async () => {
	const nodes = await runReeve(['get', 'nodes', '-o', 'name'], central);
	assert.deepEqual(nodes.stdout.trim().split('\n'), ['ship1', 'ship2']);
	const methods = await runReeve(['get', 'methods', '-o', 'name'], central);
	assert.ok(methods.stdout.split('\n').includes('REQCliCommand'));
	const processes = await runReeve(['get', 'processes'], central);
	assert.match(processes.stdout, /^REQCliCommand\.subscriber +subscriber +central +idle/m);
	const tree = await runReeve(['tree'], central);
	assert.match(tree.stdout, /^├── subscribers +running .*one_for_one$/m);
	const about = await runReeve(['describe', 'node', 'central'], central);
	assert.match(about.stdout, /^node +central\n/);
	const unknown = await runReeve(['describe', 'node', 'ship9'], central);
	assert.equal(unknown.code, 3);
});
