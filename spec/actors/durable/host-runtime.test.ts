import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../../actors/definition/definition.ts';
import { reply, send } from '../../../actors/definition/effects.ts';
import { pack } from '../../../runtime/message/codec.ts';
import { receiptsIn, type ReceiptRow } from '../../../runtime/ledger/receipts.ts';
import { sink } from '../../support/actor-floor.ts';
import { setActorStage, type ActorStage } from '../../support/actor-stage.ts';
import { rowsUnder } from '../../../runtime/journal/schema.ts';

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
function ending(stage: ActorStage, id: string): string {
	const { result } = stage.ledger.get(id) ?? {};
	return result?.code ?? result?.outcome ?? 'open';
}

test('a turn moves the machine, carries out its effect requests and answers the message', async (t) => {
	const stage = await setActorStage(t, { actors: [counter] });
	const id = await stage.send('counter', { type: 'ADD', by: 2 });
	await stage.send('counter', 'TELL');
	await stage.idle('counter');
	assert.equal(stage.stored('counter')?.turn, 2);
	assert.deepEqual(stage.stored('counter')?.state.context, { total: 2 });
	assert.deepEqual(stage.sunk(), ['total 2', '', '{"total":2}']);
	assert.equal(ending(stage, id), 'done');
	await stage.stop();
});

test('an event is a word, a word with a payload, or JSON in the arguments or the data', async (t) => {
	const stage = await setActorStage(t, { actors: [counter] });
	await stage.send('counter', '', { methodArgs: ['ADD', '{"by":1}'] });
	await stage.send('counter', '', { methodArgs: ['{"type":"ADD","by":10}'] });
	await stage.send('counter', { type: 'ADD', by: 100 });
	await stage.idle('counter');
	assert.deepEqual(stage.stored('counter')?.state.context, { total: 111 });
	await stage.stop();
});

test('instances of different keys are independent', async (t) => {
	const stage = await setActorStage(t, { actors: [counter] });
	for (const key of ['a', 'b', 'a']) await stage.send('counter', { type: 'ADD', by: 1 }, { key });
	await stage.idle('counter');
	assert.deepEqual(stage.stored('counter', 'a')?.state.context, { total: 2 });
	assert.deepEqual(stage.stored('counter', 'b')?.state.context, { total: 1 });
	assert.equal(stage.stored('counter'), undefined);
	await stage.stop();
});

test('a message without a valid or known event fails without creating an instance', async (t) => {
	const stage = await setActorStage(t, { actors: [counter] });
	const unknown = await stage.send('counter', 'ADDD');
	const reserved = await stage.send('counter', 'xstate.init');
	const noEvent = await stage.send('counter', { by: 2 });
	await stage.idle('counter');
	assert.equal(ending(stage, unknown), 'unknown_event');
	assert.equal(ending(stage, reserved), 'bad_arguments');
	assert.equal(ending(stage, noEvent), 'bad_arguments');
	assert.equal(stage.stored('counter'), undefined);
	await stage.stop();
});

test('an instance in a final state keeps it and takes no more events', async (t) => {
	const stage = await setActorStage(t, { actors: [counter] });
	await stage.send('counter', 'END');
	const late = await stage.send('counter', { type: 'ADD', by: 1 });
	await stage.idle('counter');
	assert.equal(stage.stored('counter')?.state.status, 'done');
	assert.equal(ending(stage, late), 'actor_done');
	await stage.stop();
});

test('with whenDone forget an ended instance begins anew at the next message', async (t) => {
	const brief = defineActor({ ...counter, whenDone: 'forget' });
	const stage = await setActorStage(t, { actors: [brief] });
	await stage.send('counter', { type: 'ADD', by: 5 });
	await stage.send('counter', 'END');
	await stage.idle('counter');
	assert.equal(stage.stored('counter'), undefined);
	await stage.send('counter', { type: 'ADD', by: 1 });
	await stage.idle('counter');
	assert.deepEqual(stage.stored('counter')?.state.context, { total: 1 });
	await stage.stop();
});

test('a crash loses nothing that was accepted, and nothing is done twice', async (t) => {
	let stage = await setActorStage(t, { actors: [counter] });
	for (let count = 0; count < 20; count += 1) {
		await stage.send('counter', { type: 'ADD', by: 1 }, { key: `k${count % 3}` });
		if (count % 4 === 0) stage = await stage.crash();
	}
	await stage.idle('counter');
	const totals = ['k0', 'k1', 'k2'].map((key) => stage.stored('counter', key)?.state.context);
	assert.deepEqual(totals, [{ total: 7 }, { total: 7 }, { total: 6 }]);
	assert.equal(stage.sunk().filter((text) => text !== '').length, 20);
	await stage.stop();
});

test('a dead host has no effect any more, and another goes on where it was', async (t) => {
	const stage = await setActorStage(t, { actors: [counter] });
	for (let count = 0; count < 50; count += 1) {
		void stage.send('counter', { type: 'ADD', by: 1 }, { key: `k${count % 5}` });
		if (count % 10 === 5) await stage.replaceHost('counter');
	}
	await stage.idle('counter');
	const totals = [0, 1, 2, 3, 4].map((n) => stage.stored('counter', `k${n}`)?.state.context);
	assert.deepEqual(
		totals,
		[10, 10, 10, 10, 10].map((total) => ({ total })),
	);
	assert.equal(stage.sunk().filter((text) => text !== '').length, 50);
	await stage.stop();
});

test('an idle instance is evicted, and loaded again unchanged', async (t) => {
	const config = { passivateAfter: 10 };
	const stage = await setActorStage(t, { actors: [counter], config });
	await stage.send('counter', { type: 'ADD', by: 1 });
	await stage.idle('counter');
	assert.equal(stage.hostRuntimes.get('counter')?.counts().active, 1);
	await stage.clock.advance(20_001);
	assert.equal(stage.hostRuntimes.get('counter')?.counts().active, 0);
	await stage.send('counter', { type: 'ADD', by: 1 });
	await stage.idle('counter');
	assert.deepEqual(stage.stored('counter')?.state.context, { total: 2 });
	await stage.stop();
});

test('at most activeInstancesMax instances are in memory, and busy ones are not evicted', async (t) => {
	const config = { activeInstancesMax: 4 };
	const stage = await setActorStage(t, { actors: [counter], config });
	for (let count = 0; count < 60; count += 1) {
		void stage.send('counter', { type: 'ADD', by: 1 }, { key: `k${count % 20}` });
	}
	await stage.idle('counter');
	for (let count = 0; count < 20; count += 1) {
		await stage.send('counter', { type: 'ADD', by: 1 }, { key: `k${count}` });
		await stage.idle('counter');
	}
	assert.ok((stage.hostRuntimes.get('counter')?.counts().active ?? 99) <= 4);
	for (let n = 0; n < 20; n += 1) {
		assert.deepEqual(stage.stored('counter', `k${n}`)?.state.context, { total: 4 });
	}
	await stage.stop();
});

test('a restart loads only those instances that have triggers', async (t) => {
	const first = await setActorStage(t, { actors: [counter] });
	for (let n = 0; n < 30; n += 1) await first.send('counter', 'TELL', { key: `k${n}` });
	await first.idle('counter');
	await first.stop();
	const closed = await setActorStage(t, { ...first.parts, isOpen: false });
	await closed.send('counter', 'TELL', { key: 'k3' });
	const stage = await closed.crash();
	const opened = await setActorStage(t, { ...stage.parts, isOpen: true });
	await opened.idle('counter');
	assert.equal(opened.hostRuntimes.get('counter')?.counts().active, 1);
	await opened.stop();
});

test('an instance that an older version has written, packed twice, goes on', async (t) => {
	const stage = await setActorStage(t, { actors: [counter] });
	const state = { status: 'active', value: 'open', context: { total: 4 } };
	const value = pack({ version: 1, turn: 3, state });
	await stage.journal.commit([{ table: 'snapshots', key: ['counter', 'a'], value }]);
	await stage.send('counter', { type: 'ADD', by: 1 }, { key: 'a' });
	await stage.idle('counter');
	const { turn, state: now } = stage.stored('counter', 'a') ?? {};
	assert.deepEqual([turn, now?.context], [4, { total: 5 }]);
	await stage.stop();
});

test('an instance with autostart needs no message', async (t) => {
	const eager = defineActor({ ...counter, autostart: true });
	const stage = await setActorStage(t, { actors: [eager] });
	await stage.until(() => stage.stored('counter') !== undefined);
	assert.equal(stage.stored('counter')?.turn, 1);
	const again = await stage.restart();
	await again.clock.settle();
	assert.deepEqual(again.stored('counter')?.state.context, { total: 0 });
	await again.stop();
});

test('after an orderly stop no message runs alone at the next start', async (t) => {
	const stage = await setActorStage(t, { actors: [counter], config: { turnsBatchMax: 1 } });
	const sent = ['a', 'b', 'c', 'd'].map((key) =>
		stage.send('counter', { type: 'ADD', by: 1 }, { key }),
	);
	await Promise.all(sent);
	await stage.hostRuntimes.get('counter')?.drain();
	const rows = stage.journal.scan<Record<string, unknown>>('started', rowsUnder('counter'));
	assert.ok(stage.mailbox('counter').size() > 0, 'it was stopped in between');
	assert.deepEqual(
		rows.map(({ value }) => value),
		[{ epoch: stage.journal.epoch, arrivals: [], marks: [] }],
	);
	const again = await stage.restart();
	await again.idle('counter');
	assert.equal(again.seen('replay.decided').length, 0);
	for (const key of ['a', 'b', 'c', 'd']) {
		assert.deepEqual(again.stored('counter', key)?.state.context, { total: 1 });
	}
	await again.stop();
});

test('every message to an actor leaves a receipt, for audits and for repetitions', async (t) => {
	const stage = await setActorStage(t, { actors: [counter] });
	await stage.send('counter', 'TELL', { key: 'a' });
	await stage.send('counter', 'NONSENSE', { key: 'a' });
	await stage.idle('counter');
	const rows = stage.journal.scan<ReceiptRow>('receipts', rowsUnder());
	assert.deepEqual(
		rows.flatMap(({ value }) => receiptsIn(value)).map(({ method, outcome }) => [method, outcome]),
		[
			['counter', 'done'],
			['counter', 'failed'],
		],
	);
	await stage.stop();
});
