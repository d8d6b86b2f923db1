import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test, { type TestContext } from 'node:test';
import { runReeve, type Finished } from '../../../support/command-line.ts';
import { programWords } from '../../../support/program.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

const bounded = { timeout: 90_000 };
const skip = process.platform === 'linux' ? false : 'there is no /dev/full';

/** A process of `reeve run` that is ready, and whose standard output is `out`. */
async function runNode(t: TestContext, out: 'pipe' | number) {
	const cwd = temporaryFolder(t);
	const [program = '', ...own] = programWords();
	const words = ['run', '--nodeName', 'n', '--centralNodeName', 'n', '--socketFolder', cwd];
	const rest = ['--brokerAddress', '127.0.0.1:9', '--logBytesWaitingMax', '1000'];
	const child = spawn(program, [...own, ...words, ...rest], {
		cwd,
		stdio: ['ignore', out, 'pipe'],
	});
	t.after(() => void child.kill('SIGKILL'));
	let log = '';
	await new Promise<void>((resolve, reject) => {
		child.once('exit', (code) => reject(new Error(`ended with ${code}: ${log}`)));
		child.stderr?.on('data', (chunk) => {
			log += String(chunk);
			if (log.includes('"node.ready"')) resolve();
		});
	});
	const env = { REEVE_SOCKET: join(cwd, 'n.sock') };
	const send = (...message: string[]): Promise<Finished> =>
		runReeve(['send', ...message, '--to', 'n'], { cwd, env });
	return { child, send, log: () => log };
}

test('what a message prints is on the standard output of reeve run', bounded, async (t) => {
	const { child, send } = await runNode(t, 'pipe');
	let printed = '';
	child.stdout?.on('data', (chunk) => (printed += String(chunk)));
	for (const text of ['hello', 'again\n']) {
		assert.equal((await send('print', `data=${text}`)).code, 0);
	}
	child.kill('SIGTERM');
	await once(child, 'close');
	assert.match(printed, /^n {2}ready .*\nhello\nagain\n$/);
});

test('what a full disk did not take is not done', { ...bounded, skip }, async (t) => {
	const full = openSync('/dev/full', 'w');
	const { send, log } = await runNode(t, full);
	closeSync(full);
	const { code, stdout } = await send('print', 'data=hello');
	assert.equal(code, 4);
	assert.match(stdout, /failed .*file_failed/);
	assert.match(log(), /"level":50.*ENOSPC.*"console\.failed"/);
	assert.equal((await send('ping')).code, 0);
});

test('a reader that is gone, or stands still, ends no node', bounded, async (t) => {
	const still = await runNode(t, 'pipe');
	const long = `data=${'x'.repeat(100_000)}`;
	// The pipe and the other end hold some of them.
	let late = '';
	for (let times = 0; times < 10 && !late.includes('timed_out'); times += 1) {
		late = (await still.send('print', 'methodTimeout=1', long)).stdout;
	}
	assert.match(late, /failed .*timed_out/);
	const refused = await still.send('print', 'data=more');
	assert.match(refused.stdout, /failed .*file_failed/);
	assert.equal((await still.send('ping')).code, 0);
	still.child.stdout?.destroy();
	await once(still.child.stdout ?? still.child, 'close');
	const gone = await still.send('print', 'data=more');
	assert.match(gone.stdout, /failed .*file_failed/);
	assert.equal((await still.send('ping')).code, 0);
	still.child.kill('SIGTERM');
	assert.equal((await once(still.child, 'exit'))[1], null);
});
