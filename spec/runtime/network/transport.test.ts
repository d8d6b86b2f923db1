import assert from 'node:assert/strict';
import test from 'node:test';
import { defineTransport } from '../../../runtime/network/transport.ts';

test('a declared transport is the same declaration, and cannot be changed any more', () => {
	const definition = {
		name: 'smoke',
		wanted: () => true,
		start: () => Promise.resolve({ address: 'hill', stop: () => Promise.resolve() }),
	};
	const declared = defineTransport(definition);
	assert.equal(declared.name, 'smoke');
	assert.ok(Object.isFrozen(declared));
	assert.throws(() => Object.assign(declared, { name: 'fire' }), TypeError);
});
