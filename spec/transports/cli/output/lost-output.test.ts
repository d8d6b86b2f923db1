import assert from 'node:assert/strict';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { programWords } from '../../../support/program.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

const skip = process.platform === 'linux' ? false : 'there is no /dev/full';

async function printed(t: Parameters<typeof temporaryFolder>[0], words: string[], target: string) {
	const file = openSync(target, 'w');
	const [program = '', ...rest] = programWords();
	const stdio = ['ignore', file, 'pipe'] as const;
	const child = spawn(program, [...rest, ...words], {
		cwd: temporaryFolder(t),
		stdio: [...stdio],
	});
	closeSync(file);
	let stderr = '';
	child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
	const [code] = (await once(child, 'close')) as [number | null];
	return { code, stderr };
}

test('output that a full disk does not take is told, with an exit code', { skip }, async (t) => {
	for (const words of [['config', 'schema'], ['help'], ['config', 'show']]) {
		const { code, stderr } = await printed(t, words, '/dev/full');
		assert.match(stderr, /standard output: ENOSPC/, words.join(' '));
		assert.equal(code, 4, words.join(' '));
	}
});

test('output into a file is whole', async (t) => {
	const target = join(temporaryFolder(t), 'schema');
	const { code } = await printed(t, ['config', 'schema'], target);
	assert.equal(code, 0);
	assert.equal(typeof JSON.parse(readFileSync(target, 'utf8')), 'object');
});
