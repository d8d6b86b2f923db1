/**
 * Outcomes that the sender knew and had not written when it died. Its receiver repeats a refusal or
 * a skip only until the sender says, by its `lo`, that it has heard of it: so it must not say so
 * before that is on its disk.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { seededChance } from '../../runtime/platform/clock.ts';
import type { SimulatedNode } from '../../supervisors/testing/simulated-fleet.ts';
import { forSeeds, note, startWorld } from './world.ts';
import { tapWire } from './wire-tap.ts';
import { effort } from '../support/effort.ts';

const config = { unknownMethodGrace: 0 };
/** Longer than any resend takes. */
const longMs = 600_000;

/** The outcome that a message has in the end; undefined if it hangs. */
const outcomeOf = async (node: SimulatedNode, id: string) => {
	const { settled, state } = await node.row(id);
	return settled ? state : undefined;
};

test('a death between hearing a refusal and writing it leaves no message without an outcome', async (t) => {
	const { fleet, world } = startWorld(t, { config });
	const tap = tapWire(fleet);
	const central = await fleet.start('central');
	const methods = world.methods.filter(({ name }) => name !== 'SINK');
	await fleet.start('ship1', { methods });
	tap.swallowAcks(({ from }) => {
		if (from === 'ship1') central.disk.hold();
		return false;
	});
	const sent = ['a', 'b', 'c'].map((id) => central.send(note('ship1', id, { method: 'SINK', id })));
	const ids = await Promise.all(sent);
	await fleet.clock.advance(10_000);
	tap.swallowAcks();
	fleet.kill('central');
	const later = await fleet.start('central');
	await fleet.clock.advance(longMs);
	for (const id of ids) assert.equal(await outcomeOf(later, id), 'refused', id);
	assert.deepEqual(world.runs, []);
});

test('a death between giving up what never left and writing that leaves no message without an outcome', async (t) => {
	const { fleet, world } = startWorld(t, { config });
	const central = await fleet.start('central');
	await fleet.start('ship1');
	await central.send(note('ship1', 'first'));
	await fleet.clock.advance(1000);
	await fleet.halt('ship1');
	await fleet.clock.advance(1000);
	await central.send(note('ship1', 'a', { id: 'a', ttl: 2 }));
	await central.send(note('ship1', 'b', { id: 'b' }));
	central.disk.hold();
	await fleet.clock.advance(10_000);
	await fleet.start('ship1');
	await fleet.clock.advance(10_000);
	fleet.kill('central');
	const later = await fleet.start('central');
	await fleet.clock.advance(longMs);
	assert.equal(await outcomeOf(later, 'a'), 'expired');
	assert.equal(await outcomeOf(later, 'b'), 'done');
	assert.deepEqual(world.ran('ship1'), ['first', 'b']);
});

test('a death between taking a message back and writing that leaves no message without an outcome', async (t) => {
	const { fleet, world } = startWorld(t, { config });
	const tap = tapWire(fleet);
	const central = await fleet.start('central');
	await fleet.start('ship1');
	tap.swallowAcks(({ from }) => from === 'ship1');
	await central.send(note('ship1', 'a', { id: 'a' }));
	await fleet.clock.advance(100);
	for (const id of ['b', 'c']) await central.send(note('ship1', id, { id }));
	central.disk.hold();
	void central.ask({ reeve: 'cancel', ids: ['b'] }).catch(() => undefined);
	await fleet.clock.advance(100);
	const [first] = tap.acks.filter(({ from }) => from === 'ship1');
	tap.swallowAcks();
	if (first) await tap.replay(first.publication);
	await fleet.clock.advance(20_000);
	fleet.kill('central');
	const later = await fleet.start('central');
	await fleet.clock.advance(longMs);
	for (const id of ['a', 'b', 'c']) assert.ok(await outcomeOf(later, id), `${id} has an outcome`);
	const ran = world.ran('ship1');
	assert.equal(ran.includes('b'), (await outcomeOf(later, 'b')) === 'done');
});

test('over random deaths with outcomes that are not written, every message has one that is true', async (t) => {
	await forSeeds(effort(1, 3), async (seed) => {
		const chance = seededChance(seed);
		const faults = { delayMs: [1, 80] } as const;
		const small = { ...config, windowMessagesMax: 3, resendMsMin: 200, claimPauseMs: 1000 };
		const { fleet, world } = startWorld(t, { seed, faults, config: small });
		await fleet.start('ship1', { methods: world.methods.filter(({ name }) => name !== 'SINK') });
		const accepted: string[] = [];
		for (let round = 0; round < 12; round += 1) {
			const central = await fleet.start('central');
			const method = chance() < 0.6 ? 'SINK' : 'NOTE';
			for (let count = 0; count < 9; count += 1) {
				const ttl = chance() < 0.5 ? { ttl: 1 } : {};
				const message = note('ship1', `${round}.${count}`, { method, ...ttl });
				central.send(message).then(
					(id) => accepted.push(id),
					() => undefined,
				);
			}
			await fleet.clock.advance(chance() * 300);
			central.disk.hold();
			if (chance() < 0.3) fleet.hub.part('ship1');
			await fleet.clock.advance(chance() * 2000);
			fleet.kill('central');
			fleet.hub.heal();
		}
		const central = await fleet.start('central');
		await fleet.clock.advance(longMs);
		assert.ok(accepted.length > 50, `${accepted.length} were accepted`);
		for (const id of accepted) {
			const outcome = await outcomeOf(central, id);
			const hasRun = world.runs.some((run) => run.id === id);
			assert.ok(outcome, `${id} has an outcome`);
			assert.equal(hasRun, outcome === 'done', `${id} is ${outcome}`);
		}
		await fleet.stop();
	});
});
