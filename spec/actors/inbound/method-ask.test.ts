import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { askMessage } from '../../../actors/inbound/method-ask.ts';
import type { Asked } from '../../../runtime/method/method.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { composedNode, type ComposedNode } from '../../support/composed-node.ts';
import { createMethodRunner } from '../../support/method-call.ts';

const question: Asked = { id: 'a1', toNode: 'central', method: 'ping', methodArgs: [] };

const ask = ({ services }: ComposedNode, asked: Asked, signal?: AbortSignal) =>
	askMessage(services, asked, signal);

/** Settles what was asked, as its reply does. */
async function settle(
	{ services, journal }: ComposedNode,
	id: string,
	output: string,
): Promise<void> {
	await journal.commit(services.ledger.settle(id, { outcome: 'done', exitCode: 0 }, output));
	services.ledger.settled(id);
}

test('a method that asks gets the outcome with its output', async (t) => {
	const node = composedNode(t);
	const asked = ask(node, question);
	await node.journal.commit([]);
	assert.equal(node.services.ledger.get('a1')?.method, 'REQPing');
	await settle(node, 'a1', 'pong');
	const { result, output, isCut } = await asked;
	assert.deepEqual([result.outcome, output, isCut], ['done', 'pong', false]);
});

test('an id that was asked before is not asked again, whether it is settled or not', async (t) => {
	const node = composedNode(t);
	const first = ask(node, question);
	await node.journal.commit([]);
	const second = ask(node, question);
	await settle(node, 'a1', 'pong');
	assert.equal((await first).output, 'pong');
	assert.equal((await second).output, 'pong');
	assert.equal((await ask(node, question)).output, 'pong');
	assert.equal(node.journal.count('outbox'), 1);
});

test('output that the ledger has cut is marked as cut', async (t) => {
	const node = composedNode(t, { outputKeptBytesMax: 100 });
	const asked = ask(node, question);
	await node.journal.commit([]);
	await settle(node, 'a1', 'x'.repeat(200));
	assert.equal((await asked).isCut, true);
});

test('a raised signal ends the wait', async (t) => {
	const node = composedNode(t);
	const controller = new AbortController();
	const asked = ask(node, question, controller.signal);
	controller.abort(new ReeveError('timed_out'));
	await assert.rejects(asked, { code: 'timed_out' });
	await assert.rejects(ask(node, question, controller.signal), { code: 'timed_out' });
});

/** Runs a relay whose message ends so. */
function relay(t: TestContext, result: object, { output = '', isCut = false } = {}) {
	const asked: Asked[] = [];
	const running = createMethodRunner(t).run(
		'relay',
		{ id: 'm1', methodArgs: ['ship2', 'exec', 'uptime'], data: 'd' },
		{
			async ask(message) {
				await Promise.resolve(asked.push(message));
				return { result: result as { outcome: 'done' }, output, isCut };
			},
		},
	);
	return { running, asked };
}

test('a relay asks with an id of its own message, and hands the outcome back', async (t) => {
	const { running, asked } = relay(t, { outcome: 'done', exitCode: 0 }, { output: 'up\n' });
	assert.deepEqual(await running, { data: 'up\n', exitCode: 0 });
	const [message] = asked;
	assert.deepEqual(
		[message?.id, message?.toNode, message?.method, message?.methodArgs, message?.data],
		['relayed', 'ship2', 'exec', ['uptime'], 'd'],
	);
});

test('a relayed message that fails is a failure with its code', async (t) => {
	const failed = { outcome: 'failed', code: 'command_failed', detail: 'exit code 7', exitCode: 7 };
	const { running } = relay(t, failed, { output: 'out' });
	const detail = 'ship2: failed, exit code 7';
	assert.deepEqual(await running, { data: 'out', exitCode: 7, code: 'command_failed', detail });
	await assert.rejects(relay(t, { outcome: 'expired', code: 'expired' }).running, {
		code: 'expired',
	});
	await assert.rejects(relay(t, { outcome: 'refused', code: 'odd' }).running, { code: 'internal' });
	assert.equal(
		(await relay(t, { outcome: 'done' }, { output: 'half', isCut: true }).running)?.code,
		'output_too_large',
	);
});
