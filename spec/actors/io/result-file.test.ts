import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
	appendFileSync,
	chmodSync,
	closeSync,
	constants,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	readSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { appendStep } from '../../../actors/declarative/append-step.ts';
import { checksumOfBytes } from '../../../actors/io/file-copy.ts';
import { appendOnce, replaceFile, resultFile } from '../../../actors/io/result-file.ts';
import { realClock } from '../../../runtime/platform/clock.ts';
import { createDisk, isMountable } from '../../torture/disk.ts';
import { until } from '../../support/condition.ts';
import { messageOf } from '../../support/messages.ts';
import { createMethodRunner, type MethodRunner } from '../../support/method-call.ts';
import { temporaryFolder, type TestScope } from '../../support/temporary.ts';
import { configOf } from '../../../runtime/config/config.ts';
import { dataFile } from '../../../runtime/files/data-folder.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import process from 'node:process';

const method = 'REQToFileAppend';

/** Appends a text for a message; `attempt` is how often it was started, this time included. */
function append(runner: MethodRunner, { id = 'm1', data = 'two\n', attempt = 1 }): Promise<void> {
	const path = join(runner.data, 'file');
	return appendOnce(messageOf({ id }), runner.context({ attempt }), { path, data, method });
}

/** Where the node notes the last append of the method. */
const noteOf = ({ notesFolder }: MethodRunner) => join(notesFolder, `${method}.json`);

const content = (runner: MethodRunner) => readFileSync(join(runner.data, 'file'), 'utf8');

test('a result lies below the node that it is about', async (t) => {
	const runner = createMethodRunner(t);
	const place = { directory: 'a/b', fileName: 'f' };
	const request = messageOf(place);
	assert.equal(await resultFile(request, runner.context()), join(runner.data, 'a/b/ship1/f'));
	const reply = messageOf({ ...place, inReplyTo: 'm0' });
	assert.equal(await resultFile(reply, runner.context()), join(runner.data, 'a/b/central/f'));
});

test('without a directory a result lies directly below its node', async (t) => {
	const runner = createMethodRunner(t);
	const path = await resultFile(messageOf({ fileName: 'f' }), runner.context());
	assert.equal(path, join(runner.data, 'ship1/f'));
});

test("a message without a file name is told so in steward's words", async (t) => {
	const runner = createMethodRunner(t);
	for (const fields of [{}, { fileName: '' }]) {
		await assert.rejects(resultFile(messageOf({ directory: 'a', ...fields }), runner.context()), {
			code: 'bad_arguments',
			detail: "check that you've specified a value for fileName in the message",
		});
	}
});

test('a replaced file has the new content, the old permissions, and no temporary file beside it', async (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'file');
	writeFileSync(path, 'old, and longer than the new');
	chmodSync(path, 0o640);
	await replaceFile(path, 'new', { id: 'm1' });
	assert.equal(readFileSync(path, 'utf8'), 'new');
	assert.equal(statSync(path).mode & 0o777, 0o640);
	assert.deepEqual(readdirSync(folder), ['file']);
});

test('a reader that has a file open while it is replaced reads the old one to its end', async (t) => {
	const path = join(temporaryFolder(t), 'file');
	writeFileSync(path, 'old');
	const before = statSync(path).ino;
	await replaceFile(path, Uint8Array.of(0, 255), { id: 'm1' });
	assert.notEqual(statSync(path).ino, before, 'it is another file of the same name');
	assert.deepEqual([...readFileSync(path)], [0, 255]);
});

test('a temporary file that a crash left is removed by the second run', async (t) => {
	const folder = temporaryFolder(t);
	const temporary = `.reeve-${checksumOfBytes(Buffer.from('m1')).slice(0, 32)}.tmp`;
	writeFileSync(join(folder, temporary), 'half of a very long conte');
	await replaceFile(join(folder, 'file'), 'whole', { id: 'm1' });
	assert.deepEqual(readdirSync(folder), ['file']);
	assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'whole');
});

test('a file that cannot be replaced stays, without a temporary file beside it', async (t) => {
	const folder = temporaryFolder(t);
	const path = join(folder, 'a-folder');
	mkdirSync(join(path, 'below'), { recursive: true });
	await assert.rejects(replaceFile(path, 'new', { id: 'm1' }), { code: 'file_failed' });
	assert.deepEqual(readdirSync(folder), ['a-folder']);
});

/** Notes the calls of file handles that write or flush, in their order. */
async function notedCalls(t: TestContext, path: string): Promise<readonly string[]> {
	const handle = await open(path, 'w');
	const prototype = Object.getPrototypeOf(handle) as FileHandle;
	await handle.close();
	const calls: string[] = [];
	for (const name of ['writeFile', 'appendFile', 'sync', 'datasync'] as const) {
		const genuine = prototype[name] as (...given: unknown[]) => Promise<void>;
		t.mock.method(prototype, name, function noted(this: FileHandle, ...given: unknown[]) {
			calls.push(name);
			return genuine.apply(this, given);
		});
	}
	return calls;
}

test('a power cut: what a file is replaced by, or what is appended, is flushed', async (t) => {
	const runner = createMethodRunner(t);
	const calls = await notedCalls(t, join(temporaryFolder(t), 'any'));
	await replaceFile(join(temporaryFolder(t), 'file'), 'whole', { id: 'm1' });
	// The second one is of the folder, once the file has its name.
	assert.deepEqual(calls, ['writeFile', 'sync', 'sync']);
	await append(runner, { id: 'm1' });
	await append(runner, { id: 'm2' });
	const flushed = ['appendFile', 'datasync'];
	assert.deepEqual(calls.slice(3), [...flushed, 'sync', ...flushed]);
});

test('what cannot be noted is not appended: a second run could not tell that it was', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'm1', data: 'one\n' });
	rmSync(noteOf(runner));
	mkdirSync(noteOf(runner));
	await assert.rejects(append(runner, { id: 'm2' }), { code: 'file_failed' });
	assert.equal(content(runner), 'one\n');
});

test('texts are appended at the end, in order', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'm1', data: 'one\n' });
	await append(runner, { id: 'm2', data: 'two\n' });
	assert.equal(content(runner), 'one\ntwo\n');
});

test('equal texts of two messages are two texts, even if the second was tried twice', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'm1' });
	// It was counted as started, and the node died before the method did anything.
	await append(runner, { id: 'm2', attempt: 2 });
	assert.equal(content(runner), 'two\ntwo\n');
});

test('a text that was appended just before a crash is not appended again', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'm1' });
	await append(runner, { id: 'm2' });
	await append(runner, { id: 'm2', attempt: 2 });
	await append(runner, { id: 'm2', attempt: 3 });
	assert.equal(content(runner), 'two\ntwo\n');
});

test('of a text that a crash cut off, only the rest is appended', async (t) => {
	for (let present = 0; present <= 8; present += 1) {
		const runner = createMethodRunner(t);
		await append(runner, { id: 'm1', data: 'before\n' });
		await append(runner, { id: 'm2', data: 'aaaaaaa\n' });
		truncateSync(join(runner.data, 'file'), 7 + present);
		await append(runner, { id: 'm2', data: 'aaaaaaa\n', attempt: 2 });
		assert.equal(content(runner), 'before\naaaaaaa\n', `after ${present} bytes`);
	}
});

test('a text is not taken for appended because another program wrote to the file', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'm1', data: 'one\n' });
	await append(runner, { id: 'm2', data: 'two\n' });
	truncateSync(join(runner.data, 'file'), 4);
	appendFileSync(join(runner.data, 'file'), 'someone else\n');
	await append(runner, { id: 'm2', data: 'two\n', attempt: 2 });
	assert.equal(content(runner), 'one\nsomeone else\ntwo\n');
});

test('a note that a crash cut off says that nothing was appended yet', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'm1', data: 'one\n' });
	truncateSync(noteOf(runner), 5);
	await append(runner, { id: 'm2', attempt: 2 });
	assert.equal(content(runner), 'one\ntwo\n');
});

test('a message of the same id that was not started before is a new one', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'm1' });
	await append(runner, { id: 'm1' });
	assert.equal(content(runner), 'two\ntwo\n');
});

test('bytes are appended as they are', async (t) => {
	const runner = createMethodRunner(t);
	const data = Uint8Array.of(0, 255, 10, 195);
	const path = join(runner.data, 'file');
	await appendOnce(messageOf(), runner.context(), { path, data, method });
	assert.deepEqual([...readFileSync(path)], [...data]);
});

test('a file that cannot be appended to is a failure of the file system', async (t) => {
	const runner = createMethodRunner(t);
	mkdirSync(join(runner.data, 'file'));
	await assert.rejects(append(runner, {}), { code: 'file_failed' });
});

test('an effect half done: what is no regular file is refused before a byte is written', async (t) => {
	const runner = createMethodRunner(t);
	const { data: folder } = runner;
	const server = createServer().listen(join(folder, 'socket'));
	await once(server, 'listening');
	t.after(() => void server.close());
	execFileSync('mkfifo', [join(folder, 'pipe')]);
	mkdirSync(join(folder, 'folder'));
	const pipe = openSync(join(folder, 'pipe'), constants.O_RDONLY | constants.O_NONBLOCK);
	t.after(() => closeSync(pipe));
	const before = readdirSync(folder).toSorted();
	const kinds = { pipe: 'a named pipe', socket: 'a socket', folder: 'a folder' };
	for (const [name, what] of Object.entries(kinds)) {
		const path = join(folder, name);
		const refused = { code: 'file_failed', detail: `${path} is ${what}, not a regular file` };
		const context = runner.context();
		const sum = checksumOfBytes(Buffer.from('new'));
		for (const work of [
			() => replaceFile(path, 'new', { id: 'm1' }),
			() => appendOnce(messageOf(), context, { path, data: 'new', method }),
			() =>
				appendStep({ path, bytes: Buffer.from('new'), id: 's1', notesFolder: runner.notesFolder }),
			() => runner.run('REQCopyDst', { methodArgs: ['begin', name, '3', sum, ''] }),
		]) {
			await assert.rejects(work(), refused);
		}
		assert.equal(readSync(pipe, Buffer.alloc(9)), 0, 'nothing is in the pipe');
	}
	assert.ok(statSync(join(folder, 'pipe')).isFIFO());
	assert.deepEqual(readdirSync(folder).toSorted(), before);
});

const skip =
	process.env['CI'] === 'true' || isMountable() ? false : 'no file system may be mounted here';

/** A runner whose data folder is on a small disk, with the real clock. */
function runnerOnDisk(t: TestScope) {
	const folder = join(temporaryFolder(t), 'small');
	const disk = createDisk(folder, 4 * 1024 * 1024);
	t.after(() => disk.end(false));
	const runner = createMethodRunner(t);
	// The timers of the clock do not keep this process going.
	const vigil = createServer().listen(0, '127.0.0.1');
	t.after(() => void vigil.close());
	const waits: string[] = [];
	const more = {
		clock: realClock,
		limits: configOf({ diskRetryMs: 10 }),
		dataFile: (...parts: string[]) => dataFile(folder, ...parts),
		warn: (why: ReeveError) => void waits.push(why.code),
	};
	type Fields = Parameters<MethodRunner['run']>[1];
	const run = (name: string, fields: Fields, signal?: AbortSignal) =>
		runner.run(name, fields, { ...more, ...(signal ? { signal } : {}) });
	return { folder, disk, waits, run };
}

test(
	'an effect half done: a full disk is waited for, and no half line stays',
	{ skip },
	async (t) => {
		const { folder, disk, waits, run } = runnerOnDisk(t);
		const path = join(folder, 'ship1', 'lines');
		const line = (letter: string) => `${letter.repeat(9000)}\n`;
		const fields = (letter: string) => ({ id: letter, fileName: 'lines', data: line(letter) });
		await run('REQToFileAppend', fields('a'));
		disk.fill(undefined);
		const waiting = run('REQToFileAppend', fields('b'));
		await until('it waits', () => waits.length > 0);
		assert.equal(readFileSync(path, 'utf8'), line('a'));
		disk.free(undefined);
		await waiting;
		await run('REQToFileAppend', fields('c'));
		assert.equal(readFileSync(path, 'utf8'), ['a', 'b', 'c'].map(line).join(''));
		assert.deepEqual(waits, ['storage_full'], 'it is told once');
	},
);

test('an effect half done: at the end of its time a full disk is told', { skip }, async (t) => {
	const { folder, disk, waits, run } = runnerOnDisk(t);
	for (const [method, fileName] of [
		['REQToFileAppend', 'appended'],
		['REQToFile', 'written'],
	] as const) {
		const path = join(folder, 'ship1', fileName);
		const fields = { fileName, data: 'x'.repeat(9000) };
		await run(method, { ...fields, id: 'a' });
		disk.fill(undefined);
		const over = new AbortController();
		const running = run(method, { ...fields, id: 'b' }, over.signal);
		await until('it waits', () => waits.length > 0);
		over.abort(new ReeveError('timed_out'));
		const reason = { code: 'storage_full', detail: /ENOSPC.*ship1.*free some space/ };
		await assert.rejects(running, reason);
		disk.free(undefined);
		waits.length = 0;
		assert.equal(readFileSync(path, 'utf8'), fields.data);
		assert.deepEqual(readdirSync(join(folder, 'ship1')).toSorted().at(0), 'appended');
		assert.ok(!readdirSync(join(folder, 'ship1')).some((name) => name.startsWith('.')));
	}
});

test(
	'what a failure leaves: a copy waits for a full disk, and then leaves no part',
	{ skip },
	async (t) => {
		const { folder, disk, waits, run } = runnerOnDisk(t);
		const bytes = Buffer.alloc(200_000, 'x');
		const [whole, sum] = ['0'.repeat(64), checksumOfBytes(bytes)];
		const chunk = (id: string, signal?: AbortSignal) => {
			const methodArgs = ['chunk', 'copied', whole, '0', sum];
			return run('REQCopyDst', { id, methodArgs, data: bytes }, signal);
		};
		disk.fill(undefined);
		const over = new AbortController();
		const waiting = chunk('a', over.signal);
		await until('it waits', () => waits.length > 0);
		over.abort(new ReeveError('timed_out'));
		await assert.rejects(waiting, {
			code: 'storage_full',
			detail: /ENOSPC.*copied.*free some space/,
		});
		assert.ok(!readdirSync(folder).some((name) => name.endsWith('.part')));
		waits.length = 0;
		const again = chunk('b');
		await until('it waits again', () => waits.length > 0);
		disk.free(undefined);
		assert.deepEqual(await again, { data: '200000' });
	},
);

test('an effect half done: what a crash left is removed by the next message', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'a', data: 'one\n' });
	await append(runner, { id: 'b', data: 'two\n' });
	const path = join(runner.data, 'file');
	truncateSync(path, 'one\nt'.length);
	// Another process, which does not know that the append was whole.
	const another = new URL('../../../actors/io/result-file.ts?again', import.meta.url).href;
	const { appendOnce: appendAfterwards } = (await import(another)) as {
		appendOnce: typeof appendOnce;
	};
	const given = { path, data: 'three\n', method };
	await appendAfterwards(messageOf({ id: 'c' }), runner.context(), given);
	assert.equal(content(runner), 'one\nthree\n');
});

test('an effect half done: the next append to another file removes the part as well', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, { id: 'a', data: 'one\n' });
	const path = join(runner.data, 'file');
	truncateSync(path, 2);
	const other = { path: join(runner.data, 'other'), data: 'x\n', method };
	await appendOnce(messageOf({ id: 'b' }), runner.context({ attempt: 2 }), other);
	assert.equal(content(runner), '');
});

test('a result is below the folder of its sender, also one that is about a third node', async (t) => {
	const runner = createMethodRunner(t);
	const place = async (fields: Parameters<typeof messageOf>[0]) => {
		const message = messageOf({ directory: 'd', fileName: 'f', ...fields });
		return (await resultFile(message, runner.context())).slice(runner.data.length);
	};
	const answer = { inReplyTo: 'm', fromNode: 'ship2' };
	assert.equal(await place(answer), '/d/ship2/f');
	assert.equal(await place({ ...answer, aboutNode: 'central' }), '/d/ship2/central/f');
	assert.equal(await place({ fromNode: 'ship2', aboutNode: 'central' }), '/d/ship1/central/f');
	// What the node tells itself is its own to file.
	assert.equal(await place({ ...answer, fromNode: 'ship1', aboutNode: 'ship3' }), '/d/ship3/f');
});

/** A file that no message may touch, and the note with which an append would cut it. */
function victimOf(t: TestScope) {
	const path = join(temporaryFolder(t), 'acl.yaml');
	writeFileSync(path, 'rules: []\n# all that is denied\n');
	const { ino: inode } = statSync(path);
	return { path, note: JSON.stringify({ id: 'x', path, size: 10, inode, length: 1000 }) };
}

test('what messages write is not believed: a note in the data folder cuts no file', async (t) => {
	const runner = createMethodRunner(t);
	const { path, note } = victimOf(t);
	const before = readFileSync(path, 'utf8');
	for (const name of [`.append-ship1-${method}`, `${method}.json`, `.file.append`]) {
		writeFileSync(join(runner.data, name), note);
	}
	await append(runner, { attempt: 2 });
	assert.equal(readFileSync(path, 'utf8'), before);
	assert.equal(content(runner), 'two\n');
});

test('a note about a file outside of the data folder, or of another form, changes nothing', async (t) => {
	const runner = createMethodRunner(t);
	const { path, note } = victimOf(t);
	const before = readFileSync(path, 'utf8');
	const notes = [note, 'null', '[]', '{"id":"m1","path":7,"size":"x"}', '{"id":"m1"}'];
	mkdirSync(runner.notesFolder);
	for (const [index, text] of notes.entries()) {
		writeFileSync(noteOf(runner), text);
		await append(runner, { id: `m${index}`, data: `${index}\n`, attempt: 2 });
	}
	assert.equal(readFileSync(path, 'utf8'), before);
	assert.equal(content(runner), '0\n1\n2\n3\n4\n');
});

test('notes of appends are for the node alone, and not in the data folder', async (t) => {
	const runner = createMethodRunner(t);
	await append(runner, {});
	const step = { path: join(runner.data, 'file'), bytes: Buffer.from('three\n'), id: 's1' };
	await appendStep({ ...step, notesFolder: runner.notesFolder });
	assert.deepEqual(readdirSync(runner.data), ['file']);
	assert.equal(readdirSync(runner.notesFolder).length, 2);
	assert.equal(statSync(runner.notesFolder).mode & 0o777, 0o700);
	for (const name of readdirSync(runner.notesFolder)) {
		assert.equal(statSync(join(runner.notesFolder, name)).mode & 0o777, 0o600);
	}
});

test('what messages write is not believed: a note beside a file keeps no step from appending', async (t) => {
	const runner = createMethodRunner(t);
	writeFileSync(join(runner.data, 'file'), 'one\n');
	writeFileSync(join(runner.data, '.file.append'), '[["s1",0]]');
	const step = { path: join(runner.data, 'file'), bytes: Buffer.from('one\n'), id: 's1' };
	await appendStep({ ...step, notesFolder: runner.notesFolder });
	assert.equal(content(runner), 'one\none\n');
});

test('what a message says is no path: its id names no file outside of the folder', async (t) => {
	const folder = temporaryFolder(t);
	const outside = join(folder, 'mine.tmp');
	const inside = join(folder, 'data', 'deep');
	mkdirSync(inside, { recursive: true });
	writeFileSync(outside, 'mine');
	for (const id of ['/../../../mine', 'x'.repeat(300), 'a/b', 'a\0b']) {
		await replaceFile(join(inside, 'file'), id, { id });
		assert.equal(readFileSync(join(inside, 'file'), 'utf8'), id);
		assert.equal(readFileSync(outside, 'utf8'), 'mine');
	}
	assert.deepEqual(readdirSync(inside), ['file']);
});

test('names of the own files of the node are refused to every method that writes files', async (t) => {
	const runner = createMethodRunner(t);
	const sum = checksumOfBytes(Buffer.from('x'));
	const refused = { code: 'bad_name', detail: /of the node itself/ };
	const names = [`.append-ship1-${method}`, '.reeve-a.tmp', '.reeve-a.part', '.REEVE-a.tmp'];
	for (const name of names) {
		for (const place of [
			{ fileName: name, directory: 'a' },
			{ fileName: 'a', directory: name },
			{ fileName: `${name}/a`, directory: '' },
		]) {
			for (const each of ['REQToFile', 'REQToFileNACK', 'REQToFileAppend', 'REQPing', 'REQPong']) {
				await assert.rejects(runner.run(each, { ...place, data: 'x' }), refused, each);
			}
		}
		for (const path of [name, `a/${name}`, `${name}/a`, join(runner.data, name)]) {
			const context = { limits: configOf({ copyOutside: true }) };
			for (const methodArgs of [
				['begin', path, '1', sum, ''],
				['chunk', path, sum, '0', sum],
				['end', path, '1', sum, '384'],
			]) {
				await assert.rejects(runner.run('REQCopyDst', { methodArgs, data: 'x' }, context), refused);
			}
			await assert.rejects(
				runner.run('REQCopySrc', { methodArgs: [path, 'ship2', 'a'] }, context),
				refused,
			);
		}
	}
	assert.deepEqual(readdirSync(runner.data), []);
});
