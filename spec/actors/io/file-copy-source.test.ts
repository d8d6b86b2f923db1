import assert from 'node:assert/strict';
import {
	appendFileSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { checksumOfBytes } from '../../../actors/io/file-copy.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { configOf } from '../../../runtime/config/config.ts';
import type { Answered, Asked, MethodContext } from '../../../runtime/method/method.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { leavesNothingOpen } from '../../support/handles.ts';
import { createMethodRunner, methodOf } from '../../support/method-call.ts';
import type { TestScope } from '../../support/temporary.ts';

const chance = steppedClock(7);

/** A source and a target without a wire in between; `onAsk` sees each message before it arrives. */
function link(t: TestScope, limits: Parameters<typeof configOf>[0] = {}) {
	const source = createMethodRunner(t);
	const target = createMethodRunner(t);
	const asked: Asked[] = [];
	const noted: unknown[] = [];
	let onAsk: (message: Asked) => Asked = (message) => message;
	let line: Promise<unknown> = Promise.resolve();
	/** The target takes one message at a time, in their order. */
	const ask = (message: Asked): Promise<Answered> => {
		const answer = line.then(() => answerTo(message));
		line = answer.catch(() => undefined);
		return answer;
	};
	const answerTo = async (message: Asked): Promise<Answered> => {
		asked.push(message);
		const isCut = false;
		try {
			const { method, methodArgs, data } = onAsk(message);
			const { args } = methodOf(method);
			assert.ok(args.safeParse(methodArgs).success, JSON.stringify(methodArgs));
			const fields = { methodArgs, ...(data === undefined ? {} : { data }) };
			const output = await target.run(method, fields, { limits: configOf(limits) });
			return { result: { outcome: 'done' }, output: String(output?.data ?? ''), isCut };
		} catch (thrown) {
			if (!(thrown instanceof ReeveError)) throw thrown;
			const { code, detail } = thrown;
			return { result: { outcome: 'failed', code, detail }, output: '', isCut };
		}
	};
	const copy = (args: readonly string[], more: Partial<MethodContext> = {}) =>
		source.run(
			'REQCopySrc',
			{ methodArgs: args },
			{
				ask,
				limits: configOf(limits),
				async note(progress) {
					await Promise.resolve(noted.push(progress));
				},
				...more,
			},
		);
	return {
		source: source.data,
		target: target.data,
		asked,
		noted,
		copy,
		chunks: () => asked.filter(({ methodArgs: [what] }) => what === 'chunk'),
		before: (change: (message: Asked) => Asked) => {
			onAsk = change;
		},
	};
}

test('a file arrives byte by byte, with its permissions, and nothing is left beside it', async (t) => {
	const { source, target, copy } = link(t);
	const bytes = chance.bytes(10_000);
	writeFileSync(join(source, 'a'), bytes, { mode: 0o640 });
	await leavesNothingOpen(async () => {
		const output = await copy(['a', 'central', 'x/y/b', '1024']);
		const said = `copyDstDone, x/y/b, 10000 bytes, sha256 ${checksumOfBytes(bytes)}\n`;
		assert.deepEqual(output, { data: said });
	});
	assert.deepEqual(readFileSync(join(target, 'x/y/b')), Buffer.from(bytes));
	assert.equal(statSync(join(target, 'x/y/b')).mode & 0o777, 0o640);
	assert.deepEqual(readdirSync(join(target, 'x/y')), ['b']);
});

test('an empty file arrives', async (t) => {
	const { source, target, copy } = link(t);
	writeFileSync(join(source, 'a'), '');
	await copy(['a', 'central', 'b']);
	assert.equal(readFileSync(join(target, 'b'), 'utf8'), '');
});

test('absolute paths are where they say, if that is allowed', async (t) => {
	const free = link(t, { copyOutside: true });
	writeFileSync(join(free.source, 'a'), 'text');
	await free.copy([join(free.source, 'a'), 'central', join(free.target, 'deep/b')]);
	assert.equal(readFileSync(join(free.target, 'deep/b'), 'utf8'), 'text');
	const bound = link(t);
	const copying = bound.copy([join(free.source, 'a'), 'central', 'b']);
	await assert.rejects(copying, { code: 'path_outside' });
	writeFileSync(join(bound.source, 'a'), 'text');
	await assert.rejects(bound.copy(['a', 'central', '/tmp/b']), { code: 'path_outside' });
	await assert.rejects(bound.copy(['a', 'central', '../b']), { code: 'path_outside' });
});

test('folders that are created get the permissions that are asked for, others keep theirs', async (t) => {
	const { source, target, copy } = link(t);
	writeFileSync(join(source, 'a'), 'text');
	mkdirSync(join(target, 'old'), { mode: 0o755 });
	await copy(['a', 'central', 'old/new/b', '', '', '0700']);
	assert.equal(statSync(join(target, 'old')).mode & 0o777, 0o755);
	assert.equal(statSync(join(target, 'old/new')).mode & 0o777, 0o700);
});

test('a copy goes on with what the target does not have yet', async (t) => {
	const { source, target, copy, chunks, noted, asked, before } = link(t);
	writeFileSync(join(source, 'a'), chance.bytes(10 * 1024));
	const dead = new Error('dead');
	before((message) => {
		if (message.methodArgs[0] === 'chunk' && Number(message.methodArgs[3]) >= 5 * 1024) throw dead;
		return message;
	});
	await assert.rejects(copy(['a', 'central', 'b', '1024']), dead);
	const progress = noted.at(-1);
	before((message) => message);
	asked.length = 0;
	await copy(['a', 'central', 'b', '1024'], { progress });
	assert.equal(chunks().length, 5);
	assert.deepEqual(readFileSync(join(target, 'b')), readFileSync(join(source, 'a')));
	asked.length = 0;
	await copy(['a', 'central', 'b', '1024']);
	assert.equal(chunks().length, 0, 'what is there already is not sent at all');
});

test('a target that has lost what it had gets it again', async (t) => {
	const { source, target, copy, before } = link(t);
	writeFileSync(join(source, 'a'), chance.bytes(30 * 1024));
	let isLost = false;
	before((message) => {
		if (!isLost && Number(message.methodArgs[3]) >= 20 * 1024) {
			isLost = true;
			for (const name of readdirSync(target)) rmSync(join(target, name));
		}
		return message;
	});
	await copy(['a', 'central', 'b', '1024']);
	assert.ok(isLost);
	assert.deepEqual(readFileSync(join(target, 'b')), readFileSync(join(source, 'a')));
});

test('a chunk that is damaged on its way is refused', async (t) => {
	const { source, target, copy, before } = link(t);
	writeFileSync(join(source, 'a'), 'text');
	before((message) => (message.data ? { ...message, data: 'TEXT' } : message));
	const damaged = { code: 'copy_failed', detail: 'central: a chunk is damaged' };
	await assert.rejects(copy(['a', 'central', 'b']), damaged);
	assert.ok(!readdirSync(target).includes('b'));
});

test('a file that changes meanwhile is not given its name', async (t) => {
	const { source, target, copy, before } = link(t);
	writeFileSync(join(source, 'a'), 'text');
	before((message) => {
		if (message.methodArgs[0] === 'begin') {
			rmSync(join(source, 'a'));
			writeFileSync(join(source, 'a'), 'new!');
			appendFileSync(join(source, 'a'), 'and longer');
		}
		return message;
	});
	await assert.rejects(copy(['a', 'central', 'b']), { code: 'copy_failed', detail: /has changed/ });
	assert.ok(!readdirSync(target).includes('b'));
});

test('a copy of a folder, or of a file that is missing or too large, fails with the reason', async (t) => {
	const { source, copy } = link(t, { copyBytesMax: 64 });
	mkdirSync(join(source, 'folder'));
	writeFileSync(join(source, 'large'), 'x'.repeat(65));
	await leavesNothingOpen(async () => {
		await assert.rejects(copy(['none', 'central', 'b']), { code: 'file_failed' });
		await assert.rejects(copy(['folder', 'central', 'b']), { code: 'file_failed' });
		await assert.rejects(copy(['large', 'central', 'b']), { code: 'too_large' });
	});
});

test('something in the way at the target is a failure there', async (t) => {
	const { source, target, copy } = link(t);
	writeFileSync(join(source, 'a'), 'text');
	writeFileSync(join(target, 'file'), '');
	mkdirSync(join(target, 'folder'));
	await assert.rejects(copy(['a', 'central', 'file/b']), { code: 'file_failed' });
	await assert.rejects(copy(['a', 'central', 'folder']), { code: 'file_failed' });
});

test('wrong arguments are refused before anything is sent', () => {
	const { args } = methodOf('REQCopySrc');
	const fine = ['a', 'central', 'b'];
	assert.ok(args.safeParse([...fine, '100000', '60', '0755']).success);
	const longer = [...fine, '1', '1', '0755', 'x'];
	for (const wrong of [
		[],
		['a'],
		['a', 'no/node', 'b'],
		[...fine, 'x'],
		longer,
		[...fine, '', '', '9'],
	]) {
		assert.ok(!args.safeParse(wrong).success, JSON.stringify(wrong));
	}
	assert.ok(!methodOf('REQCopyDst').args.safeParse(['begin', 'x']).success);
});

test('a file that is not copied to its end yet is private, whatever it will be', async (t) => {
	const target = createMethodRunner(t);
	const data = Buffer.from('secret');
	const sum = checksumOfBytes(data);
	const methodArgs = ['chunk', 'key', sum, '0', sum];
	await target.run('REQCopyDst', { methodArgs, data });
	const [name = ''] = readdirSync(target.data);
	assert.equal(statSync(join(target.data, name)).mode & 0o777, 0o600);
});

test('what a failure leaves: an old part of a copy goes when the next copy begins', async (t) => {
	const { source, target, copy } = link(t);
	writeFileSync(join(source, 'a'), 'text');
	const part = (letter: string) => `.reeve-${letter.repeat(32)}.part`;
	for (const name of [part('a'), part('b'), '.reeve-other']) writeFileSync(join(target, name), 'x');
	const now = steppedClock().now() / 1000;
	utimesSync(join(target, part('b')), now, now);
	utimesSync(join(target, part('a')), now, now - 10 * 86_400);
	utimesSync(join(target, '.reeve-other'), now, now - 10 * 86_400);
	await copy(['a', 'central', 'b']);
	assert.deepEqual(readdirSync(target).toSorted(), [part('b'), '.reeve-other', 'b']);
});

test('what a failure leaves: a file that cannot get its name leaves no part', async (t) => {
	const { source, target, copy, before } = link(t);
	writeFileSync(join(source, 'a'), 'text');
	before((message) => {
		if (message.methodArgs[0] === 'end') mkdirSync(join(target, 'b'));
		return message;
	});
	await assert.rejects(copy(['a', 'central', 'b']), { code: 'file_failed' });
	assert.deepEqual(readdirSync(target), ['b']);
});

test('one publication that breaks the connection: chunks become smaller until the broker takes them', async (t) => {
	for (const code of ['too_large', 'broker_refused'] as const) {
		const { source, target, copy, before, asked } = link(t, { copyChunkBytes: 16_384 });
		const bytes = chance.bytes(60_000);
		writeFileSync(join(source, 'a'), bytes);
		before((message) => {
			if ((message.data?.length ?? 0) > 5000) throw new ReeveError(code, 'from the broker');
			return message;
		});
		await copy(['a', 'central', 'b']);
		assert.deepEqual(readFileSync(join(target, 'b')), Buffer.from(bytes));
		const large = asked.filter(({ data }) => (data?.length ?? 0) > 5000);
		assert.equal(large.length, 2, 'one of each size');
	}
	const { source, copy, before } = link(t);
	writeFileSync(join(source, 'a'), chance.bytes(3000));
	before((message) => {
		if (message.data !== undefined) throw new ReeveError('broker_refused', 'always');
		return message;
	});
	await assert.rejects(copy(['a', 'central', 'b']), { code: 'broker_refused' });
});
