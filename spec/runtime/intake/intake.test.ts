import assert from 'node:assert/strict';
import test from 'node:test';
import { derivedIdStarts } from '../../../runtime/platform/ids.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';

const ping = { toNode: 'central', method: 'REQPing' };
const accept = (node: ComposedNode, raw: unknown) => node.services.intake.accept(raw, 'spec');
const codes = (answers: readonly object[]) =>
	answers.map((answer) => ('error' in answer ? answer.error : 'id' in answer && 'ok'));
const publicMessage = (node: ComposedNode, payload: unknown, topic = 'REQPing/EventACK') => {
	const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
	return node.services.listener.publicMessage(`reeve/ship1/${topic}`, bytes, {});
};

test('a message is answered with its id when it is on disk', async (t) => {
	const node = composedNode(t);
	const [answer] = await accept(node, { ...ping, id: 'm1' });
	assert.deepEqual(answer, { id: 'm1', toNode: 'central' });
	assert.equal(node.journal.count('outbox'), 1);
	const after = await node.reopen();
	assert.equal(after.services.outbox.waiting('central'), 1);
	assert.equal(after.services.ledger.get('m1')?.toNode, 'central');
});

test('an id that is given twice is taken once, also within one turn of the event loop', async (t) => {
	const node = composedNode(t);
	const raw = { ...ping, id: 'm1' };
	const answers = await Promise.all([accept(node, raw), accept(node, raw), accept(node, raw)]);
	assert.deepEqual(answers.flat(), [
		{ id: 'm1', toNode: 'central' },
		{ id: 'm1', toNode: 'central', duplicate: true },
		{ id: 'm1', toNode: 'central', duplicate: true },
	]);
	assert.equal(node.journal.count('outbox'), 1);
	const after = await node.reopen();
	assert.deepEqual(await accept(after, raw), [{ id: 'm1', toNode: 'central', duplicate: true }]);
});

test('a message for very many receivers is filed in parts, and others get their turn in between', async (t) => {
	const node = composedNode(t);
	let inTurn = 0;
	let most = 0;
	node.services.signals.subscribe((signal) => {
		if (signal.type !== 'message.accepted') return;
		if (inTurn === 0) setImmediate(() => (inTurn = 0));
		inTurn += 1;
		most = Math.max(most, inTurn);
	});
	const toNodes = Array.from({ length: 1000 }, (_none, index) => `boat${index}`);
	const answers = await accept(node, { method: 'REQPing', toNodes });
	assert.deepEqual(new Set(codes(answers)), new Set(['ok']));
	assert.equal(node.services.outbox.waiting(), 1000);
	assert.ok(most <= 256, `${most} in one turn of the event loop`);
});

test('very many messages at once are taken in parts and in order, and others get their turn in between', async (t) => {
	const node = composedNode(t);
	const { outbox, signals } = node.services;
	const taken: string[] = [];
	signals.subscribe((signal) => void (signal.type === 'message.accepted' && taken.push(signal.id)));
	let isOver = false;
	let [before, most] = [0, 0];
	const look = (): void => {
		most = Math.max(most, outbox.waiting() - before);
		before = outbox.waiting();
		if (!isOver) setImmediate(look);
	};
	look();
	const raws = Array.from({ length: 2000 }, (_none, index) => ({ ...ping, id: `m${index}` }));
	await Promise.all(raws.map((raw) => accept(node, raw)));
	isOver = true;
	assert.equal(outbox.waiting(), 2000);
	assert.ok(most > 0 && most <= 256, `${most} in one turn of the event loop`);
	assert.deepEqual(
		taken,
		raws.map(({ id }) => id),
	);
});

test('a repetition is answered no earlier than what it repeats is on disk', async (t) => {
	const node = composedNode(t);
	const first = accept(node, { ...ping, id: 'm1' });
	const [answer] = await accept(node, { ...ping, id: 'm1' });
	assert.ok(answer && 'duplicate' in answer);
	assert.ok(node.journal.get('ledger', ['m1']));
	await first;
});

test('an id that names another message is refused, and not taken for a repetition', async (t) => {
	const node = composedNode(t);
	await accept(node, { ...ping, id: 'm1' });
	assert.deepEqual(codes(await accept(node, { ...ping, id: 'm1', toNode: 'ship2' })), [
		'duplicate_id',
	]);
	assert.deepEqual(codes(await accept(node, { ...ping, id: 'm1', method: 'REQPong' })), [
		'duplicate_id',
	]);
	assert.deepEqual(codes(await accept(node, { ...ping, id: 'm1', method: 'ping' })), ['ok']);
});

test('each of a thousand receivers gets a message of its own, and each is answered, in order', async (t) => {
	const node = composedNode(t);
	const toNodes = Array.from({ length: 1000 }, (_, at) => `node${at}`);
	const answers = await accept(node, { method: 'ping', toNodes, id: 'm' });
	assert.deepEqual(
		answers,
		toNodes.map((toNode) => ({ id: `m:${toNode}`, toNode })),
	);
	assert.equal(node.journal.count('outbox'), 1000);
	assert.equal([...node.services.outbox.lanes()].length, 1000);
});

test('a limit of the outbox counts all receivers of a message, and nothing is taken in part', async (t) => {
	const node = composedNode(t, { outboxMessagesMax: 5 });
	const toNodes = (count: number) => Array.from({ length: count }, (_, at) => `node${at}`);
	const send = async (count: number) =>
		codes(await accept(node, { method: 'REQPing', toNodes: toNodes(count) }));
	assert.deepEqual(await send(6), ['outbox_full']);
	assert.deepEqual(await send(3), ['ok', 'ok', 'ok']);
	assert.deepEqual(await send(3), ['outbox_full']);
	assert.deepEqual(await send(2), ['ok', 'ok']);
	assert.equal(node.services.outbox.waiting(), 5);
	assert.deepEqual(codes(await accept(node, { ...ping, toNode: 'ship1' })), ['ok']);
});

test('a new key for every message cannot open lanes without end', async (t) => {
	const node = composedNode(t, { lanesMax: 3 });
	const send = async (key: string) => codes(await accept(node, { ...ping, key }));
	for (const key of ['a', 'b', 'c', 'a']) assert.deepEqual(await send(key), ['ok']);
	assert.deepEqual(await send('d'), ['outbox_full']);
	assert.deepEqual(await send('b'), ['ok'], 'lanes that are there stay open');
});

test('many who write at once share the limit', async (t) => {
	const node = composedNode(t, { outboxMessagesMax: 5 });
	const answers = await Promise.all(Array.from({ length: 8 }, () => accept(node, ping)));
	const taken = codes(answers.flat());
	assert.equal(taken.filter((code) => code === 'ok').length, 5);
	assert.equal(taken.filter((code) => code === 'outbox_full').length, 3);
});

test('a full mailbox of this node refuses, and says which', async (t) => {
	const node = composedNode(t, { mailboxMessagesMax: 2 });
	const own = { ...ping, toNode: 'ship1' };
	const answers = [await accept(node, own), await accept(node, own), await accept(node, own)];
	assert.deepEqual(codes(answers.flat()), ['ok', 'ok', 'mailbox_full']);
	assert.deepEqual(codes(await accept(node, { ...own, method: 'REQPong' })), ['ok']);
});

test('a message of ten megabytes is refused, wherever in it they are', async (t) => {
	const node = composedNode(t);
	const large = 'x'.repeat(10_000_000);
	const words = Array.from({ length: 10_000 }, () => 'x'.repeat(1000));
	for (const fields of [
		{ data: large },
		{ data: [large] },
		{ data: Buffer.from(large) },
		{ methodArgs: [large] },
		{ methodArgs: words },
		{ replyMethodArgs: words },
		{ operation: { opCmd: large } },
		{ operation: { opCmd: 'x', opArg: { deep: { deeper: [large] } } } },
	]) {
		assert.deepEqual(codes(await accept(node, { ...ping, ...fields })), ['too_large']);
	}
	assert.equal(node.services.outbox.waiting(), 0);
});

test('an unknown method is refused, unless the birth of its receiver names it', async (t) => {
	const node = composedNode(t);
	const raw = { toNode: 'ship2', method: 'REQOwn' };
	assert.deepEqual(codes(await accept(node, raw)), ['unknown_method']);
	const birth = { v: 1, state: 'online', node: 'ship2', storeId: 's', epoch: 1 } as const;
	node.services.presence.learn({ ...birth, methods: ['REQOwn'] });
	assert.deepEqual(codes(await accept(node, raw)), ['ok']);
	assert.deepEqual(codes(await accept(node, { ...raw, toNode: 'ship3' })), ['unknown_method']);
	assert.deepEqual(codes(await accept(node, { ...raw, toNode: 'ship1' })), ['unknown_method']);
	for (const method of ['constructor', 'toString']) {
		assert.deepEqual(codes(await accept(node, { ...raw, method })), ['unknown_method']);
	}
});

test('a folder or a file that leaves the data folder is refused before anything is sent', async (t) => {
	const node = composedNode(t);
	for (const fields of [
		{ directory: '../etc' },
		{ directory: 'a/../../b' },
		{ directory: 'a\0b' },
		{ fileName: '..' },
		{ fileName: 'a/b' },
		{ fileName: 'a\0b' },
	]) {
		assert.deepEqual(codes(await accept(node, { ...ping, ...fields })), ['path_outside']);
	}
	for (const fields of [{ directory: 'a/.append-x' }, { fileName: '.reeve-x.tmp' }]) {
		assert.deepEqual(codes(await accept(node, { ...ping, ...fields })), ['bad_name']);
	}
	const fine = { directory: '/var/..x/log', fileName: 'a..b' };
	assert.deepEqual(codes(await accept(node, { ...ping, ...fine })), ['ok']);
});

test('whatever is handed in is answered, with a hint, and never throws', async (t) => {
	const node = composedNode(t);
	const hostile: unknown[] = [undefined, null, 5, 'x', [], {}, [[]], Symbol('s'), () => {}];
	for (const raw of [...hostile, { toNode: {}, method: [] }, { ...ping, methodArgs: null }]) {
		const [answer] = await accept(node, raw);
		assert.ok(answer && 'error' in answer && answer.hint.length > 0);
	}
});

test('a node that stops refuses, and one whose disk fails promises nothing', async (t) => {
	const node = composedNode(t);
	node.services.phase.stop();
	assert.deepEqual(codes(await accept(node, ping)), ['stopping']);
	node.services.phase.open();
	await node.journal.close();
	assert.deepEqual(codes(await accept(node, ping)), ['storage_full']);
});

test('what is published on a public topic is a message for its node', async (t) => {
	const node = composedNode(t);
	await publicMessage(node, { id: 'one' });
	await publicMessage(node, [{ id: 'two' }, { id: 'three', toNode: 'ship1', method: 'ping' }]);
	await publicMessage(node, { id: 'four', methodArgs: ['true'] }, 'exec/CommandACK');
	assert.deepEqual(
		['one', 'two', 'three', 'four'].map((id) => node.services.ledger.get(id)?.method),
		['REQPing', 'REQPing', 'REQPing', 'REQCliCommand'],
	);
});

test('a message cannot mean another node, method or kind than its topic', async (t) => {
	const node = composedNode(t);
	for (const fields of [
		{ toNode: 'central' },
		{ tonode: 'central' },
		{ method: 'REQCliCommand', methodArgs: ['true'] },
		{ METHOD: 'REQCliCommand', methodArgs: ['true'] },
		{ kind: 'CommandNACK' },
		{ toNode: null },
		{ toNode: ['ship1'] },
	]) {
		const before = node.seen('message.refused').length;
		await publicMessage(node, { id: 'm', ...fields });
		assert.equal(node.seen('message.refused').length, before + 1, JSON.stringify(fields));
		assert.equal(node.services.ledger.get('m'), undefined, JSON.stringify(fields));
	}
	assert.equal(node.services.outbox.waiting(), 0);
});

test('what is no JSON on a public topic is refused and reported, and others of the list are taken', async (t) => {
	const node = composedNode(t);
	for (const text of ['', '{', '[1,2', 'null', '5', '"x"', '[]', '\0', '{"a":1}{"b":2}']) {
		await publicMessage(node, text);
	}
	assert.equal(node.seen('message.refused').length, 8, 'an empty list asks for nothing');
	await publicMessage(node, [5, null, { id: 'good' }, { id: 'bad', ttl: -1 }]);
	assert.equal(node.seen('message.refused').length, 11);
	assert.ok(node.services.ledger.get('good'));
});

test('an id belongs to its caller and its content: of others it is refused, and never answered', async (t) => {
	const { intake } = composedNode(t, { bodyKeptBytesMax: 2000 }).services;
	const alice = { caller: { kind: 'client', name: 'alice' } } as const;
	const bob = { caller: { kind: 'client', name: 'bob' } } as const;
	const large = 'x'.repeat(2001);
	for (const [id, data] of [
		['small', 'a'],
		['large', large],
	]) {
		const message = { id, toNode: 'ship1', method: 'REQPing', data };
		const [first] = await intake.accept(message, 'spec', alice);
		assert.ok(first && 'id' in first, JSON.stringify(first));
		const [again] = await intake.accept({ ...message, note: 'again' }, 'spec', alice);
		assert.ok(again && 'duplicate' in again, id);
		for (const [other, who] of [
			[message, bob],
			[message, undefined],
			[{ ...message, data: `${data}b` }, alice],
			[{ ...message, fileName: 'f' }, alice],
		] as const) {
			const [refused] = await intake.accept(other, 'spec', who);
			assert.ok(refused && 'error' in refused, JSON.stringify([id, who]));
			assert.equal(refused.error, 'duplicate_id');
		}
	}
});

test('an id that begins like those that nodes derive is refused, whatever way it comes', async (t) => {
	const { intake } = composedNode(t).services;
	for (const start of Object.values(derivedIdStarts)) {
		const message = { id: `${start}1`, toNode: 'ship1', method: 'REQPing' };
		const [refused] = await intake.accept(message, 'spec');
		assert.ok(refused && 'error' in refused, start);
		assert.match(refused.detail, /^id: nodes make those/);
		const own = { caller: { kind: 'local' }, id: `${start}1` } as const;
		const [taken] = await intake.accept({ toNode: 'ship1', method: 'REQPing' }, 'spec', own);
		assert.ok(taken && 'id' in taken && taken.id === `${start}1`, start);
	}
});
