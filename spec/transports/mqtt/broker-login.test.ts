import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { after, before, type TestContext } from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import { createLogin, readLogin, brokerUrl } from '../../../transports/mqtt/broker-login.ts';
import mqtt from '../../../transports/mqtt/mqtt.ts';
import { freePort, missing, startMosquitto } from '../../support/broker.ts';
import { createCertificates } from '../../support/certificates.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { createContext } from '../../support/transport-context.ts';

const skip = missing('mosquitto');
const timeout = 20_000;

// The timers of a clock keep no process alive while a line waits for its broker; this does.
const vigil = createServer();
before(async () => void (await once(vigil.listen(0, '127.0.0.1'), 'listening')));
after(() => vigil.close());

/** A Mosquitto that wants TLS, a client certificate, and a user with a password. */
async function secureBroker(t: TestContext) {
	const folder = temporaryFolder(t);
	const passwords = join(folder, 'passwords');
	writeFileSync(passwords, '', { mode: 0o600 });
	spawnSync('mosquitto_passwd', ['-b', passwords, 'ship1', 'secret-word']);
	const certificates = createCertificates(t);
	const { root, server } = certificates;
	const webPort = await freePort();
	const tls = [
		`cafile ${root}`,
		`certfile ${server.cert}`,
		`keyfile ${server.key}`,
		'require_certificate true',
	];
	const broker = await startMosquitto(t, {
		lines: [
			...tls,
			'allow_anonymous false',
			`password_file ${passwords}`,
			`listener ${webPort} 127.0.0.1`,
			'protocol websockets',
			...tls,
		],
	});
	const passwordFile = join(folder, 'password');
	writeFileSync(passwordFile, 'secret-word\n', { mode: 0o600 });
	const values = {
		brokerUser: 'ship1',
		brokerPasswordFile: passwordFile,
		rootCAPath: root,
		brokerCertPath: certificates.client.cert,
		brokerKeyPath: certificates.client.key,
	};
	return { broker, webPort, values, passwordFile };
}

async function linkOf(t: TestContext, values: Parameters<typeof createContext>[0]) {
	const noted = createContext({ resendMsMin: 20, resendMsMax: 100, ...values });
	const running = await mqtt.start(noted.context);
	t.after(() => running.stop());
	return { ...noted, address: running.address };
}

test(
	'a node logs in with TLS, a client certificate, a user and the password in a file',
	{ timeout, skip },
	async (t) => {
		const { broker, values } = await secureBroker(t);
		const brokerAddress = `127.0.0.1:${broker.port}`;
		const { link, address, signals } = await linkOf(t, { ...values, brokerAddress });
		assert.equal(await link.first(), 'up');
		assert.equal(address, `mqtts://${brokerAddress}`, 'a root CA means TLS');
		assert.ok(!JSON.stringify(signals.all).includes('secret-word'));
	},
);

test('the same goes over secure WebSockets', { timeout, skip }, async (t) => {
	const { webPort, values } = await secureBroker(t);
	const { link } = await linkOf(t, { ...values, brokerAddress: `wss://127.0.0.1:${webPort}` });
	assert.equal(await link.first(), 'up');
});

test(
	'a broker whose certificate no trusted root signs is refused',
	{ timeout, skip },
	async (t) => {
		const { broker, values } = await secureBroker(t);
		const other = createCertificates(t).root;
		const brokerAddress = `mqtts://127.0.0.1:${broker.port}`;
		const { link } = await linkOf(t, { ...values, rootCAPath: other, brokerAddress });
		assert.match(await link.first(), /^down: .*(?:certificate|signature)/);
	},
);

test(
	'a wrong password keeps a node out until its file is corrected, without a restart',
	{ timeout, skip },
	async (t) => {
		const { broker, values, passwordFile } = await secureBroker(t);
		writeFileSync(passwordFile, 'wrong-word');
		const brokerAddress = `mqtts://127.0.0.1:${broker.port}`;
		const { link, signals } = await linkOf(t, { ...values, brokerAddress });
		assert.match(await link.first(), /^down: .*[Nn]ot authori[sz]ed/);
		assert.ok(!JSON.stringify(signals.all).includes('wrong-word'));
		writeFileSync(passwordFile, 'secret-word');
		await link.first((news) => news === 'up');
	},
);

test('without its certificate a node does not get in', { timeout, skip }, async (t) => {
	const { broker, values } = await secureBroker(t);
	const brokerAddress = `mqtts://127.0.0.1:${broker.port}`;
	const none = { brokerCertPath: '', brokerKeyPath: '' };
	const { link } = await linkOf(t, { ...values, ...none, brokerAddress });
	assert.match(await link.first(), /^down: /);
});

test('a file that is not there is an error of the configuration that names it', () => {
	const missingFile = configOf({ rootCAPath: '/nowhere/root.pem' });
	assert.throws(() => readLogin(missingFile), {
		code: 'bad_config',
		message: /rootCAPath: ENOENT/,
	});
	const half = configOf({ brokerCertPath: '/nowhere/ship1.pem' });
	assert.throws(() => readLogin(half), { message: /belong together/ });
	const both = configOf({ brokerPassword: 'secret-word', brokerPasswordFile: '/dev/null' });
	assert.throws(
		() => readLogin(both),
		(thrown: Error) => {
			assert.match(thrown.message, /one of the two/);
			return !thrown.message.includes('secret-word');
		},
	);
});

test('a password or certificate in another encoding is an error of the configuration, too', (t) => {
	const file = join(temporaryFolder(t), 'password');
	writeFileSync(file, Buffer.from('secret-word', 'utf16le'));
	for (const values of [{ brokerPasswordFile: file }, { rootCAPath: file }]) {
		const place = `${Object.keys(values).join('')}: .*UTF-16`;
		assert.throws(() => readLogin(configOf(values)), {
			code: 'bad_config',
			message: new RegExp(place),
		});
	}
	writeFileSync(file, Buffer.from('gut\u00e9', 'latin1'));
	assert.throws(() => readLogin(configOf({ brokerPasswordFile: file })), { code: 'bad_config' });
});

test('a file that disappears while the node runs leaves what was read of it in use', (t) => {
	const file = join(temporaryFolder(t), 'password');
	writeFileSync(file, 'first');
	const config = { ...configOf({ brokerPasswordFile: file }) };
	const login = createLogin(config);
	config.brokerPasswordFile = '/nowhere';
	assert.equal(login().password, 'first');
});

test('an address without a scheme means TLS where a root CA is named, and plain MQTT elsewhere', () => {
	assert.equal(brokerUrl('10.0.0.1:8883', true), 'mqtts://10.0.0.1:8883');
	assert.equal(brokerUrl('10.0.0.1:1883'), 'mqtt://10.0.0.1:1883');
	assert.equal(brokerUrl('mqtt://10.0.0.1:1883', true), 'mqtt://10.0.0.1:1883');
});
