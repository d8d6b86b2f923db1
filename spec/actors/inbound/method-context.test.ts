import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { createMethodContext } from '../../../actors/inbound/method-context.ts';
import { createMessageRuns } from '../../../actors/inbound/message-run.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';
import { messageOf } from '../../support/messages.ts';
import { receivingSide, specMethod } from '../../support/method-call.ts';

const contextOf = (node: ComposedNode, fields: Parameters<typeof messageOf>[0] = {}) => {
	const printed: string[] = [];
	const context = createMethodContext(
		{
			...node.services,
			storeId: node.journal.storeId,
			definition: specMethod(),
			print: (from, text) => Promise.resolve(void printed.push(`${from}: ${text}`)),
		},
		{
			message: messageOf({ method: 'REQSpec', ...fields }),
			from: 'ship2',
			principals: [],
			attempt: 2,
		},
	);
	return { context, printed };
};

test('a method is told where it runs, how often it was started, and how long it may take', (t) => {
	const node = composedNode(t, { defaultMethodTimeout: 7, outputBytesMax: 5000 });
	const { context } = contextOf(node);
	assert.deepEqual([context.node, context.attempt, context.timeoutMs], ['ship1', 2, 7000]);
	assert.deepEqual([context.storeId, context.outputBytesMax], [node.journal.storeId, 5000]);
	assert.equal(contextOf(node, { methodTimeout: 3 }).context.timeoutMs, 3000);
	assert.equal(contextOf(node, { methodTimeout: 0 }).context.timeoutMs, 7000);
});

test('an interim reply is a message of its own, without an outcome', async (t) => {
	const node = composedNode(t);
	const side = receivingSide(node, () => Promise.resolve());
	await contextOf(node, { replyMethod: 'REQToFileAppend' }).context.reply('one of several');
	await node.journal.commit([]);
	const [reply] = side.replies();
	assert.deepEqual(
		[reply?.data, reply?.result, reply?.inReplyTo],
		['one of several', undefined, 'm1'],
	);
});

test('an interim reply with half a surrogate pair is refused', async (t) => {
	await assert.rejects(contextOf(composedNode(t)).context.reply('half \ud800'), {
		code: 'not_sendable',
	});
});

test('a sender that asked for no interim replies gets none', async (t) => {
	const node = composedNode(t);
	await contextOf(node).context.reply('for nobody');
	await contextOf(node, { inReplyTo: 'm0', replyMethod: 'REQToFile' }).context.reply('to a reply');
	await node.journal.commit([]);
	assert.equal(node.journal.count('outbox'), 0);
});

test('an interim reply of a node that stops does not end the process', async (t) => {
	const node = composedNode(t);
	const { context } = contextOf(node, { replyMethod: 'REQToFile' });
	await node.journal.close();
	await context.reply('too late');
	await node.clock.settle();
});

test('what it prints is marked with who asked for it, and files lie in the data folder only', async (t) => {
	const node = composedNode(t);
	const { context, printed } = contextOf(node);
	await context.print('hello');
	assert.deepEqual(printed, ['central: hello']);
	assert.equal(await context.dataFile('a', 'f'), join(node.folder, 'a', 'f'));
	await assert.rejects(context.dataFile('../f'), { code: 'path_outside' });
});

test('progress is noted with the reply that makes it, and forgives earlier starts', async (t) => {
	const node = composedNode(t);
	let count = 0;
	const side = receivingSide(node, async (_message, context) => {
		await Promise.resolve();
		count += 1;
		if (count === 2) return { data: String(context.progress) };
		await context.reply('line', 'so far');
		throw new TypeError('it dies');
	});
	const row = await side.file({ id: 'm1', replyMethod: 'REQToFileAppend' });
	const messageRuns = createMessageRuns(side.parts);
	const ran = messageRuns.run(row);
	while (count < 2) {
		await node.clock.advance(100);
		await node.journal.commit([]);
	}
	await ran;
	const [line, last] = side.replies();
	assert.deepEqual([line?.data, line?.result], ['line', undefined]);
	assert.deepEqual([last?.data, last?.result?.outcome], ['so far', 'done']);
	assert.equal(node.journal.count('started'), 0);
});

test('a run of any length is asked for with -1, and a method may have its own time', (t) => {
	const node = composedNode(t);
	const year = 31_536_000_000;
	assert.ok(contextOf(node, { methodTimeout: -1 }).context.timeoutMs > 50 * year);
	const definition = specMethod({ timeoutOf: () => 60 });
	const parts = { ...node.services, storeId: 's', definition, print: () => Promise.resolve() };
	const own = createMethodContext(parts, {
		message: messageOf(),
		from: 'ship2',
		principals: [],
		attempt: 1,
	});
	assert.equal(own.timeoutMs, 60_000);
});

test('there is capacity for more replies until the outbox is full', (t) => {
	assert.equal(contextOf(composedNode(t)).context.hasCapacity(), true);
	const full = composedNode(t, { outboxMessagesMax: 1 });
	full.services.outbox.append(messageOf({ toNode: 'central' }));
	assert.equal(contextOf(full).context.hasCapacity(), false);
});
