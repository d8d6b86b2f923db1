import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { runCommand } from '../../../actors/io/command.ts';
import { withoutOwnFiles } from '../../../runtime/platform/child-files.ts';
import { realClock } from '../../../runtime/platform/clock.ts';
import { openedJournal } from '../../support/open-journal.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const options = {
	timeout: 30_000,
	skip: process.platform === 'linux' ? false : 'there is no /proc to see open files in',
};
const list = ['ls', '-l', '/proc/self/fd'];

test('descriptors: a command has none of the files of its node', options, async (t) => {
	openedJournal(t);
	const command = { env: {}, signal: new AbortController().signal, clock: realClock };
	const end = await runCommand({ ...command, argv: list, outputBytesMax: 100_000 });
	const open = Buffer.from(end.stdout).toString();
	assert.match(open, /socket|pipe/);
	assert.doesNotMatch(open, /\.mdb/);
});

test('descriptors: what a command leaves behind has none either', options, async (t) => {
	openedJournal(t);
	const file = join(temporaryFolder(t), 'open');
	const script = `setsid sh -c 'ls -l /proc/self/fd > ${file}' & wait`;
	const command = { env: {}, signal: new AbortController().signal, clock: realClock };
	const argv = ['sh', '-c', script];
	await runCommand({ ...command, argv, outputBytesMax: 100_000 });
	const open = readFileSync(file, 'utf8');
	assert.match(open, /null/);
	assert.doesNotMatch(open, /\.mdb/);
});

test('descriptors: a child that is waited for has none either', options, (t) => {
	openedJournal(t);
	const { stdout } = withoutOwnFiles((files) =>
		spawnSync('ls', ['-l', '/proc/self/fd'], { stdio: ['ignore', 'pipe', 'pipe', ...files] }),
	);
	assert.match(stdout.toString(), /null/);
	assert.doesNotMatch(stdout.toString(), /\.mdb/);
});

test('descriptors: starting children leaves no file open here', options, (t) => {
	openedJournal(t);
	const next = () => {
		const file = openSync('/dev/null', 'r');
		closeSync(file);
		return file;
	};
	const before = next();
	withoutOwnFiles((files) =>
		spawnSync('true', [], { stdio: ['ignore', 'pipe', 'pipe', ...files] }),
	);
	assert.equal(next(), before);
});
