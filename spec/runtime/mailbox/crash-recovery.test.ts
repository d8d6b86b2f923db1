import assert from 'node:assert/strict';
import test from 'node:test';
import { createSuspects } from '../../../runtime/mailbox/crash-recovery.ts';
import { messageOf } from '../../support/method-context.ts';

type Box =
	Parameters<typeof createSuspects>[0]['mailboxes'] extends Iterable<infer One> ? One : never;

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

test('suspects of all methods run one at a time, and everything else after the last of them', async () => {
	const suspects = createSuspects({ mailboxes: [box('a', 2), box('b', 1)], wasUnclean: true });
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
	void suspects.over.then(() => events.push('over'));
	const a = async () => {
		await suspects.alone(work('a0'));
		await suspects.alone(work('a1'));
		suspects.cleared('a');
	};
	const b = async () => {
		await suspects.alone(work('b0'));
		suspects.cleared('b');
	};
	await Promise.all([a(), b()]);
	await suspects.over;
	await turn();
	assert.equal(most, 1);
	assert.deepEqual(events.toSorted(), ['a0', 'a1', 'b0', 'over']);
	assert.equal(events.at(-1), 'over');
});

test('without suspects everything runs at once', async () => {
	const suspects = createSuspects({ mailboxes: [box('a', 0)], wasUnclean: true });
	await suspects.over;
	assert.equal(await suspects.alone(() => Promise.resolve(7)), 7);
});

test('one that fails ends its turn, and does not hold up the others', async () => {
	const suspects = createSuspects({ mailboxes: [box('a', 2)], wasUnclean: true });
	const failing = suspects.alone(() => Promise.reject(new Error('stopped')));
	const next = suspects.alone(() => Promise.resolve('ran'));
	await assert.rejects(failing, /stopped/);
	assert.equal(await next, 'ran');
});

test('nothing runs before the node may work on its store', async () => {
	let open: () => void = () => {};
	const mayRun = new Promise<void>((resolve) => (open = resolve));
	for (const count of [0, 1]) {
		const suspects = createSuspects({ mailboxes: [box('a', count)], wasUnclean: true, mayRun });
		const seen: string[] = [];
		const first = suspects.alone(async () => void seen.push('alone'));
		void suspects.over.then(() => seen.push('over'));
		await turn();
		assert.deepEqual(seen, []);
		if (count === 0) continue;
		open();
		await first;
		suspects.cleared('a');
		await suspects.over;
		assert.deepEqual(seen, ['alone', 'over']);
	}
});

test('a crash is the fault of the only one that ran, and of nobody among several, or after a stop', () => {
	const crowd = (counts: number[], wasUnclean: boolean) =>
		createSuspects({ mailboxes: counts.map((count, at) => box(`m${at}`, count)), wasUnclean })
			.isCrowd;
	assert.equal(crowd([1, 0], true), false);
	assert.equal(crowd([1, 1], true), true);
	assert.equal(crowd([2], true), true);
	assert.equal(crowd([1], false), true);
});
