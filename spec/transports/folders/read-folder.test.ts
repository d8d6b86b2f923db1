import assert from 'node:assert/strict';
import {
	closeSync,
	copyFileSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
	writeSync,
} from 'node:fs';
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import test, { type TestContext } from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { configOf } from '../../../runtime/config/config.ts';
import type { Answer, NodeApi } from '../../../runtime/network/transport.ts';
import readFolder from '../../../transports/folders/read-folder.ts';
import { isBeingWritten } from '../../../transports/folders/complete-file.ts';
import { startListeningNode } from '../../support/local-nodes.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { createContext, createNotes } from '../../support/transport-context.ts';

type Message = Record<string, unknown>;

/** A folder that is watched with a stepped clock, and a node API that records what it is handed. */
async function start(
	t: TestContext,
	options: { accept?: NodeApi['accept']; keptMax?: number } = {},
) {
	const folder = join(temporaryFolder(t), 'in');
	const clock = steppedClock(11);
	const taken = createNotes<Message>();
	const accept: NodeApi['accept'] = (raw, _via, source) => {
		const message: Message = { ...(raw as Message), ...source };
		taken.add(message);
		return Promise.resolve([{ id: String(message['id']), toNode: 'ship1' }]);
	};
	const values = {
		readFolder: folder,
		messageBytesMax: 1000,
		readFolderKeptMax: options.keptMax ?? 9,
	};
	const noted = createContext(values, { api: { accept: options.accept ?? accept }, clock });
	const running = await readFolder.start(noted.context);
	t.after(() => running.stop());
	const names = (kind: string) => readdirSync(join(folder, kind)).toSorted();
	/** Steps the clock until something holds; what a disk does takes real turns of the loop. */
	const until = async (holds: () => boolean): Promise<void> => {
		while (!holds()) {
			if (clock.pending() > 0) await clock.advance(500);
			await new Promise((resolve) => setImmediate(resolve));
		}
	};
	/** Lets so many scans happen. */
	const scans = async (count: number): Promise<void> => {
		for (let seen = 0; seen < count; seen += 1) {
			await until(() => clock.pending() > 0);
			await clock.advance(500);
		}
		await until(() => clock.pending() > 0);
	};
	return { ...noted, folder, clock, taken, running, names, until, scans };
}

const isMoved =
	(names: (kind: string) => string[], kind: string, count = 1) =>
	() =>
		names(kind).length === 2 * count;

test('a file is taken, and moved to done with its answer beside it', async (t) => {
	const { folder, names, until, taken } = await start(t);
	writeFileSync(join(folder, 'job.json'), '[{"method":"a",},{"method":"b","id":"own"}]');
	await until(isMoved(names, 'done'));
	const [file = '', answer = ''] = names('done');
	assert.match(file, /^[0-9a-f]{12}\.job\.json$/);
	assert.equal(answer, `${file}.answer.json`);
	assert.deepEqual(
		taken.all.map(({ method, id }) => [method, String(id).replace(/[0-9a-f]{32}/, 'HASH')]),
		[
			['a', 'file:HASH:0'],
			['b', 'own'],
		],
	);
	const told = JSON.parse(readFileSync(join(folder, 'done', answer), 'utf8')) as object;
	assert.deepEqual(told, {
		file: 'job.json',
		answers: taken.all.map(({ id }) => ({ id, toNode: 'ship1' })),
	});
	assert.equal(existsSync(join(folder, 'job.json')), false);
});

test('a name with a line break is a name like any other', async (t) => {
	const { folder, names, until, taken } = await start(t);
	writeFileSync(join(folder, 'a\nb\u2028c.json'), '{"method":"a"}');
	await until(isMoved(names, 'done'));
	assert.deepEqual(
		taken.all.map(({ method }) => method),
		['a'],
	);
});

test('a name that is not UTF-8 is taken like any other', async (t) => {
	const { folder, names, until, taken } = await start(t);
	for (const letter of ['\u00e4', '\u00f6']) {
		const name = Buffer.from(`Auftr${letter}ge.json`, 'latin1');
		const hidden = Buffer.concat([Buffer.from(`${folder}/.`), name]);
		writeFileSync(hidden, '{"method":"a"}');
		utimesSync(hidden, 1000, 1000);
		renameSync(hidden, Buffer.concat([Buffer.from(`${folder}/`), name]));
	}
	await until(isMoved(names, 'done', 2));
	assert.equal(taken.all.length, 2);
	assert.notEqual(taken.all[0]?.['id'], taken.all[1]?.['id']);
	assert.match(names('done')[1] ?? '', /\.Auftr\ufffdge\.json\.answer\.json$/);
});

test('each file in trouble is told once, whatever others are, and again when it is in trouble anew', async (t) => {
	const troubled = new Set(['b1', 'b2']);
	const accept: NodeApi['accept'] = (raw) => {
		const method = String(Reflect.get(Object(raw), 'method'));
		if (troubled.has(method)) return Promise.reject(new Error('in trouble'));
		return Promise.resolve([{ id: method, toNode: 'ship1' }]);
	};
	const { folder, signals, scans, names, until } = await start(t, { accept });
	const told = () =>
		signals.all.flatMap((signal) =>
			signal.type === 'message.refused' ? (/\/(b\d)\.json: /.exec(signal.detail)?.[1] ?? []) : [],
		);
	const put = (name: string) =>
		writeFileSync(join(folder, `${name}.json`), JSON.stringify({ method: name }));
	put('b1');
	await until(() => told().includes('b1'));
	put('b2');
	await until(() => told().includes('b2'));
	troubled.delete('b1');
	await until(isMoved(names, 'done'));
	await scans(5);
	assert.deepEqual(told(), ['b1', 'b2']);
	troubled.add('b1');
	put('b1');
	await until(() => told().length === 3);
	assert.deepEqual(told(), ['b1', 'b2', 'b1']);
});

test('YAML is taken, and a file that was there before the start, too', async (t) => {
	const before = await start(t);
	await before.running.stop();
	writeFileSync(join(before.folder, 'job.yaml'), 'method: a\ntoNode: ship1\n');
	const again = await readFolder.start(before.context);
	t.after(() => again.stop());
	await before.until(isMoved(before.names, 'done'));
	assert.equal(before.taken.all[0]?.['toNode'], 'ship1');
});

test('a file that is still written is left alone, however long that takes', async (t) => {
	const { folder, scans, taken, names, until } = await start(t);
	const path = join(folder, 'slow.json');
	const file = openSync(path, 'w');
	writeSync(file, '{"method":"a"');
	await scans(10);
	assert.deepEqual(taken.all, [], 'it has not changed for long, and is open');
	writeSync(file, '}');
	closeSync(file);
	await until(isMoved(names, 'done'));
	assert.deepEqual(
		taken.all.map(({ method }) => method),
		['a'],
	);
});

test('a file that changes at each scan is not taken before it rests', async (t) => {
	const { folder, scans, taken, until, names } = await start(t);
	const path = join(folder, 'growing.json');
	for (let size = 1; size <= 5; size += 1) {
		writeFileSync(path, `{"method":"a","note":"${'x'.repeat(size)}"}`);
		await scans(1);
	}
	assert.deepEqual(taken.all, []);
	await until(isMoved(names, 'done'));
	assert.equal(taken.all[0]?.['note'], 'xxxxx');
});

test('unfinished names and folders are left alone until they are renamed', async (t) => {
	const { folder, scans, taken, until, names } = await start(t);
	for (const name of ['.hidden', 'a.tmp', 'b.part', 'c~']) {
		writeFileSync(join(folder, name), '{"method":"a"}');
	}
	mkdirSync(join(folder, 'folder'));
	await scans(6);
	assert.deepEqual(taken.all, []);
	renameSync(join(folder, 'a.tmp'), join(folder, 'a.json'));
	await until(isMoved(names, 'done'));
	assert.equal(taken.all.length, 1);
});

test('what is no message goes to refused, with the reason beside it, and is never lost', async (t) => {
	const { folder, names, until, taken, signals } = await start(t);
	writeFileSync(join(folder, 'cut.json'), '[{"method":');
	writeFileSync(join(folder, 'empty'), '');
	writeFileSync(join(folder, 'large.json'), JSON.stringify({ note: 'x'.repeat(2000) }));
	await until(isMoved(names, 'refused', 3));
	assert.deepEqual(taken.all, []);
	const codes = names('refused')
		.filter((name) => name.endsWith('.answer.json'))
		.map((name) => readFileSync(join(folder, 'refused', name), 'utf8'))
		.map((text) => (JSON.parse(text) as { answers: { error: string }[] }).answers[0]?.error);
	assert.deepEqual(codes.map(String).toSorted(), ['bad_json', 'bad_message', 'too_large']);
	assert.equal(signals.all.filter(({ type }) => type === 'message.refused').length, 3);
});

test('what cannot be taken for now stays, and is taken later under the same id', async (t) => {
	const ids: unknown[] = [];
	let isFull = true;
	const accept: NodeApi['accept'] = (_raw, _via, { id = '' } = {}) => {
		ids.push(id);
		const full: Answer = { error: 'outbox_full', detail: '', hint: '' };
		return Promise.resolve([isFull ? full : { id, toNode: 'ship1' }]);
	};
	const { folder, names, until } = await start(t, { accept });
	writeFileSync(join(folder, 'job.json'), '{"method":"a"}');
	await until(() => ids.length >= 2);
	assert.match(names('taken').join(), /\.new\.job\.json$/);
	isFull = false;
	await until(isMoved(names, 'done'));
	assert.equal(new Set(ids).size, 1);
});

test('the same file put there again is a new message; the same file found again is not', async (t) => {
	const { folder, names, until, taken } = await start(t);
	const path = join(folder, 'job.json');
	writeFileSync(path, '{"method":"a"}');
	utimesSync(path, 1000, 1000);
	copyFileSync(path, join(folder, '.copy'));
	await until(isMoved(names, 'done'));
	renameSync(join(folder, '.copy'), path);
	utimesSync(path, 1000, 1000);
	await until(() => taken.all.length === 2);
	assert.equal(taken.all[1]?.['id'], taken.all[0]?.['id'], 'as after a crash before it was moved');
	await until(() => !existsSync(path));
	writeFileSync(path, '{"method":"a"}');
	await until(() => taken.all.length === 3);
	assert.notEqual(taken.all[2]?.['id'], taken.all[0]?.['id']);
});

test('only so many files are kept in done, the newest; what was refused stays', async (t) => {
	const { folder, names, until } = await start(t, { keptMax: 2 });
	for (const name of ['1.json', '2.json', '3.json', '4.json']) {
		writeFileSync(join(folder, name), '{"method":"a"}');
		await until(() => !existsSync(join(folder, name)));
		writeFileSync(join(folder, name), '[{');
		await until(() => !existsSync(join(folder, name)));
	}
	await until(isMoved(names, 'refused', 4));
	await until(isMoved(names, 'done', 2));
	assert.match(names('done').join(' '), /3\.json/);
	assert.match(names('done').join(' '), /4\.json/);
});

test('files that senders call like answers are trimmed, too', async (t) => {
	const { folder, names, until } = await start(t, { keptMax: 2 });
	for (const name of ['1', '2', '3', '4']) {
		const path = join(folder, `${name}.answer.json`);
		writeFileSync(path, '{"method":"a"}');
		await until(() => !existsSync(path));
		await until(() => names('done').some((done) => done.endsWith(`.${name}.answer.json`)));
	}
	await until(isMoved(names, 'done', 2));
	assert.match(names('done').join(' '), /3\.answer\.json.*4\.answer\.json|4\.answer.*3\.answer/);
});

test('a folder that goes away is reported once, and used again when it is back', async (t) => {
	const { folder, signals, until, scans, names, taken } = await start(t);
	renameSync(folder, `${folder}.away`);
	await until(() => signals.all.some(({ type }) => type === 'message.refused'));
	await scans(5);
	assert.equal(signals.all.filter(({ type }) => type === 'message.refused').length, 1);
	renameSync(`${folder}.away`, folder);
	writeFileSync(join(folder, 'job.json'), '{"method":"a"}');
	await until(isMoved(names, 'done'));
	assert.equal(taken.all.length, 1);
});

test('a file that this process has open is known to be written, if Linux tells', (t) => {
	if (process.platform !== 'linux') return;
	const path = join(temporaryFolder(t), 'file');
	const file = openSync(path, 'w');
	return isBeingWritten(path)
		.then((isWritten) => assert.equal(isWritten, true))
		.finally(() => closeSync(file))
		.then(() => openSync(path, 'r'))
		.then(async (reader) => {
			assert.equal(await isBeingWritten(path), false);
			closeSync(reader);
		});
});

test('a node takes files, and one that dies before a file is moved sends nothing twice', async (t) => {
	const folder = join(temporaryFolder(t), 'in');
	const { node } = await startListeningNode(t, [readFolder], {
		readFolder: folder,
		readFolderSettleMs: 20,
	});
	const path = join(folder, 'job.json');
	const text = '{"toNode":"central","method":"exec","methodArgs":["echo","42"]}';
	const take = async (): Promise<{ answers: Record<string, unknown>[] }> => {
		const stop = new AbortController();
		const changes = watch(join(folder, 'done'), { signal: stop.signal });
		writeFileSync(path, text);
		utimesSync(path, 1000, 1000);
		// The file itself comes last. What comes before it are the answer and its unfinished form.
		for await (const { filename } of changes)
			if (/^[\da-f]+\.job\.json$/.test(filename ?? '')) break;
		const name = readdirSync(join(folder, 'done')).find((each) => each.endsWith('.answer.json'));
		return JSON.parse(readFileSync(join(folder, 'done', name ?? ''), 'utf8')) as {
			answers: Record<string, unknown>[];
		};
	};
	const first = await take();
	const [answer] = first.answers;
	const ids = [String(answer?.['id'])];
	for await (const row of node.api.ask({ reeve: 'watch', ids }, new AbortController().signal)) {
		if ((row as { settled: boolean }).settled) break;
	}
	// As a crash leaves it: handed in, and still there.
	const second = await take();
	assert.deepEqual(second.answers, [{ id: ids[0], toNode: 'central', duplicate: true }]);
	const runs = node.signals
		.recent()
		.filter((each) => each.type === 'call.started' && each.method === 'REQCliCommand');
	assert.equal(runs.length, 1);
});

test('it is off unless it is asked for', () => {
	assert.equal(readFolder.wanted(configOf()), false);
	assert.equal(readFolder.wanted(configOf({ readFolder: './in' })), true);
});

test('a file that cannot be moved away: a name of 245 letters is taken once', async (t) => {
	const { folder, names, until, taken, scans } = await start(t);
	const name = `${'n'.repeat(240)}.json`;
	writeFileSync(join(folder, name), '{"method":"a"}');
	await until(isMoved(names, 'done'));
	await scans(3);
	assert.equal(taken.all.length, 1);
	assert.equal(existsSync(join(folder, name)), false);
});

test('a file that cannot be moved away is not handed in, and that is told once', async (t) => {
	const { folder, scans, taken, signals } = await start(t);
	rmSync(join(folder, 'taken'), { recursive: true });
	symlinkSync('taken', join(folder, 'taken'));
	writeFileSync(join(folder, 'job.json'), '{"method":"a"}');
	await scans(8);
	assert.deepEqual(taken.all, []);
	const told = signals.all.filter(({ type }) => type === 'message.refused');
	assert.equal(told.length, 1);
});

test('a file that cannot be moved away from taken is not handed in again, also after a restart', async (t) => {
	const first = await start(t);
	const { folder, scans, taken, names, until } = first;
	rmSync(join(folder, 'done'), { recursive: true });
	// Root may write anywhere, but not behind a link to itself.
	symlinkSync('done', join(folder, 'done'));
	writeFileSync(join(folder, 'job.json'), '{"method":"a"}');
	await scans(8);
	assert.equal(taken.all.length, 1);
	assert.match(names('taken')[0] ?? '', /^[0-9a-f]{32}\.done\.job\.json$/);
	await first.running.stop();
	rmSync(join(folder, 'done'));
	const again = await readFolder.start(first.context);
	t.after(() => again.stop());
	await until(isMoved(names, 'done'));
	assert.equal(taken.all.length, 1);
	assert.deepEqual(names('taken'), []);
});
