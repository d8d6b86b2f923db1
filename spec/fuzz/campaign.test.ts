import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import process from 'node:process';
import test from 'node:test';
import { runCampaign, type Outcome } from './campaign.ts';
import type { Input, OpenWay, Way } from './way.ts';

/** Bytes below it fail. */
const goodMin = 0x40;
const stopMsMax = 60;

/** A way that does this with an input which has such a byte, and is otherwise without fault. */
function wayWith(fault: (own: { faults: string[] }) => void | Promise<void>): Way {
	return {
		name: 'planted',
		short: 0,
		together: 5,
		input: (chance) => ({ bytes: chance.bytes(2), about: {} }),
		open(t) {
			const own = { faults: [] as string[] };
			const give: OpenWay['give'] = async ({ bytes }: Input) => {
				if (bytes.some((byte) => byte < goodMin)) await fault(own);
			};
			const good = () =>
				own.faults.includes('lost') ? Promise.reject(new Error('lost')) : Promise.resolve();
			t.after(() => void own.faults.splice(0));
			return Promise.resolve({ give, good, faults: () => own.faults.splice(0) });
		},
	};
}

/** What a spec about something else allows, however busy the machine is. */
const anyStop = 60_000;

const run = (way: Way, stop = anyStop): Promise<Outcome> =>
	runCampaign({ way, seed: 3, first: 1, goesOn: (number) => number <= 20, stopMsMax: stop });

/** For a time of work, not of the clock: other processes may have the processor meanwhile. */
function block(): void {
	const before = process.cpuUsage();
	for (let usedMs = 0; usedMs < 2 * stopMsMax;) {
		for (let turns = 0; turns < 100_000; turns += 1) Math.sqrt(turns);
		const { user, system } = process.cpuUsage(before);
		usedMs = (user + system) / 1000;
	}
}

const planted: readonly (readonly [
	title: string,
	fault: Parameters<typeof wayWith>[0],
	what: RegExp,
])[] = [
	['a wrong answer', () => Promise.reject(new Error('a wrong answer')), /a wrong answer/],
	['a fault that no caller is told', ({ faults }) => void faults.push('a crash'), /a crash/],
	['a good message that is lost', ({ faults }) => void faults.push('lost'), /lost/],
	['a loop that stands still', block, /stood still for \d+ ms/],
];

for (const [title, fault, what] of planted) {
	test(`${title} is found, with the number of its input, and made smaller`, async () => {
		const stop = fault === block ? stopMsMax : anyStop;
		const { finding } = await run(wayWith(fault), stop);
		assert.match(finding?.what ?? '', what);
		assert.match(finding?.smaller ?? '', /^1 bytes: /);
		// The same input, made again without those before it.
		const { number = 0 } = finding ?? {};
		const again = await runCampaign({
			way: wayWith(fault),
			seed: 3,
			first: number,
			goesOn: (next) => next === number,
			stopMsMax: stop,
		});
		assert.equal(again.finding?.input, finding?.input);
	});
}

test('memory that is kept for inputs is found', async () => {
	const kept: number[][] = [];
	const way = wayWith(() => undefined);
	const open: Way['open'] = async (t) => ({
		...(await way.open(t)),
		give() {
			kept.push(Array.from<number>({ length: 500_000 }).fill(0.5));
			return Promise.resolve();
		},
	});
	const { finding } = await runCampaign({
		way: { ...way, together: 1, open },
		seed: 3,
		first: 1,
		goesOn: (number) => number <= 16,
		stopMsMax: anyStop,
	});
	assert.match(finding?.what ?? '', /the heap has grown by \d+ KB/);
	assert.ok(kept.length > 0);
});

test('a way in which all holds has no finding, and leaves nothing open', async () => {
	const way = wayWith(() => undefined);
	const outcome = await run({
		...way,
		async open(t) {
			const server = createServer().listen(0, '127.0.0.1');
			t.after(() => new Promise((resolve) => void server.close(resolve)));
			return way.open(t);
		},
	});
	assert.equal(outcome.finding, undefined);
	assert.equal(outcome.inputs, 20);
});
