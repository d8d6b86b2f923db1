import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, createMachine, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { defer, reply, send } from '../../../actors/definition/effects.ts';
import { pack } from '../../../runtime/message/codec.ts';
import { receiptsIn, type ReceiptRow } from '../../../runtime/ledger/receipts.ts';
import { type ActorNode, sink, startActorNode } from '../../support/actor-node.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';
import type { Journal } from '../../../runtime/journal/journal.ts';
import { startChange } from '../../../runtime/mailbox/start-rows.ts';

type CounterEvent =
	| { readonly type: 'ADD'; readonly by: number }
	| { readonly type: 'TELL' }
	| { readonly type: 'END' };

const counterMachine = setup({
	types: { context: {} as { total: number }, events: {} as CounterEvent },
}).createMachine({
	id: 'counter',
	context: { total: 0 },
	initial: 'open',
	states: {
		open: {
			on: {
				ADD: {
					guard: ({ event }) => event.by > 0,
					actions: [
						assign({ total: ({ context, event }) => context.total + event.by }),
						send(({ context }) => ({ method: sink, data: `total ${context.total}` })),
					],
				},
				TELL: { actions: reply(({ context }) => ({ total: context.total })) },
				END: 'closed',
			},
		},
		closed: { type: 'final' },
	},
});
const counter = defineActor({ name: 'counter', version: 1, machine: counterMachine });

/** How a message has ended, in a word. */
function ending(node: ActorNode, id: string): string {
	const { result } = node.ledger.get(id) ?? {};
	return result?.code ?? result?.outcome ?? 'open';
}

test('a turn moves the machine, carries out its effect requests and answers the message', async (t) => {
	const node = await startActorNode(t, { actors: [counter] });
	const id = await node.send('counter', { type: 'ADD', by: 2 });
	await node.send('counter', 'TELL');
	await node.idle('counter');
	assert.equal(node.stored('counter')?.turn, 2);
	assert.deepEqual(node.stored('counter')?.state.context, { total: 2 });
	assert.deepEqual(node.sunk(), ['total 2', '', '{"total":2}']);
	assert.equal(ending(node, id), 'done');
	await node.stop();
});

test('an event is a word, a word with a payload, or JSON in the arguments or the data', async (t) => {
	const node = await startActorNode(t, { actors: [counter] });
	await node.send('counter', '', { methodArgs: ['ADD', '{"by":1}'] });
	await node.send('counter', '', { methodArgs: ['{"type":"ADD","by":10}'] });
	await node.send('counter', { type: 'ADD', by: 100 });
	await node.idle('counter');
	assert.deepEqual(node.stored('counter')?.state.context, { total: 111 });
	await node.stop();
});

test('instances of different keys are independent', async (t) => {
	const node = await startActorNode(t, { actors: [counter] });
	for (const key of ['a', 'b', 'a']) await node.send('counter', { type: 'ADD', by: 1 }, { key });
	await node.idle('counter');
	assert.deepEqual(node.stored('counter', 'a')?.state.context, { total: 2 });
	assert.deepEqual(node.stored('counter', 'b')?.state.context, { total: 1 });
	assert.equal(node.stored('counter'), undefined);
	await node.stop();
});

test('a message without a valid or known event fails without creating an instance', async (t) => {
	const node = await startActorNode(t, { actors: [counter] });
	const unknown = await node.send('counter', 'ADDD');
	const reserved = await node.send('counter', 'xstate.init');
	const noEvent = await node.send('counter', { by: 2 });
	await node.idle('counter');
	assert.equal(ending(node, unknown), 'unknown_event');
	assert.equal(ending(node, reserved), 'bad_arguments');
	assert.equal(ending(node, noEvent), 'bad_arguments');
	assert.equal(node.stored('counter'), undefined);
	await node.stop();
});

test('an instance in a final state keeps it and takes no more events', async (t) => {
	const node = await startActorNode(t, { actors: [counter] });
	await node.send('counter', 'END');
	const late = await node.send('counter', { type: 'ADD', by: 1 });
	await node.idle('counter');
	assert.equal(node.stored('counter')?.state.status, 'done');
	assert.equal(ending(node, late), 'actor_done');
	await node.stop();
});

test('silence: what a state defers has an outcome when the machine ends, also if its last state defers it', async (t) => {
	type Event = { readonly type: 'ASK' | 'END' | 'PAUSE' };
	for (const meta of [undefined, defer('ASK')]) {
		const machine = setup({ types: { events: {} as Event } }).createMachine({
			id: 'busy',
			initial: 'working',
			states: {
				working: { meta: defer('ASK'), on: { END: 'over', PAUSE: 'free' } },
				free: { on: { ASK: {} } },
				over: { type: 'final', ...(meta && { meta }) },
			},
		});
		const node = await startActorNode(t, {
			actors: [defineActor({ name: 'busy', version: 1, machine })],
		});
		const ids = [await node.send('busy', 'ASK'), await node.send('busy', 'ASK')];
		await node.clock.settle();
		assert.deepEqual(
			ids.map((id) => ending(node, id)),
			['open', 'open'],
		);
		await node.send('busy', 'END');
		const late = await node.send('busy', 'ASK');
		await node.until(() => node.mailbox('busy').size() === 0);
		for (const id of [...ids, late]) assert.equal(ending(node, id), 'actor_done');
		await node.stop();
	}
});

test('with whenDone forget an ended instance begins anew at the next message', async (t) => {
	const brief = defineActor({ ...counter, whenDone: 'forget' });
	const node = await startActorNode(t, { actors: [brief] });
	await node.send('counter', { type: 'ADD', by: 5 });
	await node.send('counter', 'END');
	await node.idle('counter');
	assert.equal(node.stored('counter'), undefined);
	await node.send('counter', { type: 'ADD', by: 1 });
	await node.idle('counter');
	assert.deepEqual(node.stored('counter')?.state.context, { total: 1 });
	await node.stop();
});

test('a crash loses nothing that was accepted, and nothing is done twice', async (t) => {
	let node = await startActorNode(t, { actors: [counter] });
	for (let count = 0; count < 20; count += 1) {
		await node.send('counter', { type: 'ADD', by: 1 }, { key: `k${count % 3}` });
		if (count % 4 === 0) node = await node.crash();
	}
	await node.idle('counter');
	const totals = ['k0', 'k1', 'k2'].map((key) => node.stored('counter', key)?.state.context);
	assert.deepEqual(totals, [{ total: 7 }, { total: 7 }, { total: 6 }]);
	assert.equal(node.sunk().filter((text) => text !== '').length, 20);
	await node.stop();
});

test('a dead host has no effect any more, and another goes on where it was', async (t) => {
	const node = await startActorNode(t, { actors: [counter] });
	for (let count = 0; count < 50; count += 1) {
		void node.send('counter', { type: 'ADD', by: 1 }, { key: `k${count % 5}` });
		if (count % 10 === 5) await node.replaceHost('counter');
	}
	await node.idle('counter');
	const totals = [0, 1, 2, 3, 4].map((n) => node.stored('counter', `k${n}`)?.state.context);
	assert.deepEqual(
		totals,
		[10, 10, 10, 10, 10].map((total) => ({ total })),
	);
	assert.equal(node.sunk().filter((text) => text !== '').length, 50);
	await node.stop();
});

test('a host that dies between two interrupted messages starts none of those that are left', async (t) => {
	for (let commits = 1; commits <= 8; commits += 1) {
		const node = await startActorNode(t, { actors: [counter], isOpen: false });
		for (let by = 1; by <= 3; by += 1) await node.send('counter', { type: 'ADD', by });
		const { epoch } = node.journal;
		const record = { epoch, arrivals: [1, 3], marks: [] };
		await node.journal.commit([startChange(['counter', 'batch'], record)]);
		const replaced = deferred();
		const commit = node.journal.commit.bind(node.journal);
		let count = 0;
		const counting: Pick<Journal, 'commit'> = {
			commit(changes, until) {
				const written = commit(changes, until);
				count += 1;
				if (count === commits) {
					const again = node.replaceHost('counter').then(() => node.openHosts());
					again.then(replaced.resolve, replaced.reject);
				}
				return written;
			},
		};
		Object.assign(node.journal, counting);
		await node.openHosts();
		await node.idle('counter');
		if (count >= commits) await replaced.promise;
		await node.idle('counter');
		const totals = node.sunk().filter((text) => text !== '');
		assert.deepEqual(totals, ['total 1', 'total 3', 'total 6'], `after ${commits} commits`);
		await node.stop();
	}
});

test('an idle instance is evicted, and loaded again unchanged', async (t) => {
	const config = { passivateAfter: 10 };
	const node = await startActorNode(t, { actors: [counter], config });
	await node.send('counter', { type: 'ADD', by: 1 });
	await node.idle('counter');
	assert.equal(node.hostRuntimes.get('counter')?.counts().active, 1);
	await node.clock.advance(20_001);
	assert.equal(node.hostRuntimes.get('counter')?.counts().active, 0);
	await node.send('counter', { type: 'ADD', by: 1 });
	await node.idle('counter');
	assert.deepEqual(node.stored('counter')?.state.context, { total: 2 });
	await node.stop();
});

test('at most activeInstancesMax instances are in memory, and busy ones are not evicted', async (t) => {
	const config = { activeInstancesMax: 4 };
	const node = await startActorNode(t, { actors: [counter], config });
	for (let count = 0; count < 60; count += 1) {
		void node.send('counter', { type: 'ADD', by: 1 }, { key: `k${count % 20}` });
	}
	await node.idle('counter');
	for (let count = 0; count < 20; count += 1) {
		await node.send('counter', { type: 'ADD', by: 1 }, { key: `k${count}` });
		await node.idle('counter');
	}
	assert.ok((node.hostRuntimes.get('counter')?.counts().active ?? 99) <= 4);
	for (let n = 0; n < 20; n += 1) {
		assert.deepEqual(node.stored('counter', `k${n}`)?.state.context, { total: 4 });
	}
	await node.stop();
});

test('a restart loads only those instances that have triggers', async (t) => {
	const first = await startActorNode(t, { actors: [counter] });
	for (let n = 0; n < 30; n += 1) await first.send('counter', 'TELL', { key: `k${n}` });
	await first.idle('counter');
	await first.stop();
	const closed = await startActorNode(t, { ...first.parts, isOpen: false });
	await closed.send('counter', 'TELL', { key: 'k3' });
	const node = await closed.crash();
	const opened = await startActorNode(t, { ...node.parts, isOpen: true });
	await opened.idle('counter');
	assert.equal(opened.hostRuntimes.get('counter')?.counts().active, 1);
	await opened.stop();
});

test('an instance that an older version has written, packed twice, goes on', async (t) => {
	const node = await startActorNode(t, { actors: [counter] });
	const state = { status: 'active', value: 'open', context: { total: 4 } };
	const value = pack({ version: 1, turn: 3, state });
	await node.journal.commit([{ table: 'snapshots', key: ['counter', 'a'], value }]);
	await node.send('counter', { type: 'ADD', by: 1 }, { key: 'a' });
	await node.idle('counter');
	const { turn, state: now } = node.stored('counter', 'a') ?? {};
	assert.deepEqual([turn, now?.context], [4, { total: 5 }]);
	await node.stop();
});

test('an instance with autostart needs no message', async (t) => {
	const eager = defineActor({ ...counter, autostart: true });
	const node = await startActorNode(t, { actors: [eager] });
	await node.until(() => node.stored('counter') !== undefined);
	assert.equal(node.stored('counter')?.turn, 1);
	const again = await node.restart();
	await again.clock.settle();
	assert.deepEqual(again.stored('counter')?.state.context, { total: 0 });
	await again.stop();
});

test('after an orderly stop no message runs alone at the next start', async (t) => {
	const node = await startActorNode(t, { actors: [counter], config: { turnsBatchMax: 1 } });
	const sent = ['a', 'b', 'c', 'd'].map((key) =>
		node.send('counter', { type: 'ADD', by: 1 }, { key }),
	);
	await Promise.all(sent);
	await node.hostRuntimes.get('counter')?.drain();
	const rows = node.journal.scan<Record<string, unknown>>('started', rowsUnder('counter'));
	assert.ok(node.mailbox('counter').size() > 0, 'it was stopped in between');
	assert.deepEqual(
		rows.map(({ value }) => value),
		[{ epoch: node.journal.epoch, arrivals: [], marks: [] }],
	);
	const again = await node.restart();
	await again.idle('counter');
	assert.equal(again.seen('replay.decided').length, 0);
	for (const key of ['a', 'b', 'c', 'd']) {
		assert.deepEqual(again.stored('counter', key)?.state.context, { total: 1 });
	}
	await again.stop();
});

test('every message to an actor leaves a receipt, for audits and for repetitions', async (t) => {
	const node = await startActorNode(t, { actors: [counter] });
	await node.send('counter', 'TELL', { key: 'a' });
	await node.send('counter', 'NONSENSE', { key: 'a' });
	await node.idle('counter');
	const rows = node.journal.scan<ReceiptRow>('receipts', rowsUnder());
	assert.deepEqual(
		rows.flatMap(({ value }) => receiptsIn(value)).map(({ method, outcome }) => [method, outcome]),
		[
			['counter', 'done'],
			['counter', 'failed'],
		],
	);
	await node.stop();
});

test('new mail of an actor waits until the methods have decided about what a crash left', async (t) => {
	const { promise: mayRun, resolve: decided } = deferred();
	const node = await startActorNode(t, { actors: [counter], isOpen: false, mayRun });
	await node.send('counter', { type: 'ADD', by: 1 });
	const opened = node.openHosts();
	for (let round = 0; round < 5; round += 1) {
		await node.journal.commit([]);
		await node.clock.settle();
	}
	assert.equal(node.stored('counter'), undefined);
	decided();
	await opened;
	await node.idle('counter');
	assert.deepEqual(node.stored('counter')?.state.context, { total: 1 });
	await node.stop();
});

test('a host that is stopped while it opens arms nothing: its journal may be closed by then', async (t) => {
	const machine = createMachine({
		id: 'm',
		initial: 'a',
		states: { a: { after: { 5000: 'b' } }, b: {} },
	} as never);
	const actor = defineActor({ name: 'bell', version: 1, autostart: true, machine });
	const first = await startActorNode(t, { actors: [actor] });
	await first.until(() => first.stored('bell') !== undefined);
	await first.stop();
	for (const ends of ['drain', 'fence'] as const) {
		const node = await startActorNode(t, { ...first.parts, isOpen: false });
		const hostRuntime = node.hostRuntimes.get('bell');
		const opening = hostRuntime?.open();
		await hostRuntime?.[ends]();
		await opening;
		await node.journal.close();
		await node.clock.advance(20_000);
	}
});
