import assert from 'node:assert/strict';
import {
	chmodSync,
	chownSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'node:test';
import { removeFile, writeAtomically } from '../../../runtime/files/atomic-file.ts';
import { withFileLock } from '../../../runtime/files/file-lock.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const asRoot = { skip: process.getuid?.() !== 0 };
const ownerOf = (path: string) => {
	const { uid, gid } = statSync(path);
	return [uid, gid];
};

test('a file that is replaced keeps its mode', (t) => {
	const path = join(temporaryFolder(t), 'acl.yaml');
	writeAtomically(path, 'one', { mode: 0o600 });
	assert.equal(statSync(path).mode & 0o777, 0o600);
	chmodSync(path, 0o640);
	writeAtomically(path, 'two', { mode: 0o600 });
	assert.equal(statSync(path).mode & 0o777, 0o640);
});

test(
	'a file that root replaces keeps its owner, and a new one has that of its folder',
	asRoot,
	(t) => {
		const folder = temporaryFolder(t);
		const path = join(folder, 'acl.yaml');
		writeFileSync(path, 'one');
		chownSync(path, 1234, 2345);
		writeAtomically(path, 'two', { mode: 0o600 });
		assert.deepEqual(ownerOf(path), [1234, 2345]);
		chownSync(folder, 1234, 1234);
		const inner = join(folder, 'keys', 'known', 'ship1.pub');
		withFileLock(inner, () => writeAtomically(inner, 'key', { mode: 0o644 }));
		for (const made of [inner, join(folder, 'keys', 'known'), join(folder, 'keys')]) {
			assert.deepEqual(ownerOf(made), [1234, 1234], made);
		}
	},
);

test('what cannot take its place leaves no file beside it', (t) => {
	const folder = temporaryFolder(t);
	const taken = join(folder, 'taken');
	mkdirSync(join(taken, 'inside'), { recursive: true });
	assert.throws(() => writeAtomically(taken, 'text', { mode: 0o600 }), { code: 'file_failed' });
	assert.deepEqual(readdirSync(folder), ['taken']);
});

test('a link is written where it points, under one lock, also if nothing is there yet', (t) => {
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, 'real'));
	mkdirSync(join(folder, 'etc'));
	const real = join(folder, 'real', 'acl.yaml');
	const link = join(folder, 'etc', 'acl.yaml');
	symlinkSync(join('..', 'real', 'acl.yaml'), link);
	for (const text of ['new', 'changed']) {
		withFileLock(link, () => {
			assert.deepEqual(readdirSync(join(folder, 'etc')), ['acl.yaml']);
			assert.ok(readdirSync(join(folder, 'real')).includes('acl.yaml.lock'));
			writeAtomically(link, text, { mode: 0o600 });
		});
		assert.equal(readFileSync(real, 'utf8'), text);
		assert.ok(lstatSync(link).isSymbolicLink());
	}
	const round = join(folder, 'round');
	symlinkSync('round', round);
	assert.throws(() => writeAtomically(round, 'x', { mode: 0o600 }), {
		code: 'file_failed',
		detail: /links/,
	});
	const own = { mode: 0o600, replacesLinks: true };
	writeAtomically(link, 'own', own);
	assert.equal(lstatSync(link).isSymbolicLink(), false);
	assert.equal(readFileSync(real, 'utf8'), 'changed');
});

test('a file is removed, but no link in its place, and no folder', (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'file');
	writeFileSync(path, 'text');
	removeFile(path);
	removeFile(path);
	assert.deepEqual(readdirSync(folder), []);
	symlinkSync('elsewhere', path);
	assert.throws(() => removeFile(path), {
		code: 'file_failed',
		detail: /file is a link to .*elsewhere/,
	});
	assert.throws(() => removeFile(folder), { code: 'file_failed', detail: new RegExp(folder) });
});
