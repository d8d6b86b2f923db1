import assert from 'node:assert/strict';
import test from 'node:test';
import { play, randomScenario } from './nemesis.ts';
import { forSeeds, rawReceipts, startWorld } from './world.ts';
import { effort } from '../support/effort.ts';

const nodes = ['central', 'ship1', 'ship2'] as const;

test('over random accidents of a fleet, every accepted message is done, and settled once', async (t) => {
	await forSeeds(effort(2, 6), async (seed) => {
		const { fleet } = startWorld(t, {
			seed,
			faults: { delayMs: [1, 50] },
			// No message may fail because it is started often, nor run out of time.
			config: { attemptsMax: 1000, defaultMessageTtl: 2_592_000, claimPauseMs: 1000 },
		});
		for (const name of nodes) await fleet.start(name);
		const accepted = await play(fleet, nodes, randomScenario(seed, nodes, 25));
		let count = 0;
		for (const [name, ids] of accepted) {
			for (const id of ids) {
				const row = await fleet.node(name).row(id);
				assert.equal(row.state, 'done', `${id} of ${name}`);
				count += 1;
			}
		}
		assert.ok(count > 20, `${count} were accepted`);
		const settled = nodes.flatMap((name) => rawReceipts(fleet.folder(name))).map(({ id }) => id);
		assert.equal(new Set(settled).size, settled.length, 'none was settled twice');
		await fleet.stop();
	});
});

test('a scenario is the same at every run of its seed', () => {
	assert.deepEqual(randomScenario(3, nodes, 30), randomScenario(3, nodes, 30));
	assert.notDeepEqual(randomScenario(3, nodes, 30), randomScenario(4, nodes, 30));
});
