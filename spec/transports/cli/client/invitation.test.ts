import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { configOf } from '../../../../runtime/config/config.ts';
import {
	invitation,
	invitationRemarks,
	invitedBy,
} from '../../../../transports/cli/client/invitation.ts';
import { nodePassword, ownBrokerLogin } from '../../../../transports/mqtt/broker-login.ts';
import { temporaryFolder, type TestScope } from '../../../support/temporary.ts';

const key = `ed25519:${'x'.repeat(43)}`;

function centralOf(t: TestScope, values: Parameters<typeof configOf>[0] = {}) {
	const keysFolder = join(temporaryFolder(t), 'keys');
	return configOf({ nodeName: 'central', keysFolder, signing: 'on', ...values });
}

test('an invitation names the node, its own login at the broker here, and the key of central', (t) => {
	const config = centralOf(t, { topicPrefix: 'fleet' });
	const { password } = ownBrokerLogin(config);
	const invited = invitedBy(['ship1', 'central.example']);
	assert.deepEqual(invitation(invited, { config, key }), {
		nodeName: 'ship1',
		brokerAddress: 'mqtt://central.example:1883',
		brokerUser: 'ship1',
		brokerPassword: nodePassword(password, 'ship1'),
		centralNodeName: 'central',
		centralKey: key,
		signing: 'on',
		topicPrefix: 'fleet',
	});
});

test('a host may have a port of its own, and may be an IPv6 address', (t) => {
	const config = centralOf(t, { brokerListen: ':2883' });
	const addressOf = (host: string) => {
		return invitation({ node: 'ship1', host }, { config, key }).brokerAddress;
	};
	assert.equal(addressOf('central.example'), 'mqtt://central.example:2883');
	assert.equal(addressOf('central.example:99'), 'mqtt://central.example:99');
	assert.equal(addressOf('10.0.0.1:99'), 'mqtt://10.0.0.1:99');
	assert.equal(addressOf('2001:db8::1'), 'mqtt://[2001:db8::1]:2883');
	assert.equal(addressOf('[2001:db8::1]'), 'mqtt://[2001:db8::1]:2883');
	assert.equal(addressOf('[2001:db8::1]:99'), 'mqtt://[2001:db8::1]:99');
	for (const host of [
		'',
		'a:b',
		'a:1:2',
		'a:70000',
		'a b',
		'mqtt://a',
		'[a]',
		'[fe80::1%1]',
		'a/b',
	]) {
		assert.throws(() => addressOf(host), { code: 'bad_usage' }, host);
	}
	const anyPort = centralOf(t, { brokerListen: '127.0.0.1:0' });
	const invited = { node: 'ship1', host: 'a' };
	assert.throws(() => invitation(invited, { config: anyPort, key }), { message: /say the port/ });
});

test('who types a host alone is told that the name of the node comes first', () => {
	for (const word of ['central.example', '10.0.0.1', '[::1]', '::1', 'localhost', 'a:1883']) {
		assert.throws(
			() => invitedBy([word]),
			{ code: 'bad_usage', message: /looks like a host.*NAME|NAME.*looks like a host/ },
			word,
		);
	}
	assert.deepEqual(invitedBy(['ship1']), { node: 'ship1', host: hostname() });
	assert.deepEqual(invitedBy(['ship1.example', 'a']), { node: 'ship1.example', host: 'a' });
	assert.throws(() => invitedBy([]), { code: 'bad_usage' });
	assert.throws(() => invitedBy(['ship1', 'a', 'b']), { code: 'bad_usage' });
	assert.throws(() => invitedBy(['_lane', 'a']), { code: 'bad_name' });
});

test('neither this node nor the administrator of the broker is invited as a node', (t) => {
	const config = centralOf(t);
	for (const node of ['central', 'reeve']) {
		assert.throws(
			() => invitation({ node, host: 'a' }, { config, key }),
			{ code: 'bad_name' },
			node,
		);
	}
});

test('at the broker of another program the invitation holds the login of this node, and says so', (t) => {
	const login = { brokerUser: 'fleet', brokerPassword: 'word' };
	const config = centralOf(t, { brokerAddress: 'mqtt://broker.example', ...login });
	const invited = { node: 'ship1', host: 'ignored' };
	const values = invitation(invited, { config, key });
	assert.deepEqual(
		[values.nodeName, values.brokerAddress, values.brokerUser, values.brokerPassword],
		['ship1', 'mqtt://broker.example', 'fleet', 'word'],
	);
	assert.match(invitationRemarks(invited, config)[0] ?? '', /the login of central/);
	const open = centralOf(t, { brokerLogin: false });
	assert.equal(invitation(invited, { config: open, key }).brokerUser, undefined);
});
