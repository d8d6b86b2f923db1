import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { realClock } from '../../../runtime/platform/clock.ts';
import { median } from '../../bench/figure.ts';
import { type Fleet, startFleet } from '../../support/processes.ts';

/** A node that does not answer is a failure, not a wait. */
const bounded = { timeout: 60_000 };

/** Nothing else is needed for a method in plain JavaScript. */
const file = `
export default {
	name: 'REQSpin', aliases: ['spin'], summary: 'Never ends', kind: 'EventACK', isolate: 'worker',
	ordering: 'concurrent', onCrash: 'report', replies: true, example: {},
	args: { safeParse: (data) => ({ success: true, data }) },
	run() { while (true) {} },
};
`;

let folder: string;
let fleet: Fleet;
before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'reeve-methods-'));
	await writeFile(join(folder, 'spin.mjs'), file);
	fleet = await startFleet([]);
	await fleet.start('central', ['--methodsFolder', folder]);
});
after(async () => {
	await fleet.stop();
	await rm(folder, { recursive: true, force: true });
});

/** Sends a message to the node itself, and resolves with its row when it is settled. */
async function send(method: string, more: object = {}) {
	const [answer] = await fleet.send('central', [{ toNode: 'central', method, ...more }]);
	assert.ok(answer && 'id' in answer, JSON.stringify(answer));
	const [row] = await fleet.settled('central', [answer.id]);
	return row;
}

/** Milliseconds from a ping, through the socket and the journal, to its outcome. */
async function ping(): Promise<number> {
	const since = realClock.monotonic();
	const row = await send('REQPing');
	assert.equal(row?.state, 'done');
	return realClock.monotonic() - since;
}

test(
	'a method in an endless loop is stopped at its time, and the node answers pings as before',
	bounded,
	async () => {
		for (let time = 0; time < 20; time += 1) await ping();
		const before: number[] = [];
		for (let time = 0; time < 60; time += 1) before.push(await ping());

		const since = realClock.monotonic();
		let isOver = false;
		const spinning = send('REQSpin', { methodTimeout: 3 }).finally(() => (isOver = true));
		const meanwhile: number[] = [];
		while (!isOver) meanwhile.push(await ping());
		const row = await spinning;
		const tookMs = realClock.monotonic() - since;

		assert.equal(row?.state, 'failed');
		assert.equal(row?.code, 'timed_out');
		assert.ok(tookMs >= 2900, `it took ${tookMs} ms`);
		assert.ok(meanwhile.length >= 3, `there were only ${meanwhile.length} pings`);
		const [was, is] = [median(before), median(meanwhile)];
		// The loop has a core of its own at most: nothing waits for it, though all may be a little
		// slower.
		assert.ok(is < 5 * was, `a ping took ${is} ms, ${was} ms before`);
	},
);
