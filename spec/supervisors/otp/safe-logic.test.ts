import assert from 'node:assert/strict';
import test from 'node:test';
import { createMachine, fromPromise } from 'xstate';
import { safeLogic } from '../../../supervisors/otp/safe-logic.ts';

test('all actors of the same logic share one closed copy of it, however many there are', () => {
	const machine = createMachine({ initial: 'a', states: { a: {} } });
	const closed = safeLogic(machine, 100);
	assert.notEqual(closed, machine, 'the machine that was handed in stays what it is');
	assert.equal(safeLogic(machine, 100), closed);
	const promise = fromPromise(() => Promise.resolve(1));
	assert.equal(safeLogic(promise, 100), safeLogic(promise, 100));
});

test('another limit, or another machine, has a copy of its own', () => {
	const machine = createMachine({ initial: 'a', states: { a: {} } });
	const twin = createMachine({ initial: 'a', states: { a: {} } });
	assert.notEqual(safeLogic(machine, 100), safeLogic(machine, 200));
	assert.equal(safeLogic(machine, 200).options.maxIterations, 200);
	assert.equal(safeLogic(machine, 100).options.maxIterations, 100);
	assert.notEqual(safeLogic(machine, 100), safeLogic(twin, 100));
});
