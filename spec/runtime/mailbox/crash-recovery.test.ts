import assert from 'node:assert/strict';
import test from 'node:test';
import { createCrashRecovery } from '../../../runtime/mailbox/crash-recovery.ts';
import { messageOf } from '../../support/messages.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';

type Box =
	Parameters<typeof createCrashRecovery>[0]['mailboxes'] extends Iterable<infer One> ? One : never;

const box = (method: string, count: number): Box => ({
	method,
	started: () =>
		Array.from({ length: count }, (_, index) => ({
			row: {
				arrival: index,
				id: `${method}${index}`,
				from: 'x',
				message: messageOf({ id: `${method}${index}` }),
				bytes: 0,
				deadline: 0,
			},
			start: { epoch: 1, attempts: 1 },
		})),
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('messages that ran at the crash run one at a time, and everything else after the last', async () => {
	const crashRecovery = createCrashRecovery({
		mailboxes: [box('a', 2), box('b', 1)],
		wasUnclean: true,
	});
	const events: string[] = [];
	let running = 0;
	let most = 0;
	const work = (name: string) => async () => {
		running += 1;
		most = Math.max(most, running);
		await turn();
		events.push(name);
		running -= 1;
	};
	void crashRecovery.over.then(() => events.push('over'));
	const a = async () => {
		await crashRecovery.alone(work('a0'));
		await crashRecovery.alone(work('a1'));
		crashRecovery.cleared('a');
	};
	const b = async () => {
		await crashRecovery.alone(work('b0'));
		crashRecovery.cleared('b');
	};
	await Promise.all([a(), b()]);
	await crashRecovery.over;
	await turn();
	assert.equal(most, 1);
	assert.deepEqual(events.toSorted(), ['a0', 'a1', 'b0', 'over']);
	assert.equal(events.at(-1), 'over');
});

test('everything runs at once if no message ran at the crash', async () => {
	const crashRecovery = createCrashRecovery({ mailboxes: [box('a', 0)], wasUnclean: true });
	await crashRecovery.over;
	assert.equal(await crashRecovery.alone(() => Promise.resolve(7)), 7);
});

test('one that fails ends its turn, and does not hold up the others', async () => {
	const crashRecovery = createCrashRecovery({ mailboxes: [box('a', 2)], wasUnclean: true });
	const failing = crashRecovery.alone(() => Promise.reject(new Error('stopped')));
	const next = crashRecovery.alone(() => Promise.resolve('ran'));
	await assert.rejects(failing, /stopped/);
	assert.equal(await next, 'ran');
});

test('nothing runs before the node may work on its store', async () => {
	const { promise: mayRun, resolve: open } = deferred();
	for (const count of [0, 1]) {
		const crashRecovery = createCrashRecovery({
			mailboxes: [box('a', count)],
			wasUnclean: true,
			mayRun,
		});
		const seen: string[] = [];
		const first = crashRecovery.alone(async () => void seen.push('alone'));
		void crashRecovery.over.then(() => seen.push('over'));
		await turn();
		assert.deepEqual(seen, []);
		if (count === 0) continue;
		open();
		await first;
		crashRecovery.cleared('a');
		await crashRecovery.over;
		assert.deepEqual(seen, ['alone', 'over']);
	}
});

test('a crash is the fault of the only message that ran, and of none among several, or after a stop', () => {
	const crowd = (counts: number[], wasUnclean: boolean) =>
		createCrashRecovery({ mailboxes: counts.map((count, at) => box(`m${at}`, count)), wasUnclean })
			.isCrowd;
	assert.equal(crowd([1, 0], true), false);
	assert.equal(crowd([1, 1], true), true);
	assert.equal(crowd([2], true), true);
	assert.equal(crowd([1], false), true);
});
