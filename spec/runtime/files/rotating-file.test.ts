import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { createRotatingFile } from '../../../runtime/files/rotating-file.ts';
import { createDisk, isMountable } from '../../torture/disk.ts';
import { temporaryFolder } from '../../support/temporary.ts';

function fileOf(t: TestContext, bytesMax = 10, filesMax = 3) {
	const path = join(temporaryFolder(t), 'deep', 'store.log');
	const file = createRotatingFile(path, { bytesMax, filesMax });
	const read = (at: number) => {
		const name = at === 0 ? path : `${path}.${at}`;
		return existsSync(name) ? readFileSync(name, 'utf8') : undefined;
	};
	const all = async () => {
		const lines: string[] = [];
		for await (const line of file.lines()) lines.push(line);
		return lines;
	};
	return { path, file, read, all };
}

test('lines are appended, and only their owner may read them', async (t) => {
	const { path, file, read } = fileOf(t, 100);
	await file.append(['one', 'two']);
	await file.append(['three']);
	assert.equal(read(0), 'one\ntwo\nthree\n');
	assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a file that is full is put aside whole, and only so many are kept', async (t) => {
	const { file, read, all } = fileOf(t);
	await file.append(['aaaa', 'bbbb', 'cccc']);
	assert.deepEqual([read(0), read(1)], ['cccc\n', 'aaaa\nbbbb\n']);
	for (const line of ['dddd', 'eeee', 'ffff', 'gggg']) await file.append([line]);
	assert.deepEqual(
		[read(0), read(1), read(2), read(3)],
		['gggg\n', 'eeee\nffff\n', 'cccc\ndddd\n', undefined],
	);
	assert.deepEqual(await all(), ['gggg', 'eeee', 'ffff', 'cccc', 'dddd']);
});

test('a line that is larger than a file has one of its own', async (t) => {
	const { file, read } = fileOf(t);
	await file.append(['aa', 'x'.repeat(50), 'bb']);
	assert.deepEqual([read(0), read(2)], ['bb\n', 'aa\n']);
	assert.equal(read(1)?.length, 51);
});

test('with one file, nothing older is kept', async (t) => {
	const { file, read } = fileOf(t, 10, 1);
	await file.append(['aaaa', 'bbbb', 'cccc']);
	assert.deepEqual([read(0), read(1)], ['cccc\n', undefined]);
});

test('the last line is found, of whatever length, and in an older file if need be', async (t) => {
	const { file, path } = fileOf(t, 1_000_000);
	assert.equal(await file.lastLine(), undefined);
	await file.append(['first']);
	assert.equal(await file.lastLine(), 'first');
	const long = 'x'.repeat(200_000);
	await file.append(['a', long]);
	assert.equal(await file.lastLine(), long);
	await file.append(['b'.repeat(70_000), 'end']);
	assert.equal(await file.lastLine(), 'end');
	assert.equal(existsSync(`${path}.1`), false);
});

test('what a crash has left of a line is cut off, so that the next one stands alone', async (t) => {
	const { file, path, read } = fileOf(t, 100);
	await file.append(['one', 'two']);
	appendFileSync(path, '{"order":3,"id');
	assert.equal(await file.lastLine(), 'two');
	await file.append(['three']);
	assert.equal(read(0), 'one\ntwo\nthree\n');
	const fresh = fileOf(t, 100);
	await fresh.file.append(['one']);
	await fresh.file.append(['x'.repeat(99)]);
	appendFileSync(fresh.path, '');
	const torn = fileOf(t, 4);
	await torn.file.append(['one', 'two']);
	await torn.file.append(['three']);
	assert.equal(torn.read(1), 'two\n');
});

test('a file that holds nothing but a cut line leads to the one before', async (t) => {
	const { file, path, read } = fileOf(t, 4);
	await file.append(['one', 'two']);
	await file.append(['x']);
	appendFileSync(path, 'cut');
	assert.equal(await file.lastLine(), 'x');
	const alone = fileOf(t, 4);
	await alone.file.append(['one', 'two']);
	// As after a death between the rename and the first whole line.
	await alone.file.append(['xx']);
	const { writeFileSync } = await import('node:fs');
	writeFileSync(alone.path, 'cut');
	assert.equal(await alone.file.lastLine(), 'two');
	assert.equal(alone.read(0), '');
	assert.equal(read(2), 'one\n');
});

test(
	'an effect half done: a full disk leaves no half line that the next line would continue',
	{ skip: isMountable() ? false : 'no file system may be mounted here' },
	async (t) => {
		const folder = join(temporaryFolder(t), 'small');
		const disk = createDisk(folder, 4 * 1024 * 1024);
		t.after(() => disk.end(false));
		const path = join(folder, 'log');
		const file = createRotatingFile(path, { bytesMax: 1_000_000, filesMax: 2 });
		await file.append(['one']);
		disk.fill(undefined);
		await assert.rejects(file.append(['x'.repeat(20_000)]));
		disk.free(undefined);
		await file.append(['two']);
		assert.equal(readFileSync(path, 'utf8'), 'one\ntwo\n');
	},
);
