import assert from 'node:assert/strict';
import test from 'node:test';
import type { Answer } from '../../../runtime/network/transport.ts';
import { missing, startMosquitto } from '../../support/broker.ts';
import { signalOf, startLocalNode } from '../../support/local-nodes.ts';
import type { MessageRow } from '../../../runtime/ledger/message-state.ts';

const timeout = 60_000;

const idOf = (answer: Answer | undefined): string =>
	answer && 'id' in answer ? answer.id : assert.fail(JSON.stringify(answer));

test(
	'what a broker does not take is sent in pieces, or refused if it is a single message',
	{ timeout, skip: missing('mosquitto') },
	async (t) => {
		const { address: broker } = await startMosquitto(t, { lines: ['max_packet_size 20000'] });
		const central = await startLocalNode(t, { name: 'central', broker });
		await startLocalNode(t, { name: 'ship1', broker });
		await signalOf(central, 'node.seen');
		const ping = (bytes: number) => ({
			toNode: 'ship1',
			method: 'REQPing',
			data: 'x'.repeat(bytes),
		});
		// Together they are far more than the broker takes at once.
		const sizes = [...Array.from({ length: 50 }, () => 5000), 50_000, 5000];
		const answers = await Promise.all(
			sizes.map((bytes) => central.api.accept(ping(bytes), 'spec')),
		);
		const ids = answers.map(([answer]) => idOf(answer));
		const states = new Map<string, MessageRow>();
		const { signal } = new AbortController();
		for await (const row of central.api.ask({ reeve: 'watch', ids }, signal)) {
			const seen = row as MessageRow;
			states.set(seen.id, seen);
		}
		const refused = [...states.values()].filter(({ state }) => state !== 'done');
		assert.equal(states.size, sizes.length);
		assert.deepEqual(
			refused.map(({ id, state, code }) => [ids.indexOf(id), state, code]),
			[[50, 'refused', 'too_large']],
		);
		assert.match(refused[0]?.why ?? '', /broker/);
	},
);
