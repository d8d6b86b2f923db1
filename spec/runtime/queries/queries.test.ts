import assert from 'node:assert/strict';
import test from 'node:test';
import { createQueries } from '../../../runtime/queries/queries.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';

/** Asks the node, and collects the rows. */
async function ask(node: ComposedNode, question: unknown, signal = new AbortController().signal) {
	const rows: Record<string, unknown>[] = [];
	for await (const row of queriesOf(node)(question, signal)) rows.push({ ...Object(row) });
	return rows;
}

const queriesOf = ({ services }: ComposedNode) =>
	createQueries({
		...services,
		prefix: 'reeve',
		mailboxes: () => services.mailboxes.values(),
		tree: () => ({ id: 'node', type: 'supervisor', state: 'running', restarts: 0 }),
		about: () => ({ name: 'ship1' }),
	});
const send = (node: ComposedNode, ...ids: string[]) =>
	Promise.all(
		ids.map((id) => node.services.intake.accept({ id, toNode: 'central', method: 'ping' }, 'spec')),
	);
const settle = async ({ services, journal }: ComposedNode, id: string) => {
	await journal.commit(services.ledger.settle(id, { outcome: 'done' }));
	services.ledger.settled(id);
};

test('a question that is none is refused, whatever it is', async (t) => {
	const node = composedNode(t);
	for (const question of [
		undefined,
		null,
		5,
		'nodes',
		[],
		{},
		{ reeve: 'everything' },
		{ reeve: '__proto__' },
		{ reeve: 'messages', limit: 0 },
		{ reeve: 'messages', limit: 1e9 },
		{ reeve: 'messages', ids: [5] },
		{ reeve: 'watch' },
		{ reeve: 'watch', ids: [] },
	]) {
		await assert.rejects(ask(node, question), { code: 'bad_message' });
	}
});

test('messages are listed newest first, or those that are asked for, by any unique beginning', async (t) => {
	const node = composedNode(t);
	for (const id of ['old-1', 'aaa', 'old-2']) {
		await send(node, id);
		await node.clock.advance(5);
	}
	const listed = await ask(node, { reeve: 'messages' });
	assert.deepEqual(
		listed.map(({ id }) => id),
		['old-2', 'aaa', 'old-1'],
	);
	assert.equal((await ask(node, { reeve: 'messages', limit: 1 })).length, 1);
	const [row] = await ask(node, { reeve: 'messages', ids: ['aa'] });
	assert.deepEqual([row?.['id'], row?.['state'], row?.['toNode']], ['aaa', 'queued', 'central']);
	for (const id of ['old', 'nobody', '', 'x'.repeat(10_000)]) {
		await assert.rejects(ask(node, { reeve: 'messages', ids: [id] }), { code: 'not_found' });
	}
});

test('a watch yields each change once, and ends when all messages are settled', async (t) => {
	const node = composedNode(t);
	await send(node, 'a', 'b');
	const states: string[] = [];
	const watching = (async () => {
		for await (const row of queriesOf(node)(
			{ reeve: 'watch', ids: ['a', 'b'] },
			AbortSignal.any([]),
		)) {
			const { id, state } = { ...Object(row) } as { id: string; state: string };
			states.push(`${id} ${state}`);
			if (states.length === 2) void settle(node, 'b').then(() => settle(node, 'a'));
		}
	})();
	await watching;
	assert.deepEqual(states, ['a queued', 'b queued', 'b done', 'a done']);
});

test('a watch ends when its caller has gone, and leaves no subscriber behind', async (t) => {
	const node = composedNode(t);
	await send(node, 'a');
	const controller = new AbortController();
	const rows = queriesOf(node)({ reeve: 'watch', ids: ['a'] }, controller.signal)[
		Symbol.asyncIterator
	]();
	assert.equal((await rows.next()).done, false);
	const next = rows.next();
	controller.abort();
	assert.equal((await next).done, true);
});

test('a message that is settled already is one row of a watch', async (t) => {
	const node = composedNode(t);
	await send(node, 'a');
	await settle(node, 'a');
	const rows = await ask(node, { reeve: 'watch', ids: ['a', 'a'] });
	assert.deepEqual(
		rows.map(({ state }) => state),
		['done'],
	);
});

test('nodes, processes, methods, the tree and the node itself have rows', async (t) => {
	const node = composedNode(t);
	await send(node, 'a', 'b');
	const birth = { v: 1, node: 'central', state: 'online', storeId: 's', epoch: 3 } as const;
	node.services.presence.learn({ ...birth, methods: ['REQPing'] });
	const [central] = await ask(node, { reeve: 'nodes' });
	assert.deepEqual(
		[central?.['name'], central?.['waiting'], central?.['epoch']],
		['central', 2, 3],
	);
	const processes = await ask(node, { reeve: 'processes' });
	const publisher = processes.find(({ kind }) => kind === 'publisher');
	assert.deepEqual([publisher?.['node'], publisher?.['waiting']], ['central', 2]);
	const subscribers = processes.filter(({ kind }) => kind === 'subscriber');
	const names = node.services.methods.list().map(({ name }) => name);
	assert.deepEqual(
		subscribers.map(({ method }) => method),
		[...node.services.mailboxes.keys()],
	);
	const methods = await ask(node, { reeve: 'methods' });
	assert.deepEqual(
		methods.map(({ name }) => name),
		names,
	);
	assert.deepEqual(await ask(node, { reeve: 'node' }), [{ name: 'ship1' }]);
	assert.equal((await ask(node, { reeve: 'tree' })).length, 1);
});

test('dead letters are listed without their bodies', async (t) => {
	const node = composedNode(t);
	const value = { id: 'm1', method: 'REQPing', body: Buffer.alloc(10), at: node.journal.now() };
	await node.journal.commit([{ table: 'dead', key: ['01K'], value }]);
	const shifted = node.clock.now() - 86_400_000;
	node.clock.jump(-86_400_000);
	const [dead] = await ask(node, { reeve: 'dead' });
	assert.deepEqual(dead, { dead: '01K', id: 'm1', method: 'REQPing', at: shifted });
});

test('a method is explained from its declaration, by any of its names', async (t) => {
	const node = composedNode(t);
	const [row] = await ask(node, { reeve: 'explain', method: 'ping' });
	assert.equal(row?.['name'], 'REQPing');
	assert.deepEqual(row?.['example'], { toNode: 'ship1', method: 'REQPing' });
	assert.equal(row?.['topic'], 'reeve/ship1/REQPing/EventACK');
	await assert.rejects(ask(node, { reeve: 'explain', method: 'pin' }), /did you mean ping\?/);
});

test('events are those that are remembered and then, if wanted, those that come', async (t) => {
	const node = composedNode(t);
	const { signals } = node.services;
	signals.emit('node.gone', { name: 'ship1', reason: 'first' });
	signals.emit('transport.up', { transport: 'mqtt', address: 'there' });
	const past = await ask(node, { reeve: 'events', type: 'node.gone' });
	assert.deepEqual(
		past.map(({ reason }) => reason),
		['first'],
	);
	const stop = new AbortController();
	const seen: unknown[] = [];
	const question = { reeve: 'events', type: 'node.gone', follow: true };
	for await (const row of queriesOf(node)(question, stop.signal)) {
		seen.push(Reflect.get(Object(row), 'reason'));
		if (seen.length === 1) {
			signals.emit('transport.up', { transport: 'mqtt', address: 'again' });
			signals.emit('node.gone', { name: 'ship1', reason: 'second' });
		} else stop.abort();
	}
	assert.deepEqual(seen, ['first', 'second']);
});
