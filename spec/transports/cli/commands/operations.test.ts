import assert from 'node:assert/strict';
import test from 'node:test';
import { runReeve } from '../../../support/command-line.ts';
import { send, settled, startLocalFleet } from '../../../support/local-nodes.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

test('messages are described, cancelled, retried, dropped and audited from the command line', async (t) => {
	const fleet = await startLocalFleet(t);
	const central = await fleet.start('central');
	const cwd = temporaryFolder(t);
	const reeve = (...words: string[]) =>
		runReeve([...words, '--socket', fleet.socket('central')], { cwd });
	const command = { toNode: 'ship1', method: 'REQCliCommand' };
	const waiting = await send(central, { ...command, methodArgs: ['true'] });
	const cancelled = await reeve('cancel', waiting);
	assert.deepEqual([cancelled.code, cancelled.stdout], [0, `${waiting}  cancelled\n`]);
	const twice = await reeve('cancel', waiting, '--json');
	assert.equal(twice.code, 4);
	assert.equal((JSON.parse(twice.stdout) as { error: string }).error, 'already_settled');

	await fleet.start('ship1');
	const id = await send(central, { ...command, methodArgs: ['false'] });
	await settled(central, id);
	const described = await reeve('describe', 'message', id);
	for (const word of [
		/accepted/,
		/sent \(attempt 1\)/,
		/acknowledged/,
		/settled: failed: command_failed/,
	]) {
		assert.match(described.stdout, word);
	}
	const data = await reeve('describe', 'message', id, '-o', 'jsonl');
	const row = JSON.parse(data.stdout) as { state: string; events: object[] };
	assert.equal(row.state, 'failed');
	assert.ok(row.events.length >= 4);

	const retried = await reeve('retry', '--state', 'failed', '--to', 'ship1');
	const [, again = ''] = /queued {2}as (\S+)\n$/.exec(retried.stdout) ?? [];
	assert.equal((await settled(central, again)).note, `(retry of ${id})`);
	const dropped = await reeve('drop', '--state', 'cancelled');
	assert.deepEqual([dropped.code, dropped.stdout], [0, `${waiting}  dropped\n`]);
	const none = await reeve('drop', '--state', 'cancelled');
	assert.deepEqual([none.code, none.stdout], [3, '']);
	assert.equal((await reeve('drop')).code, 2);
	assert.equal((await reeve('drop', '--older-than', 'soon')).code, 2);

	const audit = await reeve('audit', '--to', 'ship1');
	assert.equal(audit.code, 0, audit.stderr);
	assert.match(audit.stdout, /^lost 0, doubled 0 \(2 messages checked\)$/m);
	const json = JSON.parse(
		(await reeve('audit', '--to', 'ship1', '--since', '1h', '--json')).stdout,
	) as object;
	assert.deepEqual({ lost: 0, doubled: 0, checked: 2, ...json }, json);
});
