/**
 * `reeve new` in an installed package: built, in a folder of its own, and
 * imported by its name.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runReeve } from '../../../support/command-line.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const run = promisify(execFile);
const tsc = join(
	dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
	'bin/tsc',
);

/** Runs the compiler; a source tree with errors in it is compiled all the same. */
async function compile(cwd: string, words: readonly string[]): Promise<string> {
	try {
		return (await run(process.execPath, [tsc, ...words], { cwd })).stdout;
	} catch (thrown) {
		return String(Reflect.get(Object(thrown), 'stdout'));
	}
}

/**
 * A folder with the package built into its `node_modules`, and beside it what users install with
 * it.
 */
async function installIn(folder: string): Promise<void> {
	const modules = join(folder, 'node_modules');
	const installed = join(modules, 'reeve');
	mkdirSync(installed, { recursive: true });
	await compile(root, ['-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist')]);
	copyFileSync(join(root, 'package.json'), join(installed, 'package.json'));
	symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
	mkdirSync(join(modules, '@types'));
	for (const name of ['tsx', 'xstate', 'zod', '@types/node']) {
		symlinkSync(join(root, 'node_modules', name), join(modules, name));
	}
	writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
	const strict = { strict: true, noEmit: true, types: ['node'], allowImportingTsExtensions: true };
	const compilerOptions = { ...strict, module: 'nodenext', target: 'es2023', skipLibCheck: true };
	writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
}

test('the first actor and the first method are written with specs that pass, and nothing is overwritten', async (t) => {
	const folder = temporaryFolder(t);
	await installIn(folder);
	const reeve = (...words: string[]) => runReeve(words, { cwd: folder });
	const actor = await reeve('new', 'actor', 'shelf-counter');
	assert.deepEqual(
		[actor.code, actor.stdout],
		[0, 'actors/shelf-counter.ts\nactors/shelf-counter.test.ts\n'],
	);
	const method = await reeve('new', 'method', 'count-words');
	assert.deepEqual(
		[method.code, method.stdout],
		[0, 'methods/count-words.ts\nmethods/count-words.test.ts\n'],
	);

	assert.equal(await compile(folder, ['-p', folder]), '');
	const specs = ['actors/shelf-counter.test.ts', 'methods/count-words.test.ts'];
	// Without this they would believe that they are part of the run that they are started by.
	const { NODE_TEST_CONTEXT: _, ...env } = process.env;
	const { stdout } = await run(
		process.execPath,
		['--import', 'tsx', '--test', '--test-reporter=tap', ...specs],
		{ cwd: folder, env },
	);
	assert.match(stdout, /^# pass 2$/m);
	assert.match(stdout, /^# fail 0$/m);

	const written = readFileSync(join(folder, 'actors/shelf-counter.ts'), 'utf8');
	writeFileSync(join(folder, 'actors/shelf-counter.ts'), `${written}// mine\n`);
	const again = await reeve('new', 'actor', 'shelf-counter');
	assert.equal(again.code, 2);
	assert.match(again.stderr, /actors\/shelf-counter\.ts exists already/);
	assert.match(readFileSync(join(folder, 'actors/shelf-counter.ts'), 'utf8'), /\/\/ mine\n$/);
	assert.equal((await reeve('new', 'actor', '../out')).code, 2);
	assert.equal((await reeve('new', 'planet', 'x')).code, 2);
});
