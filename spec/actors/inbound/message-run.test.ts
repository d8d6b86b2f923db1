import assert from 'node:assert/strict';
import test from 'node:test';
import { createMessageRuns } from '../../../actors/inbound/message-run.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import type { Journal } from '../../../runtime/journal/journal.ts';
import { composedNode } from '../../support/composed-node.ts';
import { receivingSide } from '../../support/method-call.ts';
import type { Output } from '../../../runtime/message/reply.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';

const bounded = { timeout: 20_000 };

test(
	'a message is run, leaves the mailbox, and its sender is told, in one step',
	bounded,
	async (t) => {
		const node = composedNode(t);
		const side = receivingSide(node, () => Promise.resolve({ data: 'output' }));
		const row = await side.file({ id: 'm1', replyMethod: 'REQToFile' });
		await createMessageRuns(side.parts).run(row);
		const [reply] = side.replies();
		assert.deepEqual([reply?.inReplyTo, reply?.data, reply?.method], ['m1', 'output', 'REQToFile']);
		assert.deepEqual([reply?.result?.outcome, reply?.result?.attempts], ['done', 1]);
		for (const table of ['mailbox', 'started'] as const) assert.equal(node.journal.count(table), 0);
		assert.equal(side.mailbox.size(), 0);
	},
);

test('the start is on disk before the method runs', bounded, async (t) => {
	const node = composedNode(t);
	let starts = -1;
	const side = receivingSide(node, () => {
		starts = node.journal.count('started');
		return Promise.resolve();
	});
	await createMessageRuns(side.parts).run(await side.file({ id: 'm1', onCrash: 'report' }));
	assert.equal(starts, 1);
});

test(
	'a power cut: a start that must not be repeated is flushed before its method runs',
	bounded,
	async (t) => {
		for (const [onCrash, until] of [
			['report', 'flushed'],
			['retry', 'committed'],
		] as const) {
			const node = composedNode(t);
			const noted: string[] = [];
			const side = receivingSide(node, () => {
				noted.push('it runs');
				return Promise.resolve();
			});
			const journal: Journal = {
				...node.journal,
				commit(changes, how = 'flushed') {
					if (changes.some(({ table }) => table === 'started')) noted.push(how);
					return node.journal.commit(changes, how);
				},
			};
			const row = await side.file({ id: 'm1', onCrash });
			await createMessageRuns({ ...side.parts, journal }).run(row);
			assert.deepEqual(noted.slice(0, 2), [until, 'it runs'], onCrash);
		}
	},
);

test('an error with a code is an outcome, and the method is not run again', bounded, async (t) => {
	let runs = 0;
	const side = receivingSide(composedNode(t), () => {
		runs += 1;
		return Promise.reject(new ReeveError('file_failed', 'EACCES'));
	});
	await createMessageRuns(side.parts).run(await side.file({ id: 'm1' }));
	const { outcome, code, detail } = side.replies()[0]?.result ?? {};
	assert.deepEqual([outcome, code, detail, runs], ['failed', 'file_failed', 'EACCES', 1]);
});

test(
	'a method that crashes is run again after a pause, and then its message is dead',
	bounded,
	async (t) => {
		const node = composedNode(t, { attemptsMax: 3 });
		const attempts: number[] = [];
		const side = receivingSide(node, (_, { attempt }) => {
			attempts.push(attempt);
			return Promise.reject(new TypeError('broken'));
		});
		const row = await side.file({ id: 'm1' });
		let isOver = false;
		const run = createMessageRuns(side.parts)
			.run(row)
			.then(() => (isOver = true));
		while (!isOver) {
			await node.journal.commit([]);
			await node.clock.advance(1000);
		}
		await run;
		assert.deepEqual(attempts, [1, 2, 3]);
		const { outcome, code } = side.replies()[0]?.result ?? {};
		assert.deepEqual([outcome, code], ['failed', 'max_attempts']);
		assert.equal(node.journal.count('dead'), 1);
		assert.equal(node.journal.count('mailbox'), 0);
	},
);

test(
	'a message that must not run twice is interrupted by a crash of its method',
	bounded,
	async (t) => {
		const node = composedNode(t);
		let runs = 0;
		const side = receivingSide(node, () => {
			runs += 1;
			return Promise.reject(new TypeError('broken'));
		});
		await createMessageRuns(side.parts).run(await side.file({ id: 'm1', onCrash: 'report' }));
		assert.deepEqual([runs, side.replies()[0]?.result?.outcome], [1, 'interrupted']);
	},
);

test(
	'a message whose time was over before it ran never runs, and its sender is told so',
	bounded,
	async (t) => {
		const node = composedNode(t);
		const side = receivingSide(node, () => assert.fail('its time was over'));
		const row = await side.file({ id: 'm1', ttl: 5 });
		await node.clock.advance(5000);
		await createMessageRuns(side.parts).run(row);
		assert.equal(side.replies()[0]?.result?.outcome, 'expired');
	},
);

test(
	'after a crash of the node the message decides: again, interrupted, or dead',
	bounded,
	async (t) => {
		const node = composedNode(t, { attemptsMax: 3 });
		const attempts: number[] = [];
		const side = receivingSide(node, (_, { attempt }) => {
			attempts.push(attempt);
			return Promise.resolve();
		});
		const messageRuns = createMessageRuns(side.parts);
		const { epoch } = node.journal;
		const again = { epoch: epoch - 1, attempts: 2, alone: true } as const;
		await messageRuns.replay(await side.file({ id: 'again' }), again);
		await messageRuns.replay(await side.file({ id: 'report', onCrash: 'report' }), again);
		await messageRuns.replay(await side.file({ id: 'dead' }), { ...again, attempts: 3 });
		assert.deepEqual(attempts, [3]);
		assert.deepEqual(side.outcomes(), ['done', 'interrupted', 'failed']);
		assert.equal(node.journal.count('dead'), 1);
	},
);

test(
	'what runs when the node stops gets its time, and stays in the mailbox',
	bounded,
	async (t) => {
		const node = composedNode(t, { stopTimeout: 3 });
		const reasons: unknown[] = [];
		const { promise: running, resolve: begun } = deferred();
		const side = receivingSide(node, (_, { signal }) => {
			begun();
			return new Promise((_resolve, reject) => {
				signal.addEventListener('abort', () => {
					reasons.push(signal.reason);
					reject(new ReeveError('stopping'));
				});
			});
		});
		const messageRuns = createMessageRuns(side.parts);
		const run = assert.rejects(messageRuns.run(await side.file({ id: 'm1' })));
		await running;
		messageRuns.abandon();
		await node.clock.advance(2999);
		assert.deepEqual(reasons, []);
		await node.clock.advance(1);
		await run;
		assert.equal(reasons.length, 1);
		assert.equal(node.journal.count('mailbox'), 1);
		assert.deepEqual(side.replies(), []);
	},
);

test('a method that returns anything but an output has crashed', bounded, async (t) => {
	const wrong: unknown[] = [5, 'text', { data: 5 }, { data: {} }, { exitCode: 'x' }, { stderr: 5 }];
	const node = composedNode(t);
	const side = receivingSide(node, ({ id }) => Promise.resolve(wrong[Number(id)] as Output));
	const messageRuns = createMessageRuns(side.parts);
	for (const id of wrong.keys()) {
		await messageRuns.run(await side.file({ id: String(id), onCrash: 'report' }));
	}
	assert.deepEqual(
		side.replies().map(({ result }) => result?.outcome),
		wrong.map(() => 'interrupted'),
	);
});

test('what a dead subscriber was running has no effect any more', bounded, async (t) => {
	const node = composedNode(t);
	let finish: () => void = () => {};
	const { promise: running, resolve: begun } = deferred();
	const side = receivingSide(node, () => {
		begun();
		return new Promise((resolve) => (finish = () => resolve({ data: 'too late' })));
	});
	const run = assert.rejects(createMessageRuns(side.parts).run(await side.file({ id: 'm1' })));
	await running;
	side.exit();
	finish();
	await run;
	assert.equal(node.journal.count('mailbox'), 1);
	assert.deepEqual(side.replies(), []);
});
