import assert from 'node:assert/strict';
import {
	appendFileSync,
	copyFileSync,
	existsSync,
	readFileSync,
	utimesSync,
	mkdirSync,
	renameSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { realClock } from '../../../runtime/platform/clock.ts';
import { configOf } from '../../../runtime/config/config.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { until } from '../../support/condition.ts';
import { leavesNothingOpen } from '../../support/handles.ts';
import { createMethodRunner, methodOf } from '../../support/method-call.ts';

const bounded = { timeout: 60_000 };

// The clock keeps no process alive while a file is waited for; this does.
const vigil = createServer();
before(() => new Promise<void>((resolve) => void vigil.listen(0, '127.0.0.1', resolve)));
after(() => vigil.close());

interface Noted {
	readonly until: number;
	readonly place?: { readonly inode: number; readonly position: number };
}

interface Run {
	readonly progress?: unknown;
	readonly pollMs?: number;
}

/** A run of the method, what it has sent, and how it can be ended. */
function follow(t: TestContext, path: string, { progress, pollMs = 10 }: Run = {}) {
	const sent: string[] = [];
	const noted: Noted[] = [];
	const gaps: string[] = [];
	const controller = new AbortController();
	const running = createMethodRunner(t).run(
		'REQTailFile',
		{ methodArgs: [path] },
		{
			clock: realClock,
			progress,
			timeoutMs: 100_000,
			limits: configOf({ tailPollMs: pollMs }),
			signal: controller.signal,
			warn: ({ code, detail }) => void gaps.push(`${code}: ${detail}`),
			async note(value) {
				await Promise.resolve(noted.push(value as Noted));
			},
			async reply(data, value) {
				await Promise.resolve(noted.push(value as Noted));
				sent.push(String(data));
			},
		},
	);
	const place = () => noted.findLast((each) => each.place)?.place;
	return {
		sent,
		gaps,
		running,
		place,
		progress: () => noted.at(-1),
		/** What an earlier run has noted is noted again first, then where this one begins. */
		goesOn: () => until('the file is open again', () => noted.length >= 2),
		isOpen: () => until('the file is open', () => place() !== undefined),
		lines: (count: number) => until(`${count} lines`, () => sent.length >= count),
		end: async (code: 'timed_out' | 'cancelled' = 'timed_out') => {
			controller.abort(new ReeveError(code));
			await running;
		},
	};
}

const fileIn = (t: TestContext) => join(createMethodRunner(t).data, 'some.log');

test('lines that are added come one by one, from the end of the file on', bounded, async (t) => {
	const path = fileIn(t);
	writeFileSync(path, 'old\n');
	await leavesNothingOpen(async () => {
		const tail = follow(t, path);
		await tail.isOpen();
		appendFileSync(path, 'one\ntw');
		await tail.lines(1);
		appendFileSync(path, 'o\n');
		await tail.lines(2);
		assert.equal(tail.place()?.position, statSync(path).size);
		appendFileSync(path, 'unfinished');
		await tail.end();
		assert.deepEqual(tail.sent, ['one\n', 'two\n', 'unfinished']);
	});
});

test(
	'a line that was never ended is not joined with the first of the next file',
	bounded,
	async (t) => {
		const path = fileIn(t);
		writeFileSync(path, '');
		const tail = follow(t, path);
		await tail.isOpen();
		appendFileSync(path, 'half');
		renameSync(path, `${path}.1`);
		writeFileSync(path, 'next\n');
		await tail.lines(2);
		await tail.end();
		assert.deepEqual(tail.sent, ['half\n', 'next\n']);
	},
);

test('a file that is missing is waited for, and read from its beginning', bounded, async (t) => {
	const path = fileIn(t);
	const tail = follow(t, path);
	writeFileSync(`${path}.tmp`, 'first\n');
	await until('it is waiting', () => tail.progress() !== undefined);
	await new Promise((resolve) => void realClock.after(50, () => resolve(undefined)));
	renameSync(`${path}.tmp`, path);
	await tail.lines(1);
	await tail.end();
	assert.deepEqual(tail.sent, ['first\n']);
});

test('a file that never comes ends in time, with nothing', bounded, async (t) => {
	await leavesNothingOpen(async () => {
		const tail = follow(t, fileIn(t));
		await until('it is waiting', () => tail.progress() !== undefined);
		await tail.end();
		assert.deepEqual(tail.sent, []);
	});
});

test(
	'a rotated file is read to its end, and the new one from its beginning',
	bounded,
	async (t) => {
		const path = fileIn(t);
		writeFileSync(path, '');
		await leavesNothingOpen(async () => {
			const tail = follow(t, path);
			await tail.isOpen();
			appendFileSync(path, 'one\n');
			await tail.lines(1);
			appendFileSync(path, 'two\nhalf');
			renameSync(path, `${path}.1`);
			writeFileSync(path, 'three\n');
			await tail.lines(4);
			assert.equal(tail.place()?.inode, statSync(path).ino);
			assert.equal(tail.place()?.position, 6);
			await tail.end();
			assert.deepEqual(tail.sent, ['one\n', 'two\n', 'half\n', 'three\n']);
		});
	},
);

test('a truncated file is read from its beginning', bounded, async (t) => {
	const path = fileIn(t);
	writeFileSync(path, 'a long line of old\n');
	const tail = follow(t, path);
	await tail.isOpen();
	appendFileSync(path, 'one\n');
	await tail.lines(1);
	truncateSync(path);
	appendFileSync(path, 'two\n');
	await tail.lines(2);
	await tail.end();
	assert.deepEqual(tail.sent, ['one\n', 'two\n']);
	assert.equal(tail.place()?.position, 4);
});

test('a deleted file is waited for', bounded, async (t) => {
	const path = fileIn(t);
	writeFileSync(path, '');
	await leavesNothingOpen(async () => {
		const tail = follow(t, path);
		await tail.isOpen();
		appendFileSync(path, 'one\n');
		await tail.lines(1);
		rmSync(path);
		await new Promise((resolve) => void realClock.after(50, () => resolve(undefined)));
		writeFileSync(`${path}.tmp`, 'two\n');
		renameSync(`${path}.tmp`, path);
		await tail.lines(2);
		rmSync(path);
		await tail.end();
		assert.deepEqual(tail.sent, ['one\n', 'two\n']);
	});
});

test('a run after a crash goes on behind the last line that was sent', bounded, async (t) => {
	const path = fileIn(t);
	writeFileSync(path, '');
	const first = follow(t, path);
	await first.isOpen();
	appendFileSync(path, 'one\nhalf');
	await first.lines(1);
	const progress = first.progress();
	await first.end();
	appendFileSync(path, ' two\n');
	const second = follow(t, path, { progress });
	await second.lines(1);
	await second.end();
	assert.deepEqual(second.sent, ['half two\n']);
});

test(
	'what was written before a rotation between two runs is found by its inode',
	bounded,
	async (t) => {
		const path = fileIn(t);
		writeFileSync(path, 'sent\nmissed\n');
		const progress = {
			until: realClock.now() + 60_000,
			place: { inode: statSync(path).ino, position: 5 },
		};
		renameSync(path, `${path}.1`);
		writeFileSync(path, 'new\n');
		const tail = follow(t, path, { progress });
		await tail.lines(2);
		await tail.end();
		assert.deepEqual(tail.sent, ['missed\n', 'new\n']);
	},
);

test('a file to which nothing was added between two runs is not sent again', bounded, async (t) => {
	const path = fileIn(t);
	writeFileSync(path, '');
	const first = follow(t, path);
	await first.isOpen();
	appendFileSync(path, 'one\n');
	await first.lines(1);
	const progress = first.progress();
	await first.end();
	// Its place is where the file ends.
	const second = follow(t, path, { progress });
	await second.goesOn();
	appendFileSync(path, 'two\n');
	await second.lines(1);
	await second.end();
	assert.deepEqual(second.sent, ['two\n']);
});

test('a file that was truncated meanwhile is read from its beginning', bounded, async (t) => {
	const path = fileIn(t);
	writeFileSync(path, 'new\n');
	const place = { inode: statSync(path).ino, position: 100 };
	const tail = follow(t, path, { progress: { until: realClock.now() + 60_000, place } });
	await tail.lines(1);
	await tail.end();
	assert.deepEqual(tail.sent, ['new\n']);
});

test('its time goes on over a crash', bounded, async (t) => {
	const tail = follow(t, fileIn(t), { progress: { leftMs: 0 } });
	await tail.running;
	assert.deepEqual(tail.sent, []);
});

test('following a folder fails, and a cancelled run is cancelled', bounded, async (t) => {
	const { data } = createMethodRunner(t);
	mkdirSync(join(data, 'folder'));
	await leavesNothingOpen(async () => {
		await assert.rejects(follow(t, join(data, 'folder')).running, { code: 'file_failed' });
		await assert.rejects(follow(t, '/dev/null').running, { code: 'file_failed' });
		const tail = follow(t, join(data, 'some.log'));
		await assert.rejects(tail.end('cancelled'), { code: 'cancelled' });
	});
});

test('only one path is taken', () => {
	const { args } = methodOf('REQTailFile');
	for (const wrong of [[], [''], ['a', 'b']]) assert.ok(!args.safeParse(wrong).success);
});

/** Rotates as logrotate does: `.1` becomes `.2`, the file `.1`, and a new one begins. */
function rotate(path: string, next: string): void {
	for (const number of [2, 1]) {
		if (existsSync(`${path}.${number}`)) renameSync(`${path}.${number}`, `${path}.${number + 1}`);
	}
	renameSync(path, `${path}.1`);
	writeFileSync(path, next);
}

/** Copies and truncates as logrotate's `copytruncate` does. */
function copyTruncate(path: string, next: string): void {
	copyFileSync(path, `${path}.1`);
	truncateSync(path);
	appendFileSync(path, next);
}

/** The progress of a run that has sent what is in the file so far. */
async function progressAt(t: TestContext, path: string, lines: number): Promise<unknown> {
	const tail = follow(t, path);
	await tail.isOpen();
	for (let line = 1; line <= lines; line += 1) appendFileSync(path, `sent ${line}\n`);
	await tail.lines(lines);
	await tail.end();
	return tail.progress();
}

test(
	'an offset without proof: two rotations while the node is down lose nothing',
	bounded,
	async (t) => {
		const path = fileIn(t);
		writeFileSync(path, '');
		const progress = await progressAt(t, path, 2);
		appendFileSync(path, 'one\n');
		rotate(path, 'two\nthree\n');
		rotate(path, 'four\n');
		const tail = follow(t, path, { progress });
		await tail.lines(4);
		await tail.end();
		assert.deepEqual(tail.sent, ['one\n', 'two\n', 'three\n', 'four\n']);
		assert.deepEqual(tail.gaps, []);
	},
);

test('an offset without proof: two rotations within one poll lose nothing', bounded, async (t) => {
	const path = fileIn(t);
	writeFileSync(path, '');
	const tail = follow(t, path, { pollMs: 400 });
	await tail.isOpen();
	appendFileSync(path, 'one\n');
	await tail.lines(1);
	appendFileSync(path, 'two\n');
	rotate(path, 'three\n');
	rotate(path, 'four\n');
	await tail.lines(4);
	await tail.end();
	assert.deepEqual(tail.sent, ['one\n', 'two\n', 'three\n', 'four\n']);
	assert.deepEqual(tail.gaps, []);
});

test(
	'an offset without proof: a file that was copied, truncated and has grown past it is read whole',
	bounded,
	async (t) => {
		for (const isLive of [false, true]) {
			const path = fileIn(t);
			writeFileSync(path, '');
			const tail = isLive ? follow(t, path, { pollMs: 400 }) : undefined;
			let progress: unknown;
			if (tail) {
				await tail.isOpen();
				appendFileSync(path, 'sent 1\n');
				await tail.lines(1);
			} else progress = await progressAt(t, path, 1);
			appendFileSync(path, 'before\n');
			copyTruncate(path, 'a new line that is longer than the old file\nnext\n');
			const after = tail ?? follow(t, path, { progress });
			const wanted = ['before\n', 'a new line that is longer than the old file\n', 'next\n'];
			await after.lines(isLive ? 4 : 3);
			await after.end();
			assert.deepEqual(after.sent.slice(-3), wanted);
			assert.deepEqual(after.gaps, []);
			assert.equal(after.place()?.position, readFileSync(path).length);
		}
	},
);

test(
	'an offset without proof: an inode that was used again is another file',
	bounded,
	async (t) => {
		const path = fileIn(t);
		writeFileSync(path, '');
		const progress = (await progressAt(t, path, 1)) as { place: { inode: number } };
		rmSync(path);
		writeFileSync(path, 'other content, and more of it\n');
		const place = { ...progress.place, inode: statSync(path).ino };
		const tail = follow(t, path, { progress: { ...progress, place } });
		await tail.lines(1);
		await tail.end();
		assert.deepEqual(tail.sent, ['other content, and more of it\n']);
		assert.match(tail.gaps[0] ?? '', /^file_gap: .*not there any more/);
	},
);

test(
	'an offset without proof: what cannot be found, or is compressed, is told',
	bounded,
	async (t) => {
		const path = fileIn(t);
		writeFileSync(path, '');
		const progress = await progressAt(t, path, 1);
		rotate(path, 'two\n');
		rotate(path, 'three\n');
		// The file that was followed has been compressed since.
		rmSync(`${path}.2`);
		writeFileSync(`${path}.2.gz`, 'not readable');
		const soon = (realClock.now() + 5000) / 1000;
		for (const number of ['1', '2.gz']) utimesSync(`${path}.${number}`, soon, soon);
		const tail = follow(t, path, { progress });
		await tail.lines(2);
		await tail.end();
		assert.deepEqual(tail.sent, ['two\n', 'three\n']);
		assert.equal(tail.gaps.length, 2);
		assert.match(tail.gaps.join(), /not there any more.*some\.log\.2\.gz is compressed/);
	},
);
