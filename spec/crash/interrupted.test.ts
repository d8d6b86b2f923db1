import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { pause, realClock } from '../../runtime/platform/clock.ts';
import { type Fleet, startFleet } from '../support/processes.ts';

let fleet: Fleet;
before(async () => {
	fleet = await startFleet(['central', 'ship1']);
});
after(() => fleet.stop());

/** Resolves when a file of this name is in the folder. */
async function appearance(folder: string, name: string): Promise<void> {
	await mkdir(folder, { recursive: true });
	const controller = new AbortController();
	const changes = watch(folder, { signal: controller.signal });
	if (existsSync(join(folder, name))) return controller.abort();
	for await (const _change of changes) if (existsSync(join(folder, name))) break;
}

/** A command that marks its start, and then takes its time: the kill comes in between. */
function slow(mark: string, extra: object) {
	const script = `echo run >> ${mark}; sleep 3; wc -l < ${mark}`;
	return {
		toNode: 'ship1',
		method: 'REQCliCommand',
		methodArgs: ['bash', '-c', script],
		methodTimeout: 5,
		...extra,
	};
}

async function killInMidRun(name: string, extra: object) {
	const folder = join(fleet.folder, 'marks');
	const mark = join(folder, name);
	const seen = appearance(folder, name);
	const [answer] = await fleet.send('central', [slow(mark, extra)]);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	await seen;
	await fleet.kill('ship1');
	await fleet.start('ship1');
	const [row] = await fleet.settled('central', [answer.id]);
	return row;
}

test('a command whose node is killed while it runs is reported as interrupted', async () => {
	const row = await killInMidRun('report', {});
	assert.equal(row?.state, 'interrupted');
	assert.equal(row?.code, 'interrupted');
});

test('a command with onCrash retry runs again, and its sender gets the result of the second run', async () => {
	const row = await killInMidRun('retry', { onCrash: 'retry' });
	assert.equal(row?.state, 'done');
	assert.equal(row?.output?.trim(), '2', 'the mark file has a line for each of the two runs');
	assert.equal(row?.attempts, 2);
});

test('what has ended counts before what is overdue: a command that ends while its node is frozen is done', async () => {
	const folder = join(fleet.folder, 'marks');
	const begun = appearance(folder, 'frozen');
	const ended = appearance(folder, 'ended');
	const script = 'echo > "$0/frozen"; sleep 0.2; echo done; echo > "$0/ended"';
	const methodArgs = ['bash', '-c', script, folder];
	const message = { toNode: 'ship1', method: 'REQCliCommand', methodArgs };
	const [answer] = await fleet.send('central', [{ ...message, methodTimeout: 2 }]);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	await begun;
	fleet.signal('ship1', 'SIGSTOP');
	await ended;
	// The node stands still until the command is overdue; only real time can show that.
	await pause(realClock, 3000);
	fleet.signal('ship1', 'SIGCONT');
	const [row] = await fleet.settled('central', [answer.id]);
	assert.equal(row?.state, 'done', row?.code);
	assert.equal(row?.output?.trim(), 'done');
});
