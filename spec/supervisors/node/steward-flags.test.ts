import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test, { after, before } from 'node:test';
import { configKeys } from '../../../runtime/config/config-file.ts';
import type { RunningNode } from '../../../supervisors/node/node.ts';
import { ask, send, settled, startLocalFleet } from '../../support/local-nodes.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

const timeout = 30_000;

// The timers of a clock keep no process alive while a node waits for its broker; this does.
const vigil = createServer();
before(async () => void (await once(vigil.listen(0, '127.0.0.1'), 'listening')));
after(() => vigil.close());

/** Resolves with the first signal of a node that this is true of. */
function heard(node: RunningNode, is: (text: string) => boolean): Promise<string> {
	return new Promise((resolve) => {
		const look = () => {
			const found = node.signals
				.recent()
				.map((signal) => JSON.stringify(signal))
				.find(is);
			if (found === undefined) return;
			unsubscribe();
			resolve(found);
		};
		const unsubscribe = node.signals.subscribe(look);
		look();
	});
}

test('a method whose switch is off is not taken, and all others are', { timeout }, async (t) => {
	const switches = configKeys.filter((key) => key.startsWith('startSub'));
	assert.ok(switches.length >= 11);
	const fleet = await startLocalFleet(t);
	const off = Object.fromEntries(switches.map((key) => [key, false]));
	const node = await fleet.start('ship1', off);
	for (const key of switches) {
		const method = key.slice('startSub'.length);
		const [answer] = await node.api.accept({ toNode: 'ship1', method }, 'spec');
		assert.deepEqual([key, answer && 'error' in answer && answer.error], [key, 'unknown_method']);
	}
	const id = await send(node, { toNode: 'ship1', method: 'REQNone' });
	assert.equal((await settled(node, id)).state, 'done');
});

test(
	'a node says hello to its central node at the interval of its flag',
	{ timeout },
	async (t) => {
		const fleet = await startLocalFleet(t);
		const base = await fleet.start('base', { centralNodeName: 'base' });
		await fleet.start('ship1', { centralNodeName: 'base', startPubREQHello: 1 });
		const hello = await heard(base, (text) => /"call.ended".*REQHello/.test(text));
		assert.match(hello, /"from":"ship1"/);
	},
);

test(
	'the defaults of timeouts and retries are those of messages that do not say',
	{ timeout },
	async (t) => {
		const fleet = await startLocalFleet(t);
		const central = await fleet.start('central', {
			defaultMessageTimeout: 1,
			defaultMessageRetries: 1,
			defaultMethodTimeout: 1,
		});
		const absent = await settled(
			central,
			await send(central, { toNode: 'ship9', method: 'REQPing' }),
		);
		assert.deepEqual([absent.state, absent.code], ['expired', 'expired']);
		const slow = { toNode: 'central', method: 'REQCliCommand', methodArgs: ['sleep', '20'] };
		const late = await settled(central, await send(central, slow));
		assert.deepEqual([late.state, late.code], ['failed', 'timed_out']);
	},
);

test(
	'error messages go to central, with a timeout and retries of their own',
	{ timeout },
	async (t) => {
		const fleet = await startLocalFleet(t);
		const values = { centralNodeName: 'base', errorMessageTimeout: 1, errorMessageRetries: 1 };
		const ship1 = await fleet.start('ship1', values);
		await ship1.api.accept({ toNode: 'ship1', method: 'REQNothing' }, 'socket');
		await heard(ship1, (text) => text.includes('"error.reported"'));
		await heard(
			ship1,
			(text) => text.includes('"message.settled"') && text.includes('REQErrorLog'),
		);
		const [report] = await ask<MessageRow>(ship1, { reeve: 'messages' });
		assert.deepEqual(
			[report?.method, report?.toNode, report?.state],
			['REQErrorLog', 'base', 'expired'],
		);
	},
);
