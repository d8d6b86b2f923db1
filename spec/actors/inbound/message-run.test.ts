import assert from 'node:assert/strict';
import test from 'node:test';
import { createMessageRuns } from '../../../actors/inbound/message-run.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { openFloor } from '../../support/ground-floor.ts';
import { receivingSide } from '../../support/receiving-method.ts';
import type { Output } from '../../../runtime/message/reply.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';

const bounded = { timeout: 20_000 };

test(
	'a message is run, leaves the mailbox, and its sender is told, in one step',
	bounded,
	async (t) => {
		const floor = openFloor(t);
		const side = receivingSide(floor, () => Promise.resolve({ data: 'output' }));
		const row = await side.file({ id: 'm1', replyMethod: 'REQToFile' });
		await createMessageRuns(side.parts).run(row);
		const [reply] = side.replies();
		assert.deepEqual([reply?.inReplyTo, reply?.data, reply?.method], ['m1', 'output', 'REQToFile']);
		assert.deepEqual([reply?.result?.outcome, reply?.result?.attempts], ['done', 1]);
		for (const table of ['mailbox', 'started'] as const)
			assert.equal(floor.journal.count(table), 0);
		assert.equal(side.mailbox.size(), 0);
	},
);

test('the start is on disk before the method runs', bounded, async (t) => {
	const floor = openFloor(t);
	let starts = -1;
	const side = receivingSide(floor, () => {
		starts = floor.journal.count('started');
		return Promise.resolve();
	});
	await createMessageRuns(side.parts).run(await side.file({ id: 'm1', onCrash: 'report' }));
	assert.equal(starts, 1);
});

test('an error with a code is an outcome, and the method is not run again', bounded, async (t) => {
	let runs = 0;
	const side = receivingSide(openFloor(t), () => {
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
		const floor = openFloor(t, { attemptsMax: 3 });
		const attempts: number[] = [];
		const side = receivingSide(floor, (_, { attempt }) => {
			attempts.push(attempt);
			return Promise.reject(new TypeError('broken'));
		});
		const row = await side.file({ id: 'm1' });
		let isOver = false;
		const run = createMessageRuns(side.parts)
			.run(row)
			.then(() => (isOver = true));
		while (!isOver) {
			await floor.journal.commit([]);
			await floor.clock.advance(1000);
		}
		await run;
		assert.deepEqual(attempts, [1, 2, 3]);
		const { outcome, code } = side.replies()[0]?.result ?? {};
		assert.deepEqual([outcome, code], ['failed', 'max_attempts']);
		assert.equal(floor.journal.count('dead'), 1);
		assert.equal(floor.journal.count('mailbox'), 0);
	},
);

test(
	'a message that must not run twice is interrupted by a crash of its method',
	bounded,
	async (t) => {
		const floor = openFloor(t);
		let runs = 0;
		const side = receivingSide(floor, () => {
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
		const floor = openFloor(t);
		const side = receivingSide(floor, () => assert.fail('its time was over'));
		const row = await side.file({ id: 'm1', ttl: 5 });
		await floor.clock.advance(5000);
		await createMessageRuns(side.parts).run(row);
		assert.equal(side.replies()[0]?.result?.outcome, 'expired');
	},
);

test(
	'after a crash of the node the message decides: again, interrupted, or dead',
	bounded,
	async (t) => {
		const floor = openFloor(t, { attemptsMax: 3 });
		const attempts: number[] = [];
		const side = receivingSide(floor, (_, { attempt }) => {
			attempts.push(attempt);
			return Promise.resolve();
		});
		const messageRuns = createMessageRuns(side.parts);
		const { epoch } = floor.journal;
		const again = { epoch: epoch - 1, attempts: 2, alone: true } as const;
		await messageRuns.replay(await side.file({ id: 'again' }), again);
		await messageRuns.replay(await side.file({ id: 'report', onCrash: 'report' }), again);
		await messageRuns.replay(await side.file({ id: 'dead' }), { ...again, attempts: 3 });
		assert.deepEqual(attempts, [3]);
		assert.deepEqual(side.outcomes(), ['done', 'interrupted', 'failed']);
		assert.equal(floor.journal.count('dead'), 1);
	},
);

test(
	'what runs when the node stops gets its time, and stays in the mailbox',
	bounded,
	async (t) => {
		const floor = openFloor(t, { stopTimeout: 3 });
		const reasons: unknown[] = [];
		const { promise: running, resolve: begun } = deferred();
		const side = receivingSide(floor, (_, { signal }) => {
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
		await floor.clock.advance(2999);
		assert.deepEqual(reasons, []);
		await floor.clock.advance(1);
		await run;
		assert.equal(reasons.length, 1);
		assert.equal(floor.journal.count('mailbox'), 1);
		assert.deepEqual(side.replies(), []);
	},
);

test('a method that returns anything but an output has crashed', bounded, async (t) => {
	const wrong: unknown[] = [5, 'text', { data: 5 }, { data: {} }, { exitCode: 'x' }, { stderr: 5 }];
	const floor = openFloor(t);
	const side = receivingSide(floor, ({ id }) => Promise.resolve(wrong[Number(id)] as Output));
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
	const floor = openFloor(t);
	let finish: () => void = () => {};
	const { promise: running, resolve: begun } = deferred();
	const side = receivingSide(floor, () => {
		begun();
		return new Promise((resolve) => (finish = () => resolve({ data: 'too late' })));
	});
	const run = assert.rejects(createMessageRuns(side.parts).run(await side.file({ id: 'm1' })));
	await running;
	side.exit();
	finish();
	await run;
	assert.equal(floor.journal.count('mailbox'), 1);
	assert.deepEqual(side.replies(), []);
});
