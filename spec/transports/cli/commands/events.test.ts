import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import events from '../../../../transports/cli/commands/events.ts';
import type { CommandTools } from '../../../../transports/cli/arguments/command.ts';
import type { Interrupts } from '../../../../transports/cli/arguments/interrupts.ts';
import type { Screen } from '../../../../transports/cli/output/render.ts';
import { steppedClock } from '../../../../runtime/platform/clock.ts';
import { temporaryFolder } from '../../../support/temporary.ts';

test('a buffer without bound: a reader that stands still is waited for at each event', async (t) => {
	const socket = join(temporaryFolder(t), 'socket');
	const rows = 1000;
	const node = createServer({ allowHalfOpen: true }, (client) => {
		client.once('data', () => {
			const row = JSON.stringify({ row: { type: 'spec.happened' } });
			client.end(`${`${row}\n`.repeat(rows)}{"end":true}\n`);
		});
	}).listen(socket);
	await once(node, 'listening');
	t.after(() => void node.close());
	let [held, most, shown] = [0, 0, 0];
	const screen: Partial<Screen> = {
		closed: new AbortController().signal,
		out() {
			held += 1;
			shown += 1;
			most = Math.max(most, held);
		},
		async drained() {
			await new Promise((resolve) => setImmediate(resolve));
			held = 0;
		},
	};
	const tools: Partial<CommandTools> = {
		screen: screen as Screen,
		clock: steppedClock(),
		interrupts: { signal: new AbortController().signal } as Interrupts,
		environment: {},
	};
	const options = { follow: true, socket, output: 'json' };
	await events.run({ words: [], rest: undefined, options }, tools as CommandTools);
	assert.equal(shown, rows);
	assert.equal(most, 1);
});
