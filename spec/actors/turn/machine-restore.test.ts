import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { createMover } from '../../../actors/turn/machine-step.ts';
import type { StoredState } from '../../../actors/turn/machine-restore.ts';

const machine = setup({
	types: { context: {} as { readonly n: number }, events: {} as { type: 'ADD' | 'TURN' } },
}).createMachine({
	id: 'lamp',
	context: { n: 0 },
	initial: 'off',
	on: { ADD: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
	states: { off: { on: { TURN: 'on' } }, on: { on: { TURN: 'off' } } },
});

const stored = (value: string, n: number): StoredState => ({
	status: 'active',
	value,
	context: { n },
});

test('instances restored in the same state share nothing that one of them changes', () => {
	const mover = createMover({ name: 'lamp', machine, volatile: false, microstepsMax: 100 });
	const snapshots = [1, 2, 3].map((n) => mover.restore(stored('on', n), []));
	const running = mover.restore(stored('on', 4), ['step']);
	const moved = snapshots.map((snapshot) => mover.move(snapshot, { type: 'ADD' }).snapshot);
	assert.deepEqual(
		[...snapshots, ...moved].map(({ value, context }) => [value, context]),
		[1, 2, 3, 2, 3, 4].map((n) => ['on', { n }]),
	);
	assert.deepEqual(Object.keys(running.children), ['step']);
	const again = mover.restore(stored('on', 5), []);
	assert.deepEqual(
		[...snapshots, again].map(({ children }) => Object.keys(children)),
		[[], [], [], []],
	);
	assert.equal(mover.move(again, { type: 'TURN' }).snapshot.value, 'off');
	assert.deepEqual(mover.store(again), stored('on', 5));
});

test('a state that the machine does not have is refused, however often it is tried', () => {
	const mover = createMover({ name: 'lamp', machine, volatile: false, microstepsMax: 100 });
	mover.restore(stored('off', 1), []);
	for (let count = 0; count < 3; count += 1) {
		assert.throws(() => mover.restore(stored('dim', count), []), /dim/);
	}
});
