import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { newId } from '../../../runtime/platform/ids.ts';
import process from 'node:process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { findOrphans, killOrphans } from '../../../actors/io/orphan-commands.ts';
import { realClock } from '../../../runtime/platform/clock.ts';
import { createHeldPipe } from '../../support/held-pipe.ts';
import type { TestScope } from '../../support/temporary.ts';

const options = {
	timeout: 60_000,
	skip: process.platform === 'linux' ? false : 'there is no /proc to find orphans in',
};
const host = fileURLToPath(new URL('../../support/command-host.ts', import.meta.url));

/** Starts the stand-in for a node, which runs one command under this mark. */
function startHost(t: TestScope, mark: { storeId: string; message: string }, script: string) {
	const { storeId, message } = mark;
	const words = ['--import', 'tsx', host, storeId, message, script];
	const child = spawn(process.execPath, words, { stdio: 'inherit' });
	t.after(() => void child.kill('SIGKILL'));
	return child;
}

async function kill(child: ChildProcess): Promise<void> {
	const exit = once(child, 'exit');
	child.kill('SIGKILL');
	await exit;
}

test('what a killed node was running is found by its mark, and dies', options, async (t) => {
	const pipe = createHeldPipe(t);
	const storeId = newId(realClock);
	const script = `${pipe.hold}(sleep 1000 & echo $$ >&9; wait)`;
	const node = startHost(t, { storeId, message: 'm1' }, script);
	const [group] = await pipe.lines(1);
	await kill(node);

	const marks = { storeId, messages: new Set(['m0', 'm1']) };
	const found = await findOrphans(marks);
	assert.ok(found.length >= 2, 'the shell and what it started');
	for (const orphan of found) {
		assert.deepEqual([orphan.groupId, orphan.message], [Number(group), 'm1']);
	}
	const killed = await killOrphans(marks, realClock);
	await pipe.allDead;
	assert.ok(killed.some(({ pid }) => pid === Number(group)));
	assert.deepEqual(await findOrphans(marks), []);
});

test('an orphan that has made itself a daemon is found as well', options, async (t) => {
	const pipe = createHeldPipe(t);
	const storeId = newId(realClock);
	const script = `${pipe.hold}setsid bash -c 'echo started >&9; sleep 1000'`;
	const node = startHost(t, { storeId, message: 'm1' }, script);
	await pipe.lines(1);
	await kill(node);
	await killOrphans({ storeId, messages: new Set(['m1']) }, realClock);
	await pipe.allDead;
});

test('commands of other stores, and of settled messages, are left alone', options, async (t) => {
	const pipe = createHeldPipe(t);
	const storeId = newId(realClock);
	const node = startHost(t, { storeId, message: 'm1' }, `${pipe.hold}echo >&9; sleep 1000`);
	await pipe.lines(1);
	await kill(node);
	const messages = new Set(['m1']);
	assert.deepEqual(await killOrphans({ storeId: newId(realClock), messages }, realClock), []);
	assert.deepEqual(await killOrphans({ storeId, messages: new Set(['m2']) }, realClock), []);
	assert.deepEqual(await killOrphans({ storeId, messages: new Set() }, realClock), []);

	const killed = await killOrphans({ storeId, messages }, realClock);
	assert.ok(killed.length > 0, 'it was there all the time');
	await pipe.allDead;
});
