import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { runReeve, startReeve, type Surroundings } from '../../../support/command-line.ts';
import { type Fleet, startFleet } from '../../../support/processes.ts';
import type { MessageRow } from '../../../../runtime/ledger/message-state.ts';

let fleet: Fleet;
let central: Surroundings;

before(async () => {
	fleet = await startFleet(['central']);
	await Promise.all([
		fleet.start('ship1', ['--facts', 'role=db-main,site=oslo']),
		fleet.start('ship2', ['--facts', 'role=web,site=oslo']),
		fleet.start('ship3', ['--facts', 'role=web,site=bergen']),
	]);
	central = { cwd: fleet.folder, env: { REEVE_SOCKET: fleet.socket('central') } };
	while ((await fleet.ask('central', { reeve: 'nodes' })).length < 3);
});
after(() => fleet?.stop());

/** The nodes that a ping with these words reached. */
async function reached(...words: string[]): Promise<string> {
	const { stdout, stderr } = await runReeve(['send', 'ping', ...words, '-o', 'json'], central);
	const rows = (JSON.parse(stdout || stderr) as { messages: MessageRow[] }).messages;
	assert.ok(rows.every(({ state }) => state === 'done'));
	return rows
		.map(({ toNode }) => toNode)
		.toSorted()
		.join(' ');
}

test('globs, lists and facts find the nodes that are meant', async () => {
	assert.equal(await reached('--to', 'ship*'), 'ship1 ship2 ship3');
	assert.equal(await reached('--to', 'site=oslo and role~db'), 'ship1');
	assert.equal(await reached('--to', 'not site=oslo'), 'central ship3');
	assert.equal(await reached('--to', 'ship1,site=bergen'), 'ship1 ship3');
});

test('a file of names is a list, also in the middle of a condition', async () => {
	const path = join(fleet.folder, 'fleet.txt');
	writeFileSync(path, '# our fleet\nship1\nship3   # the new one\n\n');
	assert.equal(await reached('--to', `@${path}`), 'ship1 ship3');
	assert.equal(await reached('--to', `ship2,@${path}`), 'ship1 ship2 ship3');
	assert.equal(await reached('--to', `@${path} and site=oslo`), 'ship1');
	const words = ['send', 'ping', '--to', `@${path}.missing`];
	assert.equal((await runReeve(words, central)).code, 2);
});

test('the facts of a node are shown where it is described', async () => {
	const own = await runReeve(['describe', 'node', 'central'], central);
	assert.match(own.stdout, /^facts +os=\S+ arch=\S+ version=\S+$/m);
	const other = await runReeve(['describe', 'node', 'ship1'], central);
	assert.match(other.stdout, /^facts .* role=db-main site=oslo$/m);
});

test('a limit takes the first ones', async () => {
	assert.equal(await reached('--to', 'ship*', '--limit', '2'), 'ship1 ship2');
	assert.equal(await reached('--to', 'ship*', '--limit', '10%'), 'ship1');
});

test('exit code 3 says that no node matched, and 2 that the target is malformed', async () => {
	const unmatched = await runReeve(['send', 'ping', '--to', 'boat*'], central);
	assert.equal(unmatched.code, 3);
	assert.match(
		unmatched.stderr,
		/no known node matches the target .*\(nobody_matched\)\n {2}boat\*/,
	);
	const wrong = await runReeve(['send', 'ping', '--to', 'role='], central);
	assert.equal(wrong.code, 2);
	assert.match(wrong.stderr, /bad_target/);
	for (const words of [
		['--limit', 'x'],
		['--batch', '0'],
		['--batch-sleep', '1'],
	]) {
		assert.equal((await runReeve(['send', 'ping', '--to', 'ship*', ...words], central)).code, 2);
	}
	assert.equal((await runReeve(['send', 'ping', '--limit', '1'], central)).code, 2);
});

test('a dry run shows who would get what, exactly, and sends nothing', async () => {
	const count = async () => (await fleet.ask('central', { reeve: 'messages' })).length;
	const earlier = await count();
	const words = ['send', 'exec', 'methodTimeout=5', '--to', 'ship*', '--dry-run'];
	const { code, stdout } = await runReeve([...words, '--', 'uptime'], central);
	assert.equal(code, 0);
	const [head, ...rest] = stdout.split('\n');
	assert.equal(head, '3 nodes: ship1 ship2 ship3');
	const message = {
		method: 'exec',
		methodTimeout: 5,
		methodArgs: ['uptime'],
		toNodes: ['ship1', 'ship2', 'ship3'],
	};
	assert.deepEqual(JSON.parse(rest.join('\n')), [message]);
	const batches = await runReeve([...words, '--batch', '2', '-o', 'json'], central);
	const { batches: shown } = JSON.parse(batches.stdout) as { batches: { to: string[] }[] };
	assert.deepEqual(
		shown.map(({ to }) => to),
		[['ship1', 'ship2'], ['ship3']],
	);
	assert.equal(await count(), earlier);
});

test('batches follow one another: the next one begins when the last has answered', async () => {
	const words = ['send', 'exec', '--to', 'ship*', '--batch', '2', '-o', 'jsonl'];
	const { code, stdout } = await runReeve([...words, '--', 'sleep', '0.2'], central);
	assert.equal(code, 0);
	const rows = stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as Partial<MessageRow>)
		.filter(({ id }) => id !== undefined);
	assert.deepEqual(
		new Set(rows.slice(0, 2).map(({ toNode }) => toNode)),
		new Set(['ship1', 'ship2']),
	);
	const [one, two, three] = rows;
	const firstEnd = Math.max(one?.settledAt ?? 0, two?.settledAt ?? 0);
	assert.ok((three?.sentAt ?? 0) >= firstEnd, 'the second batch was sent after the first was done');
});

test('a failure in one batch is the exit code of all, and Ctrl-C tells who got nothing', async () => {
	const words = ['send', 'exec', '--to', 'ship*', '--batch', '1'];
	const script = 'case $PWD in */ship1/*) exit 1;; esac; exit 2';
	const failed = await runReeve([...words, '--', 'sh', '-c', script], central);
	assert.equal(failed.code, 4);
	const send = startReeve([...words, '--batch-sleep', '9m', '--', 'true'], central);
	await send.until(/1 ok, 0 failed/);
	send.child.kill('SIGINT');
	const { code, stderr } = await send.finished;
	assert.equal(code, 130);
	assert.match(stderr, /stopped: ship2, ship3 were sent no message/);
});

test('messages on standard input that name no receiver go to the target', async () => {
	const input = JSON.stringify([{ method: 'ping' }, { method: 'ping', toNode: 'ship3' }]);
	const words = ['send', '-', '--to', 'site=oslo', '-o', 'json'];
	const { stdout } = await runReeve(words, { ...central, input });
	const rows = (JSON.parse(stdout) as { messages: MessageRow[] }).messages;
	assert.deepEqual(rows.map(({ toNode }) => toNode).toSorted(), ['ship1', 'ship2', 'ship3']);
	const batched = await runReeve([...words, '--batch', '1'], { ...central, input });
	assert.equal(batched.code, 2);
});
