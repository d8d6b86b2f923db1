import assert from 'node:assert/strict';
import test from 'node:test';
import { createFaultyDisk } from '../../runtime/journal/faulty-disk.ts';
import { crashPoints } from '../../runtime/platform/crash-points.ts';
import { note, rawRows, startWorld } from './world.ts';

test('the example for tests of methods runs', async () => {
	const { story } = await import('../../examples/testing.ts');
	assert.deepEqual(await story(2), ['done: hello Ada', 'done: hello Grace', 'done: hello Edsger']);
});

test('a killed node has lost what was not committed, and writes and sends nothing more', async (t) => {
	const { fleet, world } = startWorld(t);
	const central = await fleet.start('central');
	await fleet.start('ship1');
	central.disk.hold();
	const lost = central.send(note('ship1', 'lost', { id: 'lost' }));
	await fleet.settle();
	fleet.kill('central');
	await assert.rejects(lost, { code: 'killed' });
	await fleet.start('central');
	await fleet.clock.advance(60_000);
	assert.deepEqual(world.ran('ship1'), []);
	assert.deepEqual(rawRows(fleet.folder('central'), 'ledger'), []);
});

test('a frozen node does nothing, and goes on with all that has waited when it is thawed', async (t) => {
	const { fleet, world } = startWorld(t);
	const central = await fleet.start('central');
	await fleet.start('ship1');
	fleet.freeze('ship1');
	const id = await central.send(note('ship1', 'x'));
	await fleet.clock.advance(60_000);
	assert.deepEqual(world.ran('ship1'), []);
	fleet.thaw('ship1');
	await fleet.clock.advance(60_000);
	assert.deepEqual(world.ran('ship1'), ['x']);
	assert.equal((await central.row(id)).state, 'done');
});

test('every crash point but that of steps is passed by a message and its reply', async (t) => {
	for (const point of crashPoints.filter((name) => name !== 'step.ran')) {
		const { fleet } = startWorld(t);
		await fleet.start('central', { crashAt: point }).catch(() => undefined);
		await fleet.start('ship1', { crashAt: point }).catch(() => undefined);
		const isAlive = () => ['central', 'ship1'].map((name) => fleet.isAlive(name));
		if (fleet.isAlive('central')) {
			void fleet
				.node('central')
				.send(note('ship1', 'x'))
				.catch(() => undefined);
		}
		await fleet.clock.advance(10_000);
		assert.ok(isAlive().includes(false), point);
		await fleet.stop();
	}
});

test('a disk fails, stalls and recovers on demand', async () => {
	const disk = createFaultyDisk();
	const write = () => disk.transact(() => Promise.resolve(true));
	assert.equal(await write(), true);
	disk.fill();
	await assert.rejects(write(), /ENOSPC/);
	disk.free();
	disk.hold('transactions');
	let isDone = false;
	const held = write().then(() => (isDone = true));
	await disk.flush(() => Promise.resolve());
	assert.ok(!isDone, 'it waits');
	disk.release();
	await held;
	assert.deepEqual(disk.counts(), { transactions: 2, flushes: 1, failures: 1 });
});

test('an actor on another node may have more keys than there may be lanes', async (t) => {
	const { fleet } = startWorld(t, { config: { lanesPerStoreMax: 300, lanesMax: 300 } });
	await fleet.start('ship1');
	const central = await fleet.start('central');
	const sent = Array.from({ length: 500 }, (_, key) =>
		central.send(note('ship1', 'x', { key: `order-${key}` })),
	);
	const ids = await Promise.all(sent);
	await fleet.clock.advance(60_000);
	for (const id of ids) assert.equal((await central.row(id)).state, 'done');
});
