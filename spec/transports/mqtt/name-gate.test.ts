import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createNameGate, createRelay, type ClaimEnd } from '../../../transports/mqtt/name-gate.ts';

const takenOver = 0x8e;

/** A gate whose claims end as given, and the list of its claims. */
function gateWith(ends: ClaimEnd[]) {
	const clock = steppedClock(7);
	const claims: { at: number; isContested: boolean }[] = [];
	const gate = createNameGate({
		clock,
		config: { claimPauseMs: 30_000 },
		claim(isContested) {
			claims.push({ at: clock.monotonic(), isContested });
			return Promise.resolve(ends.shift() ?? 'granted');
		},
	});
	const end = () => gate.end();
	return {
		clock,
		claims,
		gate: { ...gate.connection(), end },
		connection: () => gate.connection(),
	};
}

test('the first connection waits for a claim, and later ones pass at once', async () => {
	const { claims, gate } = gateWith(['granted']);
	assert.deepEqual(await Promise.all([gate.enter(), gate.enter()]), [true, true]);
	assert.equal(await gate.enter(), true);
	assert.deepEqual(claims, [{ at: 0, isContested: false }]);
});

test('a name that is denied is claimed again after half a minute at least, with jitter', async () => {
	const { clock, claims, gate } = gateWith(['denied', 'denied', 'granted']);
	const entered = gate.enter();
	await clock.advance(120_000);
	assert.equal(await entered, true);
	assert.equal(claims.length, 3);
	for (const [index, { at }] of claims.entries()) {
		const pause = at - (claims[index - 1]?.at ?? at - 30_000);
		assert.ok(pause >= 30_000 && pause <= 60_000, `claim ${index} after ${pause} ms`);
	}
});

test('a session that was taken over is not resumed before a contested claim has succeeded', async () => {
	const { clock, claims, gate } = gateWith(['granted', 'denied', 'granted']);
	await gate.enter();
	gate.lost(takenOver);
	let isIn = false;
	const entered = gate.enter().then((may) => (isIn = may));
	await clock.advance(29_999);
	assert.equal(claims.length, 1);
	await clock.advance(120_000);
	await entered;
	assert.equal(isIn, true);
	assert.deepEqual(
		claims.map(({ isContested }) => isContested),
		[false, true, true],
	);
});

test('three unexplained losses in ten seconds count as a take-over, and slower ones do not', async () => {
	const { clock, claims, gate } = gateWith([]);
	await gate.enter();
	for (let loss = 0; loss < 6; loss += 1) {
		gate.lost();
		await clock.advance(5001);
		assert.equal(await gate.enter(), true);
	}
	assert.equal(claims.length, 1);
	gate.lost();
	gate.lost();
	const entered = gate.enter();
	await clock.advance(60_000);
	assert.equal(await entered, true);
	assert.equal(claims.length, 2);
	assert.equal(claims[1]?.isContested, true);
});

test('losses of two connections at a time, or for other reasons, do not count as a take-over', async () => {
	const { clock, claims, gate, connection } = gateWith([]);
	const second = connection();
	await gate.enter();
	for (let restart = 0; restart < 2; restart += 1) {
		gate.lost();
		second.lost();
		await clock.advance(100);
	}
	for (let shutdown = 0; shutdown < 5; shutdown += 1) gate.lost(0x8b);
	assert.equal(await second.enter(), true);
	assert.equal(claims.length, 1);
	second.lost();
	const entered = gate.enter();
	await clock.advance(60_000);
	await entered;
	assert.equal(claims.length, 2);
});

test('a gate that ends refuses those that wait, and leaves no timer', async () => {
	const { clock, gate } = gateWith(['denied']);
	const entered = gate.enter();
	await clock.settle();
	gate.end();
	assert.equal(await entered, false);
	assert.equal(clock.pending(), 0);
	assert.equal(await gate.enter(), false);
});

test('a relay keeps what arrives before it has a receiver, in order', () => {
	const { arrived, onPacket } = createRelay();
	const seen: string[] = [];
	arrived('a', new Uint8Array());
	arrived('b', new Uint8Array());
	onPacket((topic) => seen.push(topic));
	arrived('c', new Uint8Array());
	assert.deepEqual(seen, ['a', 'b', 'c']);
});

test('losses while publications were under way lead to a claim at once', async () => {
	const { clock, claims, gate } = gateWith(['granted', 'granted']);
	await gate.enter();
	for (let times = 0; times < 3; times += 1) gate.lost(undefined, true);
	assert.equal(await gate.enter(), true);
	assert.deepEqual(claims.at(-1), { at: clock.monotonic(), isContested: true });
});
