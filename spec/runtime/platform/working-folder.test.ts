import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { runCommand } from '../../../actors/io/command.ts';
import { realClock } from '../../../runtime/platform/clock.ts';
import { checkWorkingFolder } from '../../../runtime/platform/working-folder.ts';
import { startMember } from '../../../transports/cli/fleet/fleet-member.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';

/** Goes into a new folder until the test is over. */
function enter(t: TestScope): string {
	const before = process.cwd();
	const folder = join(temporaryFolder(t), 'here');
	mkdirSync(folder);
	process.chdir(folder);
	// As after a use: Node.js remembers the name.
	process.cwd();
	t.after(() => process.chdir(before));
	return folder;
}

const command = (argv: readonly string[]) =>
	runCommand({
		argv,
		env: {},
		signal: new AbortController().signal,
		clock: realClock,
		outputBytesMax: 1000,
	});

test('a working directory that was removed: a command fails and says why', async (t) => {
	const folder = enter(t);
	checkWorkingFolder();
	rmSync(folder, { recursive: true });
	const failure = { code: 'folder_gone', detail: 'it was removed' };
	await assert.rejects(command(['ls']), failure);
	// Another one of this name is another one.
	mkdirSync(folder);
	await assert.rejects(command(['ls']), failure);
});

test('a working directory that was removed: a member of a fleet says why', (t) => {
	const folder = enter(t);
	rmSync(folder, { recursive: true });
	const parts = { name: 'ship1', self: ['node'], words: [], environment: {}, clock: realClock };
	assert.throws(() => startMember({ ...parts, log: '/dev/null' }), { code: 'folder_gone' });
});

test('a working directory that was moved is the same one', async (t) => {
	const folder = enter(t);
	renameSync(folder, `${folder}.moved`);
	assert.equal((await command(['pwd'])).exitCode, 0);
});

test(
	'a working directory that cannot be entered: a command fails and says why',
	{ skip: process.getuid?.() === 0 ? 'root may enter all' : false },
	async (t) => {
		const folder = enter(t);
		chmodSync(folder, 0);
		await assert.rejects(command(['ls']), { code: 'folder_gone', detail: /EACCES/ });
		chmodSync(folder, 0o700);
	},
);
