import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { writeAtomically } from '../../../runtime/files/atomic-file.ts';
import { withFileLock } from '../../../runtime/files/file-lock.ts';
import { runScript } from '../../support/scripts.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const longAgo = new Date('2020-01-01');

test('a temporary name that another process uses is left to it, and both writes succeed', (t) => {
	const path = join(temporaryFolder(t), 'file');
	writeFileSync(`${path}.new`, 'half of what another pro');
	writeAtomically(path, 'whole', { mode: 0o600 });
	assert.equal(readFileSync(path, 'utf8'), 'whole');
	assert.equal(readFileSync(`${path}.new`, 'utf8'), 'half of what another pro');
});

test('temporary files that crashes left are removed by the next process, and young ones are not', (t) => {
	const folder = temporaryFolder(t);
	for (const name of ['file.77.1.new', 'other.77.2.new', 'young.77.3.new', 'mine.new']) {
		writeFileSync(join(folder, name), 'half');
	}
	for (const name of ['file.77.1.new', 'other.77.2.new', 'mine.new']) {
		utimesSync(join(folder, name), longAgo, longAgo);
	}
	writeAtomically(join(folder, 'file'), 'whole', { mode: 0o600 });
	assert.deepEqual(readdirSync(folder).toSorted(), ['file', 'mine.new', 'young.77.3.new']);
});

test('a failed write leaves no temporary file', (t) => {
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, 'file', 'full'), { recursive: true });
	const write = () => writeAtomically(join(folder, 'file'), 'text', { mode: 0o600 });
	assert.throws(write, { code: 'file_failed' });
	assert.deepEqual(readdirSync(folder), ['file']);
});

test('the lock of a living process is waited for, for a while, and its owner is named', (t) => {
	const path = join(temporaryFolder(t), 'file');
	let slept = 0;
	const inner = () =>
		withFileLock(path, () => 'never', { code: 'bad_config', sleep: () => (slept += 1) });
	withFileLock(path, () => {
		const message = new RegExp(`the process ${process.pid} holds .*file\\.lock`);
		assert.throws(inner, { code: 'bad_config', message });
	});
	assert.ok(slept > 1);
	assert.equal(
		withFileLock(path, () => 'free again'),
		'free again',
	);
	assert.deepEqual(readdirSync(dirname(path)), [], 'neither locks nor claims stay');
});

test('the lock of a dead process is broken, and so is one of another host when it is old', async (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'file');
	// Who ends within its work leaves its lock.
	const script = `
		import { withFileLock } from './runtime/files/file-lock.ts';
		withFileLock(${JSON.stringify(path)}, () => process.exit(0));`;
	await runScript(script);
	assert.ok(readdirSync(folder).includes('file.lock'));
	let slept = 0;
	const sleep = () => (slept += 1);
	assert.equal(
		withFileLock(path, () => 'mine', { sleep }),
		'mine',
	);
	assert.equal(slept, 1);

	const lock = `${path}.lock`;
	writeFileSync(lock, '1 elsewhere/ 1');
	assert.throws(() => withFileLock(path, () => 'never', { sleep }), /the process 1 holds/);
	utimesSync(lock, longAgo, longAgo);
	assert.equal(
		withFileLock(path, () => 'mine', { sleep }),
		'mine',
	);
	writeFileSync(lock, '1 elsewhere/ 1');
	writeFileSync(`${lock}.breaking`, '2 elsewhere/ 1');
	for (const old of [lock, `${lock}.breaking`]) utimesSync(old, longAgo, longAgo);
	assert.equal(
		withFileLock(path, () => 'mine', { sleep }),
		'mine',
	);
});

test('no change of several processes is lost', { timeout: 60_000 }, async (t) => {
	const path = join(temporaryFolder(t), 'count');
	writeFileSync(path, '0');
	const script = `
		import { readFileSync } from 'node:fs';
		import { writeAtomically } from './runtime/files/atomic-file.ts';
		import { withFileLock } from './runtime/files/file-lock.ts';
		const path = ${JSON.stringify(path)};
		for (let at = 0; at < 20; at += 1) {
			withFileLock(path, () => {
				writeAtomically(path, String(Number(readFileSync(path, 'utf8')) + 1), { mode: 0o600 });
			});
		}`;
	await Promise.all([runScript(script), runScript(script), runScript(script)]);
	assert.equal(readFileSync(path, 'utf8'), '60');
	assert.deepEqual(readdirSync(dirname(path)), ['count']);
});
