import assert from 'node:assert/strict';
import test from 'node:test';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { createPresence, type Neighbour } from '../../../runtime/network/presence.ts';
import { createSignals } from '../../../runtime/observability/signals.ts';
import type { Status } from '../../../runtime/protocol/status.ts';

/** A table, and what its watchers heard. */
function presenceOf() {
	const clock = steppedClock();
	const signals = createSignals(clock);
	const presence = createPresence({ clock, signals });
	const heard: string[] = [];
	presence.onChange(({ name, state, epoch }: Neighbour) => heard.push(`${name} ${state} ${epoch}`));
	const learn = (state: Status['state'], epoch = 1, storeId = 'store1') =>
		presence.learn({ v: 1, node: 'ship1', state, storeId, epoch, methods: ['REQPing'] });
	return { clock, signals, presence, heard, learn };
}

test('a birth and a death are learned, and subscribers hear of each once', async () => {
	const { clock, signals, presence, heard, learn } = presenceOf();
	learn('online');
	learn('online');
	const since = clock.now();
	await clock.advance(1000);
	assert.equal(presence.get('ship1')?.since, since, 'a repetition is no news');
	learn('offline');
	learn('offline');
	assert.deepEqual(heard, ['ship1 online 1', 'ship1 offline 1']);
	assert.equal(presence.get('ship1')?.since, clock.now());
	const { 'node.seen': seen, 'node.gone': gone } = signals.counts();
	assert.deepEqual([seen, gone], [1, 1]);
});

test('a birth that is said again with other methods is the same run with other abilities', async () => {
	const { clock, presence, heard, learn, signals } = presenceOf();
	learn('online');
	const since = clock.now();
	await clock.advance(1000);
	const again = { v: 1, node: 'ship1', state: 'online', storeId: 'store1', epoch: 1 } as const;
	presence.learn({ ...again, methods: ['REQPing', 'pump'] });
	presence.learn({ ...again, methods: ['REQPing', 'pump'] });
	assert.deepEqual(presence.get('ship1')?.methods, ['REQPing', 'pump']);
	assert.deepEqual(heard, ['ship1 online 1', 'ship1 online 1']);
	assert.equal(signals.counts()['node.seen'], 1, 'it was not born again');
	assert.equal(presence.get('ship1')?.since, since);
});

test('a death of an earlier run does not end the present one', () => {
	const { presence, heard, learn } = presenceOf();
	learn('online', 2);
	learn('offline', 1);
	learn('online', 1);
	assert.equal(presence.get('ship1')?.state, 'online');
	assert.deepEqual(heard, ['ship1 online 2']);
});

test('a new run is reported, though the death of the one before was never heard', () => {
	const { presence, heard, learn } = presenceOf();
	learn('online', 1);
	learn('online', 2);
	assert.deepEqual([presence.get('ship1')?.epoch, heard.length], [2, 2]);
});

test('a birth of another store under the same name is believed, and a death of it is not', () => {
	const { presence, learn } = presenceOf();
	learn('online', 7, 'store1');
	learn('offline', 9, 'store2');
	assert.deepEqual(
		[presence.get('ship1')?.state, presence.get('ship1')?.storeId],
		['online', 'store1'],
	);
	learn('online', 1, 'store2');
	assert.equal(presence.get('ship1')?.storeId, 'store2');
	learn('offline', 7, 'store1');
	assert.equal(presence.get('ship1')?.state, 'online', 'the will of the old store comes late');
});

test('nodes are listed by name, and a node that was never seen is unknown', () => {
	const { presence } = presenceOf();
	for (const node of ['b', 'a', 'constructor']) {
		presence.learn({ v: 1, node, state: 'online', storeId: node, epoch: 1 });
	}
	assert.deepEqual(
		presence.list().map(({ name }) => name),
		['a', 'b', 'constructor'],
	);
	assert.equal(presence.get('toString'), undefined);
	assert.deepEqual(presence.get('a')?.methods, []);
});

test('what a node takes is known also when it is away: its death tells nothing of that', () => {
	const { presence, learn } = presenceOf();
	learn('online');
	presence.learn({ v: 1, node: 'ship1', state: 'offline', storeId: 'store1', epoch: 1 });
	assert.equal(presence.get('ship1')?.state, 'offline');
	assert.deepEqual(presence.get('ship1')?.methods, ['REQPing']);
});
