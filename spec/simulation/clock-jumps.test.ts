import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { defineActor } from '../../actors/definition/definition.ts';
import { seededChance } from '../../runtime/platform/clock.ts';
import type { SimulatedFleet } from '../../supervisors/testing/simulated-fleet.ts';
import { randomJump } from './nemesis.ts';
import { forSeeds, note, startWorld, storedContexts, type World } from './world.ts';
import { effort } from '../support/effort.ts';

const minuteMs = 60_000;
const yearMs = 365 * 86_400_000;

const bell = defineActor({
	name: 'bell',
	version: 1,
	machine: setup({
		types: { context: {} as { rings: number }, events: {} as { type: 'SET' } },
	}).createMachine({
		id: 'bell',
		context: { rings: 0 },
		initial: 'still',
		states: {
			still: { on: { SET: 'set' } },
			set: {
				after: {
					60_000: {
						target: 'set',
						reenter: true,
						actions: assign({ rings: ({ context }) => context.rings + 1 }),
					},
				},
			},
		},
	}),
});

/** How often the messages of these first arguments have run. */
const runsOf = (world: World, arg: string) => world.runs.filter((run) => run.arg === arg).length;

/** Sends messages to the node itself, which runs them again and again. */
async function sendSchedules(fleet: SimulatedFleet, name: string): Promise<void> {
	const node = fleet.node(name);
	const often = { methodTimeout: 30 };
	await node.send(note(name, 'every', { ...often, schedule: { every: 2 } }));
	await node.send(note(name, 'cron', { ...often, schedule: { cron: '* * * * * *' } }));
	await node.send({ toNode: name, method: 'bell', methodArgs: ['SET'] });
}

test('clock jumps: schedules of a clock in 2037 go on when it is set to today, and after a restart', async (t) => {
	const { fleet, world } = startWorld(t, { actors: [bell] });
	await fleet.start('ship1', { shiftMs: 11 * yearMs });
	await sendSchedules(fleet, 'ship1');
	await fleet.clock.advance(minuteMs);
	const passes = async (what: string): Promise<void> => {
		const before = { every: runsOf(world, 'every'), cron: runsOf(world, 'cron') };
		await fleet.clock.advance(2 * minuteMs);
		const every = runsOf(world, 'every') - before.every;
		const cron = runsOf(world, 'cron') - before.cron;
		assert.ok(every >= 59 && every <= 61, `${what}: every 2 s ran ${every} times in two minutes`);
		assert.ok(cron >= 57 && cron <= 121, `${what}: * * * * * * ran ${cron} times`);
	};
	fleet.node('ship1').shiftClock(-11 * yearMs);
	await passes('set back to today');
	fleet.kill('ship1');
	await fleet.start('ship1');
	await passes('after a restart');
	fleet.kill('ship1');
	await fleet.start('ship1', { boot: 'second', shiftMs: -56 * yearMs });
	await passes('in 1970, on a machine that was restarted');
	fleet.node('ship1').shiftClock(56 * yearMs);
	await passes('set to today');
});

test('clock jumps: durations are what they were, whatever the clock shows and whenever the node dies', async (t) => {
	await forSeeds(effort(1, 3), async (seed) => {
		const chance = seededChance(seed);
		const config = {
			resendMsMax: 5000,
			claimPauseMs: 1000,
			attemptsMax: 1000,
			defaultMessageTtl: 3600,
		};
		const { fleet, world } = startWorld(t, { seed, actors: [bell], config });
		await fleet.start('central');
		await fleet.start('ship1');
		await sendSchedules(fleet, 'ship1');
		const since = fleet.clock.monotonic();
		const far = await fleet.node('ship1').send(note('nowhere', 'far', { ttl: 2000 }));
		const near = await fleet.node('ship1').send(note('elsewhere', 'near', { ttl: 300 }));
		const sent: string[] = [];
		let shiftMs = 0;
		let restarts = 0;
		const expectBell = (): void => {
			const { rings = 0 } =
				storedContexts<{ rings: number }>(fleet.folder('ship1'), 'bell')[''] ?? {};
			const passed = (fleet.clock.monotonic() - since) / minuteMs;
			assert.ok(Math.abs(rings - passed) <= 1.5, `${rings} rings in ${passed} minutes`);
		};
		for (let round = 0; round < 10; round += 1) {
			// Around the present, so that the clock stays within a century of it.
			const byMs = randomJump(chance) - shiftMs;
			shiftMs += byMs;
			if (chance() < 0.4) {
				fleet.kill('ship1');
				await fleet.start('ship1', { shiftMs });
				restarts += 1;
			} else fleet.node('ship1').shiftClock(byMs);
			sent.push(await fleet.node('central').send(note('ship1', `${round}`)));
			await fleet.clock.advance(minuteMs);
			expectBell();
			const row = await fleet.node('ship1').row(near);
			const isOver = fleet.clock.monotonic() - since > 310_000;
			// An earlier process may have sent it: it waits for the receiver's word on that.
			const isGivenUp = ['expired', 'giving_up'].includes(row.state);
			if (isGivenUp) assert.ok(fleet.clock.monotonic() - since >= 300_000);
			else assert.ok(!isOver, `it is ${row.state} after its time to live`);
		}
		const minutes = (fleet.clock.monotonic() - since) / minuteMs;
		const every = runsOf(world, 'every');
		assert.ok(
			Math.abs(every - 30 * minutes) <= 3 + restarts,
			`${every} runs in ${minutes} minutes`,
		);
		assert.ok(runsOf(world, 'cron') >= 30 * minutes, `${runsOf(world, 'cron')} runs by the clock`);
		assert.equal((await fleet.node('ship1').row(far)).state, 'queued', 'it has time left');
		for (const id of sent) assert.equal((await fleet.node('central').row(id)).state, 'done');
		await fleet.stop();
	});
});

test('clock jumps: what people see of messages is by the clock as it is set now', async (t) => {
	const { fleet } = startWorld(t);
	const ship = await fleet.start('ship1', { shiftMs: -56 * yearMs });
	const early = await ship.send(note('ship1', 'early'));
	await fleet.clock.advance(minuteMs);
	ship.shiftClock(56 * yearMs);
	const late = await ship.send(note('ship1', 'late'));
	await fleet.clock.advance(1000);
	const rows = await ship.ask<{ id: string; sentAt: number }>({ reeve: 'messages', limit: 10 });
	assert.deepEqual(
		rows.map(({ id }) => id),
		[late, early],
		'the newest first',
	);
	const ages = rows.map(({ sentAt }) => fleet.clock.now() - sentAt);
	assert.ok(Math.abs((ages[1] ?? 0) - 61_000) < 2000, `${ages[1]}`);
	const where = { state: 'done', olderThanMs: 30_000 };
	const dropped = await ship.ask<{ id: string }>({ reeve: 'drop', where });
	assert.deepEqual(
		dropped.map(({ id }) => id),
		[early],
		'and so are the ages in filters',
	);
});
