/**
 * A test of a method of one's own against crashes, partitions and full disks: `npx tsx
 * examples/testing.ts`. Nothing in it waits for real: an hour takes as long as what happens in it.
 *
 * @module
 */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { defineMethod } from '../runtime/method/method.ts';
import { simulateFleet } from '../supervisors/testing/testing.ts';

const greeted: string[] = [];

/** The method that is tested; after a crash it may run again, so a second run must do no harm. */
const greet = defineMethod({
	name: 'GREET',
	aliases: [],
	summary: 'Greets',
	kind: 'CommandACK',
	ordering: 'sequential',
	onCrash: 'retry',
	replies: true,
	args: z.array(z.string()).length(1),
	example: { methodArgs: ['Ada'] },
	run({ methodArgs: [name = ''] }) {
		greeted.push(name);
		return Promise.resolve({ data: `hello ${name}` });
	},
});

/** Plays the story, and returns how each message ended. */
export async function story(seed: number): Promise<readonly string[]> {
	const fleet = simulateFleet({ seed, methods: [greet], faults: { loss: 0.2, delayMs: [5, 200] } });
	try {
		const central = await fleet.start('central');
		const ship = await fleet.start('ship1', { crashAt: 'call.ended:2' });
		const ids: string[] = [];
		for (const name of ['Ada', 'Grace', 'Edsger']) {
			ids.push(await central.send({ toNode: 'ship1', method: 'GREET', methodArgs: [name] }));
			await fleet.clock.advance(30_000);
		}
		assert.ok(!ship.isAlive(), 'it has died at the end of the second run');
		const again = await fleet.start('ship1');
		again.disk.fill();
		await fleet.clock.advance(60_000);
		again.disk.free();
		fleet.hub.part('ship1');
		await fleet.clock.advance(60_000);
		fleet.hub.heal();
		await fleet.clock.advance(3_600_000);
		const rows = await Promise.all(ids.map((id) => central.row(id)));
		return rows.map(({ state, output }) => `${state}: ${output}`);
	} finally {
		await fleet.stop();
	}
}

assert.deepEqual(await story(1), ['done: hello Ada', 'done: hello Grace', 'done: hello Edsger']);
// The second run had ended, but the crash came before that was on disk, so it ran again.
assert.deepEqual(greeted, ['Ada', 'Grace', 'Grace', 'Edsger']);
