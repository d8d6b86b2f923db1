import assert from 'node:assert/strict';
import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import test from 'node:test';
import * as fc from 'fast-check';
import { dataFile } from '../../../runtime/files/data-folder.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const outside = { code: 'path_outside' };

test('a file lies at its parts, and its folders are created', async (t) => {
	const root = join(temporaryFolder(t), 'not', 'there', 'yet');
	const path = await dataFile(root, 'some/cli', 'ship1', 'cli.result');
	assert.equal(path, join(root, 'some', 'cli', 'ship1', 'cli.result'));
	assert.ok(lstatSync(dirname(path)).isDirectory());
	assert.equal(existsSync(path), false, 'the file itself is for the method to write');
});

test('a leading slash means the data folder', async (t) => {
	const root = temporaryFolder(t);
	assert.equal(await dataFile(root, '/etc/', '//x', './y'), join(root, 'etc', 'x', 'y'));
});

test('parts that are empty or a dot add nothing', async (t) => {
	const root = temporaryFolder(t);
	assert.equal(await dataFile(root, '', '.', 'ship1', 'a'), join(root, 'ship1', 'a'));
});

test('two dots may lead back within a part, but not above where it starts', async (t) => {
	const root = temporaryFolder(t);
	assert.equal(await dataFile(root, 'a/../b', 'n', 'f'), join(root, 'b', 'n', 'f'));
	for (const parts of [
		['..', 'n', 'f'],
		['../x', 'n', 'f'],
		['a/../../x', 'n', 'f'],
		['/../etc', 'n', 'passwd'],
		['a', 'n', '../f'],
		['a', 'n', '../../../../etc/passwd'],
	]) {
		await assert.rejects(dataFile(root, ...parts), outside, parts.join(' '));
	}
});

test('a NUL is refused, and so is a path that names no file', async (t) => {
	const root = temporaryFolder(t);
	await assert.rejects(dataFile(root, 'a\0', 'f'), outside);
	await assert.rejects(dataFile(root), outside);
	await assert.rejects(dataFile(root, '/', '.'), outside);
});

test('the last part must name a file, so that no result takes the place of a folder', async (t) => {
	const folder = temporaryFolder(t);
	for (const name of ['.', './', '', 'a/..', '/']) {
		await assert.rejects(dataFile(folder, 'logs', 'ship1', name), { code: 'path_outside' }, name);
	}
});

test('a link that leads out is refused, as a folder and as a file', async (t) => {
	const root = temporaryFolder(t);
	const elsewhere = temporaryFolder(t);
	symlinkSync(elsewhere, join(root, 'away'));
	symlinkSync(join(elsewhere, 'target'), join(root, 'dangling'));
	writeFileSync(join(elsewhere, 'precious'), 'precious');
	symlinkSync(join(elsewhere, 'precious'), join(root, 'file'));
	for (const parts of [['away', 'f'], ['away/new', 'n', 'f'], ['dangling'], ['file']]) {
		await assert.rejects(dataFile(root, ...parts), outside, parts.join('/'));
	}
	assert.equal(existsSync(join(elsewhere, 'new')), false, 'nothing was created behind the link');
});

test('a link that stays inside is followed', async (t) => {
	const root = temporaryFolder(t);
	mkdirSync(join(root, 'real'));
	symlinkSync(join(root, 'real'), join(root, 'link'));
	assert.equal(await dataFile(root, 'link', 'f'), join(root, 'real', 'f'));
});

test('the data folder itself may be a link', async (t) => {
	const real = temporaryFolder(t);
	const link = join(temporaryFolder(t), 'data');
	symlinkSync(real, link);
	assert.equal(await dataFile(link, 'a', 'f'), join(real, 'a', 'f'));
});

test('a neighbour whose name only begins alike is outside', async (t) => {
	const home = temporaryFolder(t);
	mkdirSync(join(home, 'data'));
	mkdirSync(join(home, 'data-of-others'));
	symlinkSync(join(home, 'data-of-others'), join(home, 'data', 'link'));
	await assert.rejects(dataFile(join(home, 'data'), 'link', 'f'), outside);
});

test('a file where a folder should be is a failure of the file system', async (t) => {
	const root = temporaryFolder(t);
	writeFileSync(join(root, 'file'), '');
	await assert.rejects(dataFile(root, 'file/below', 'f'), { code: 'file_failed' });
	await assert.rejects(dataFile(root, 'x'.repeat(300), 'f'), { code: 'file_failed' });
});

test('twenty messages may create the same folders at once', async (t) => {
	const root = temporaryFolder(t);
	const many = Array.from({ length: 20 }, () => dataFile(root, 'a/b/c', 'n', 'f'));
	assert.deepEqual([...new Set(await Promise.all(many))], [join(root, 'a/b/c/n/f')]);
});

test('whatever the parts are, the path is inside or there is none', async (t) => {
	const root = temporaryFolder(t);
	const word = fc.constantFrom('..', '.', '', 'a', 'b', '...', '~', '%2e%2e', '..a', '\\..', 'é');
	const part = fc.array(word, { maxLength: 5 }).map((words) => words.join('/'));
	await fc.assert(
		fc.asyncProperty(fc.array(part, { maxLength: 4 }), async (parts) => {
			try {
				const path = await dataFile(root, ...parts);
				const way = relative(root, path).split(sep);
				assert.ok(way[0] !== '..' && way.join('') !== '', path);
			} catch (thrown) {
				assert.ok(thrown instanceof ReeveError);
				assert.equal(thrown.code, 'path_outside');
			}
		}),
		{ numRuns: 300 },
	);
});

test('names that the node gives its own files are refused, in every part and in any case', async (t) => {
	const root = temporaryFolder(t);
	for (const name of ['.reeve-x', '.append-x', '.Reeve-x', '.reeve-', './.reeve-x']) {
		for (const parts of [
			[name],
			['a', name],
			[name, 'a'],
			[`a/${name}/b`, 'c'],
			['a', `${name}/b`],
		]) {
			await assert.rejects(dataFile(root, ...parts), { code: 'bad_name' }, parts.join(' '));
		}
	}
	for (const name of ['.reeve', 'a.reeve-x', '.appendix', 'reeve-x', '.append']) {
		assert.equal(await dataFile(root, name), join(root, name));
	}
});
