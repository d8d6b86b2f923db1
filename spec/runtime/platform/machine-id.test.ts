import assert from 'node:assert/strict';
import test from 'node:test';
import { hostFingerprint } from '../../../runtime/platform/machine-id.ts';

const parts = (files: Record<string, string>, environment = {}) => ({
	environment,
	read: (path: string) => files[path],
	name: () => 'box',
});

test('a machine has one fingerprint, and another machine another', () => {
	const one = hostFingerprint(parts({ '/etc/machine-id': 'aaaa\n' }));
	assert.match(one, /^[0-9a-f]{32}$/);
	assert.equal(hostFingerprint(parts({ '/etc/machine-id': 'aaaa' })), one);
	assert.equal(hostFingerprint(parts({ '/var/lib/dbus/machine-id': 'aaaa' })), one);
	assert.notEqual(hostFingerprint(parts({ '/etc/machine-id': 'bbbb' })), one);
});

test('it does not tell the machine-id, which is to stay on its machine', () => {
	const id = '0123456789abcdef0123456789abcdef';
	assert.notEqual(hostFingerprint(parts({ '/etc/machine-id': id })), id);
});

test('without a machine-id, or with an empty one, the name of the host stands for it', () => {
	const named = hostFingerprint(parts({}));
	assert.equal(hostFingerprint(parts({ '/etc/machine-id': '\n' })), named);
	assert.notEqual(hostFingerprint({ ...parts({}), name: () => 'other' }), named);
});

test('the environment overrides it', () => {
	const environment = { REEVE_HOST_FINGERPRINT: 'rack-7' };
	assert.equal(hostFingerprint(parts({ '/etc/machine-id': 'aaaa' }, environment)), 'rack-7');
});
