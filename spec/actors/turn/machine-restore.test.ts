import assert from 'node:assert/strict';
import test from 'node:test';
import { assign, setup } from 'xstate';
import { createMachineStepper } from '../../../actors/turn/machine-step.ts';
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

test('instances restored in the same state share nothing that changes', () => {
	const stepper = createMachineStepper({
		name: 'lamp',
		machine,
		volatile: false,
		microstepsMax: 100,
	});
	const snapshots = [1, 2, 3].map((n) => stepper.restore(stored('on', n), []));
	const running = stepper.restore(stored('on', 4), ['step']);
	const moved = snapshots.map((snapshot) => stepper.move(snapshot, { type: 'ADD' }).snapshot);
	assert.deepEqual(
		[...snapshots, ...moved].map(({ value, context }) => [value, context]),
		[1, 2, 3, 2, 3, 4].map((n) => ['on', { n }]),
	);
	assert.deepEqual(Object.keys(running.children), ['step']);
	const again = stepper.restore(stored('on', 5), []);
	assert.deepEqual(
		[...snapshots, again].map(({ children }) => Object.keys(children)),
		[[], [], [], []],
	);
	assert.equal(stepper.move(again, { type: 'TURN' }).snapshot.value, 'off');
	assert.deepEqual(stepper.store(again), stored('on', 5));
});

test('a state that the machine does not have is refused every time', () => {
	const stepper = createMachineStepper({
		name: 'lamp',
		machine,
		volatile: false,
		microstepsMax: 100,
	});
	stepper.restore(stored('off', 1), []);
	for (let count = 0; count < 3; count += 1) {
		assert.throws(() => stepper.restore(stored('dim', count), []), /dim/);
	}
});
