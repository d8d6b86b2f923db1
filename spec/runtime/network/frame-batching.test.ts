import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { createFrameBatching } from '../../../runtime/network/frame-batching.ts';
import { configOf } from '../../../runtime/config/config.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import type { FrameContent } from '../../../runtime/protocol/frame.ts';
import type { Verdict } from '../../../runtime/network/transport.ts';

/** A frame of a lane with so many rows of so many bytes, from a number on. */
function frameOf(
	lane: string,
	{ rows = 1, bytes = 10, first = 1 }: { rows?: number; bytes?: number; first?: number } = {},
): FrameContent {
	return {
		lane,
		lo: 1,
		first,
		rows: Array.from({ length: rows }, (_, index) => ({
			id: `${lane}${first + index}`,
			ttlMs: 1000,
			body: Buffer.alloc(bytes),
		})),
	};
}

const shown = ({ lane, first, rows }: FrameContent) =>
	`${lane}:${first}${rows.length > 1 ? `-${first + rows.length - 1}` : ''}`;

/** A bundling whose broker answers so, and what it was given: a line for each publication. */
function bundlingOf(verdictOf: (bytes: number) => Verdict = () => 'taken', bytesMax = 10_000) {
	const clock = steppedClock();
	const published: string[] = [];
	const refused: string[] = [];
	let turns = 0;
	const barred: string[] = [];
	const made = createFrameBatching({
		bytesMax,
		clock,
		config: configOf({ hangUpsMax: 2 }),
		onBarred: (topic) => barred.push(topic),
		publish(topic, frames) {
			const rows = frames.flatMap((frame) => frame.rows);
			const verdict = verdictOf(rows.reduce((sum, { body }) => sum + (body?.length ?? 0), 0));
			const line = `${topic} ${frames.map(shown).join(' ')}`;
			const given = bundling.hangsUp(line) ? 'hung_up' : verdict;
			published.push(`${line} ${given}`);
			return Promise.resolve(given);
		},
		onSent: () => (turns += 1),
	});
	const frameBatching = {
		...made,
		add: (topic: string, frame: FrameContent) =>
			made.add(topic, frame, {
				unsendable(seq, why) {
					refused.push(`${frame.lane}:${seq}${why === 'too_large' ? '' : ` ${why}`}`);
					return true;
				},
			}),
	};
	const settle = () => clock.settle();
	const bundling = {
		frameBatching,
		published,
		refused,
		barred,
		clock,
		turns: () => turns,
		settle,
		/** Whether the broker hangs up on what this line shows. */
		hangsUp: (_line: string): boolean => false,
	};
	return bundling;
}

test('frames of one turn for one topic leave together, in order; others by themselves', async () => {
	const { frameBatching, published, turns, settle } = bundlingOf();
	frameBatching.add('ship1', frameOf('a'));
	frameBatching.add('ship2', frameOf('c'));
	frameBatching.add('ship1', frameOf('b', { rows: 3 }));
	assert.deepEqual(published, []);
	await settle();
	frameBatching.add('ship1', frameOf('a', { rows: 1, bytes: 10, first: 2 }));
	await settle();
	assert.deepEqual(published, ['ship1 a:1 b:1-3 taken', 'ship2 c:1 taken', 'ship1 a:2 taken']);
	assert.equal(turns(), 2);
});

test('what is more than one publication may have is divided', async () => {
	const { frameBatching, published, settle } = bundlingOf(undefined, 550);
	frameBatching.add('t', frameOf('a', { rows: 2, bytes: 100 }));
	frameBatching.add('t', frameOf('b', { rows: 1, bytes: 2000 }));
	frameBatching.add('t', frameOf('c', { rows: 4, bytes: 100 }));
	frameBatching.add('t', frameOf('d', { rows: 1, bytes: 10 }));
	await settle();
	assert.deepEqual(published, [
		't a:1-2 taken',
		't b:1 taken',
		't c:1-2 taken',
		't c:3-4 d:1 taken',
	]);
});

test('what a broker finds too large is divided until it takes it, and that is remembered', async () => {
	const { frameBatching, published, settle } = bundlingOf((bytes) =>
		bytes > 1000 ? 'too_large' : 'taken',
	);
	frameBatching.add('t', frameOf('a', { rows: 8, bytes: 200 }));
	frameBatching.add('t', frameOf('b', { rows: 1, bytes: 200 }));
	await settle();
	const taken = () => published.splice(0).filter((line) => line.endsWith(' taken'));
	assert.deepEqual(taken(), ['t a:1-4 taken', 't a:5-8 taken', 't b:1 taken']);
	frameBatching.add('t', frameOf('a', { rows: 8, bytes: 200, first: 9 }));
	await settle();
	assert.deepEqual(published.splice(0), ['t a:9-12 taken', 't a:13-16 taken']);
	frameBatching.forgetLimit();
	frameBatching.add('t', frameOf('a', { rows: 8, bytes: 200, first: 17 }));
	await settle();
	assert.equal(published[0], 't a:17-24 too_large', 'another broker may take more');
});

test('of a single message that is too large its lane is told', async () => {
	const { frameBatching, published, refused, settle } = bundlingOf((bytes) =>
		bytes > 1000 ? 'too_large' : 'taken',
	);
	frameBatching.add('t', frameOf('a', { rows: 1, bytes: 2000 }));
	frameBatching.add('t', frameOf('b', { rows: 1, bytes: 100 }));
	await settle();
	assert.deepEqual(published.splice(0), ['t a:1 b:1 too_large', 't a:1 too_large', 't b:1 taken']);
	assert.deepEqual(refused, ['a:1']);
	frameBatching.add('t', frameOf('b', { rows: 3, bytes: 300, first: 2 }));
	await settle();
	assert.deepEqual(published, ['t b:2-4 taken'], 'others may still be as large as before');
});

test('whatever the limits are, each row is taken once', async () => {
	const sizes = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 20 })));
	const limits = fc.tuple(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 50, max: 3000 }));
	await fc.assert(
		fc.asyncProperty(sizes, limits, async (frames, [ours, brokers]) => {
			const clock = steppedClock();
			const taken = new Map<string, number[]>([
				['a', []],
				['b', []],
				['c', []],
			]);
			const frameBatching = createFrameBatching({
				bytesMax: ours,
				clock,
				config: configOf(),
				onBarred: () => assert.fail('nothing hangs up'),
				publish(_topic, bundle) {
					const count = bundle.flatMap(({ rows }) => rows).length;
					if (count * 50 > brokers) return Promise.resolve('too_large');
					for (const { lane = '', first, rows } of bundle) {
						for (const index of rows.keys()) taken.get(lane)?.push(first + index);
					}
					return Promise.resolve('taken');
				},
				onSent: () => {},
			});
			const next = new Map<string, number>();
			for (const [lane, rows] of frames) {
				const first = next.get(lane) ?? 1;
				next.set(lane, first + rows);
				frameBatching.add('t', frameOf(lane, { rows, bytes: 50, first }), {
					unsendable: () => assert.fail('each of them fits'),
				});
			}
			await clock.settle();
			for (const [lane, seen] of taken) {
				const count = (next.get(lane) ?? 1) - 1;
				assert.deepEqual(
					seen.toSorted((one, other) => one - other),
					seen.length > 0 ? range(count) : [],
				);
				assert.equal(seen.length, count);
			}
		}),
		{ numRuns: 200 },
	);
});

const range = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** What the broker does with rows of these numbers, and what is sent until it is found out. */
async function sendUntilQuiet(
	bundling: ReturnType<typeof bundlingOf>,
	rows: readonly number[],
): Promise<readonly string[]> {
	const { frameBatching, published, refused, settle } = bundling;
	const left = new Set(rows);
	for (let tries = 0; left.size > 0 && tries < 40; tries += 1) {
		published.length = 0;
		frameBatching.add('t', frameOf('a', { rows: left.size, first: Math.min(...left) }));
		await settle();
		for (const line of published.filter((each) => each.endsWith('taken'))) {
			const [, from = '', to = from] = /a:(\d+)(?:-(\d+))?/.exec(line) ?? [];
			for (let seq = Number(from); seq <= Number(to); seq += 1) left.delete(seq);
		}
		for (const line of refused) left.delete(Number(/\d+/.exec(line)?.[0]));
	}
	return refused;
}

test('one publication that breaks the connection is found by halves, and given up alone', async () => {
	const bundling = bundlingOf();
	const broken = (line: string) => {
		const [, from = '0', to = from] = /a:(\d+)(?:-(\d+))?/.exec(line) ?? [];
		return Number(from) <= 5 && Number(to) >= 5;
	};
	bundling.hangsUp = broken;
	assert.deepEqual(await sendUntilQuiet(bundling, range(8)), ['a:5 hung_up']);
	assert.deepEqual(bundling.barred, []);
});

test('one publication that breaks the connection with a mere skip bars its topic for a while', async () => {
	const bundling = bundlingOf();
	const { frameBatching, published, refused, settle, clock, barred } = bundling;
	bundling.hangsUp = () => true;
	const skip = { lane: 'a', lo: 1, first: 1, rows: [{ id: 'x', ttlMs: 1, skip: true as const }] };
	for (let times = 0; times < 3; times += 1) {
		frameBatching.add('t', skip);
		await settle();
	}
	assert.deepEqual([published.length, barred], [2, ['t']]);
	assert.deepEqual(refused, ['a:1 barred', 'a:1 barred']);
	frameBatching.add('u', frameOf('b'));
	await settle();
	assert.equal(published.length, 3, 'other topics are served');
	await clock.advance(60_000);
	for (let times = 0; times < 3; times += 1) {
		frameBatching.add('t', skip);
		await settle();
	}
	assert.equal(published.length, 5, 'it is tried again');
	await clock.advance(60_000);
	frameBatching.add('t', skip);
	await settle();
	assert.equal(published.length, 5, 'the next pause is longer');
	await clock.advance(60_000);
	bundling.hangsUp = () => false;
	frameBatching.add('t', skip);
	await settle();
	assert.equal(published.length, 6);
});

test('a topic that the broker refuses with a reason is told once, until it takes something', async () => {
	const answers: Verdict[] = ['refused', 'refused', 'taken', 'refused'];
	const { frameBatching, barred, refused, settle } = bundlingOf(() => answers.shift() ?? 'taken');
	const counts: number[] = [];
	for (let times = 0; times < 4; times += 1) {
		frameBatching.add('t', frameOf('a'));
		await settle();
		counts.push(barred.length);
	}
	assert.deepEqual(counts, [1, 1, 1, 2]);
	assert.deepEqual(refused, [], 'the messages wait');
});
