import assert from 'node:assert/strict';
import test from 'node:test';
import { createActor } from 'xstate';
import { subscriberLogic } from '../../../actors/inbound/subscriber.ts';
import type { MethodContext } from '../../../runtime/method/method.ts';
import type { Message } from '../../../runtime/message/message.ts';
import { createCrashRecovery } from '../../../runtime/mailbox/crash-recovery.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';
import { receivingSide } from '../../support/method-call.ts';
import type { Output } from '../../../runtime/message/reply.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';

const bounded = { timeout: 20_000 };

const someStart = { epoch: 0, attempts: 1 };

/** A subscriber of a method that does what the test says; `until` waits for that many endings. */
function subscriberOn(
	node: ComposedNode,
	run: (message: Message, context: MethodContext) => Promise<Output | void>,
	wasUnclean = false,
) {
	const side = receivingSide(node, run);
	const crashRecovery = createCrashRecovery({ mailboxes: [side.mailbox], wasUnclean });
	const actor = createActor(subscriberLogic, { input: { ...side.parts, crashRecovery } });
	const until = (count: number) =>
		new Promise<void>((resolve) => {
			const look = () => {
				if (side.outcomes().length >= count) resolve();
			};
			node.services.signals.subscribe(look);
			look();
		});
	const ended = new Promise<void>((resolve) => actor.subscribe({ complete: resolve }));
	return { ...side, actor, until, ended };
}

test('messages are run in order, those from before the start first', bounded, async (t) => {
	const node = composedNode(t);
	const seen: string[] = [];
	const side = subscriberOn(node, ({ id }) => {
		seen.push(id);
		return Promise.resolve();
	});
	for (const id of ['a', 'b']) side.mailbox.push(await side.file({ id }));
	side.actor.start();
	side.mailbox.push(await side.file({ id: 'c' }));
	await side.until(3);
	assert.deepEqual(seen, ['a', 'b', 'c']);
	assert.equal(node.journal.count('mailbox'), 0);
	assert.equal(side.replies().length, 3);
});

test('what a crash left in mid-run is decided before anything else runs', bounded, async (t) => {
	const before = composedNode(t);
	const left = receivingSide(before, () => Promise.resolve());
	for (const [id, onCrash] of [
		['retried', 'retry'],
		['reported', 'report'],
	] as const) {
		const row = await left.file({ id, onCrash });
		const value = { epoch: before.journal.epoch, attempts: 1 };
		await before.journal.commit([{ table: 'started', key: ['REQSpec', row.arrival], value }]);
	}
	await left.file({ id: 'untouched' });
	const node = await before.reopen();
	const runs: string[] = [];
	const side = subscriberOn(node, ({ id }, { attempt }) => {
		runs.push(`${id} ${attempt}`);
		return Promise.resolve();
	});
	side.actor.start();
	await side.until(3);
	assert.deepEqual(runs, ['retried 2', 'untouched 1']);
	assert.deepEqual(side.outcomes(), ['done', 'interrupted', 'done']);
});

test(
	'new mail waits until all methods have decided about what a crash left',
	bounded,
	async (t) => {
		const node = composedNode(t);
		const side = receivingSide(node, () => Promise.resolve());
		const row = await side.file({ id: 'interrupted' });
		const other = { method: 'REQOther', started: () => [{ row, start: someStart }] };
		const mailboxes = [side.mailbox, other];
		const crashRecovery = createCrashRecovery({ mailboxes, wasUnclean: true });
		const actor = createActor(subscriberLogic, { input: { ...side.parts, crashRecovery } });
		actor.start();
		side.mailbox.push(await side.file({ id: 'new' }));
		for (let round = 0; round < 5; round += 1) {
			await node.journal.commit([]);
			await node.clock.settle();
		}
		assert.deepEqual(side.outcomes(), []);
		crashRecovery.cleared('REQOther');
		while (side.outcomes().length < 2) await node.journal.commit([]);
		assert.deepEqual(side.outcomes(), ['done', 'done']);
	},
);

test(
	'a start that was being committed when the subscriber before died is decided about too',
	bounded,
	async (t) => {
		const node = composedNode(t);
		const runs: string[] = [];
		const side = subscriberOn(node, ({ id }, { attempt }) => {
			runs.push(`${id} ${attempt}`);
			return Promise.resolve();
		});
		const row = await side.file({ id: 'a' });
		side.mailbox.push(row);
		const value = { epoch: node.journal.epoch, attempts: 1 };
		const key = ['REQSpec', row.arrival];
		const starting = node.journal.commit([{ table: 'started', key, value }], 'committed');
		side.actor.start();
		await side.until(1);
		await starting;
		assert.deepEqual(runs, ['a 2']);
	},
);

test('one message that cannot be run does not keep the others from running', bounded, async (t) => {
	const node = composedNode(t, { attemptsMax: 1 });
	const side = subscriberOn(node, ({ id }) =>
		id === 'bad' ? Promise.reject(new TypeError('broken')) : Promise.resolve(),
	);
	for (const id of ['bad', 'good']) side.mailbox.push(await side.file({ id }));
	side.actor.start();
	await side.until(2);
	assert.deepEqual(side.outcomes(), ['failed', 'done']);
});

test('a shutdown waits for what runs, and leaves the rest in the mailbox', bounded, async (t) => {
	const node = composedNode(t);
	let finish: () => void = () => {};
	const { promise: running, resolve: begun } = deferred();
	const side = subscriberOn(node, () => {
		begun();
		return new Promise((resolve) => (finish = () => resolve()));
	});
	for (const id of ['a', 'b']) side.mailbox.push(await side.file({ id }));
	side.actor.start();
	await running;
	side.actor.send({ type: 'SHUTDOWN' });
	finish();
	await side.ended;
	assert.deepEqual(side.outcomes(), ['done']);
	assert.equal(node.journal.count('mailbox'), 1);
	assert.equal(node.journal.count('started'), 0);
});

test('a subscriber without messages ends at once when it is told to', bounded, async (t) => {
	const side = subscriberOn(composedNode(t), () => assert.fail('there is nothing to run'));
	side.actor.start();
	side.actor.send({ type: 'SHUTDOWN' });
	await side.ended;
});
