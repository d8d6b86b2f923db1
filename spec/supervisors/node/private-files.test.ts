import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { runReeve, startReeve } from '../../support/command-line.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** All that is below a folder, and the folder itself. */
function pathsBelow(folder: string): readonly string[] {
	const entries = readdirSync(folder, { withFileTypes: true });
	return [
		folder,
		...entries.flatMap((entry) => {
			const path = join(folder, entry.name);
			return entry.isDirectory() ? pathsBelow(path) : [path];
		}),
	];
}

test(
	'all that a fleet creates is for its owner only, whatever the mask of its files is',
	{ timeout: 240_000 },
	async (t) => {
		const cwd = temporaryFolder(t);
		const mask = process.umask(0);
		t.after(() => process.umask(mask));
		mkdirSync(join(cwd, 'work'), { mode: 0o700 });
		const read = join(cwd, '.reeve', 'read');
		const dev = startReeve(['dev', '--ships', '1', '--readFolder', read, '--keepRestartBudgets'], {
			cwd,
		});
		t.after(() => dev.child.kill('SIGKILL'));
		await dev.until(/Now, in another terminal/);
		const run = async (...words: readonly string[]): Promise<void> => {
			const { code, stderr } = await runReeve(words, { cwd });
			assert.equal(code, 0, `${words.join(' ')}: ${stderr}`);
		};
		const reply = ['replyMethod=REQToFileAppend', 'directory=results', 'fileName=result'];
		await run('send', 'exec', '--to', 'ship1', ...reply, '--', 'uptime');
		const file = ['directory=results', 'fileName=whole', 'data=text'];
		await run('send', 'write-file', '--to', 'ship1', ...file);
		await run('send', 'startup-write', '--to', 'ship1', 'fileName=a.json', 'data=[]', '--', 'a');
		await run('backup', join(cwd, '.reeve', 'backups', 'one'));
		await run('keys', 'new', 'alice', '--configFolder', join(cwd, '.reeve', 'central', 'etc'));
		const open = pathsBelow(join(cwd, '.reeve')).flatMap((path) => {
			const mode = lstatSync(path).mode & 0o777;
			return (mode & 0o077) === 0 ? [] : [`${relative(cwd, path)} ${mode.toString(8)}`];
		});
		assert.deepEqual(open, []);
		const made = pathsBelow(join(cwd, '.reeve')).map((path) => relative(cwd, path));
		for (const pattern of [/central\.sock$/, /data\.mdb$/, /ship1\.log$/, /whole$/, /backups.one/])
			assert.ok(
				made.some((path) => pattern.test(path)),
				`${pattern} is there`,
			);
		dev.child.kill('SIGINT');
		await dev.finished;
	},
);
