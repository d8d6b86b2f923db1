import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'node:test';
import mqtt from 'mqtt';
import { configOf } from '../../../runtime/config/config.ts';
import { steppedClock } from '../../../runtime/platform/clock.ts';
import { ownBrokerLogin } from '../../../transports/mqtt/broker-login.ts';
import broker, { startBroker } from '../../../transports/mqtt/embedded-broker.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { createContext } from '../../support/transport-context.ts';

test('a node brings its own broker only if none is named', () => {
	assert.equal(broker.wanted(createContext().context.config), true);
	const named = createContext({ brokerAddress: 'mqtt://host:1883' });
	assert.equal(broker.wanted(named.context.config), false);
});

test('port 0 takes a free one, and the address tells which', async (t) => {
	const noted = createContext({ brokerListen: '127.0.0.1:0', keysFolder: temporaryFolder(t) });
	const running = await broker.start(noted.context);
	t.after(() => running.stop());
	assert.match(running.address, /^mqtt:\/\/127\.0\.0\.1:[1-9]\d+$/);
	const up = noted.signals.all.find(({ type }) => type === 'transport.up');
	assert.ok(up?.type === 'transport.up' && up.address === running.address);
});

test('an address that another program has taken is refused', async (t) => {
	const first = await startBroker('127.0.0.1:0');
	t.after(() => first.stop());
	const listen = first.address.replace('mqtt://', '');
	await assert.rejects(startBroker(listen), { name: 'ReeveError', code: 'address_in_use' });
});

test('what is no address is refused', async () => {
	for (const listen of ['1883', 'localhost', 'localhost:x', '127.0.0.1:99999', 'no such host:1']) {
		await assert.rejects(startBroker(listen), { name: 'ReeveError', code: 'bad_config' }, listen);
	}
});

test('a stop ends all connections, also those that have not sent CONNECT', async () => {
	const running = await startBroker('127.0.0.1:0');
	const silent = connect(Number(new URL(running.address).port), '127.0.0.1');
	await once(silent, 'connect');
	silent.on('error', () => {});
	const closed = once(silent.resume(), 'close');
	await running.stop();
	await closed;
	const again = await startBroker(running.address.replace('mqtt://', ''));
	await again.stop();
});

test('garbage ends its connection, and the broker lives on', async (t) => {
	const running = await startBroker('127.0.0.1:0');
	t.after(() => running.stop());
	const port = Number(new URL(running.address).port);
	for (const garbage of [Buffer.alloc(100, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
		const client = connect(port, '127.0.0.1');
		client.on('error', () => {});
		const closed = once(client.resume(), 'close');
		client.write(garbage);
		await closed;
	}
	const next = connect(port, '127.0.0.1');
	await once(next, 'connect');
	next.destroy();
});

const login = { username: 'reeve', password: 'word-of-the-broker' };
const single = { reconnectPeriod: 0, protocolVersion: 4 } as const;

test('a local user without the login of the broker can neither publish nor subscribe', async (t) => {
	const running = await startBroker('127.0.0.1:0', { login });
	t.after(() => running.stop());
	for (const given of [{}, { ...login, password: 'guess' }, { ...login, username: 'root' }]) {
		await assert.rejects(
			mqtt.connectAsync(running.address, { ...single, ...given }),
			/Bad username or password/,
			JSON.stringify(given),
		);
	}
	const client = await mqtt.connectAsync(running.address, { ...single, ...login });
	await client.publishAsync('a/b', 'c');
	await client.endAsync();
});

test('a broker that other machines reach is not started without a login', async () => {
	for (const brokerListen of ['0.0.0.0:0', ':0', '[::]:0']) {
		await assert.rejects(startBroker(brokerListen), { code: 'unguarded' }, brokerListen);
		const { config } = createContext({ brokerListen, brokerLogin: false }).context;
		await assert.rejects(async () => broker.check?.(config), { code: 'unguarded' });
		const guarded = createContext({ brokerListen }).context;
		await broker.check?.(guarded.config);
	}
	const guarded = await startBroker('0.0.0.0:0', { login });
	await guarded.stop();
});

test('the password of the broker is made once, for its owner only, and one that others may read is refused', (t) => {
	const keysFolder = join(temporaryFolder(t), 'keys');
	const mask = process.umask(0);
	t.after(() => process.umask(mask));
	const config = configOf({ keysFolder });
	const made = ownBrokerLogin(config);
	assert.ok(made.username === 'reeve' && made.password.length >= 43);
	assert.deepEqual(ownBrokerLogin(config), made);
	const file = join(keysFolder, 'broker.password');
	assert.equal(statSync(file).mode & 0o777, 0o600);
	chmodSync(file, 0o644);
	assert.throws(() => ownBrokerLogin(config), { code: 'bad_config' });
	const own = configOf({ keysFolder, brokerUser: 'me', brokerPassword: 'mine' });
	assert.deepEqual(ownBrokerLogin(own), { username: 'me', password: 'mine' });
});

/** A connection to the broker, and its end. */
function stranger(address: string, ...bytes: Buffer[]) {
	const client = connect(Number(new URL(address).port), '127.0.0.1');
	client.on('error', () => {});
	for (const each of bytes) client.write(each);
	return { client, closed: once(client.resume(), 'close') };
}

test('what a client costs before its login is limited in bytes, in time and in number', async (t) => {
	const clock = steppedClock();
	const limits = configOf({
		brokerLoginBytesMax: 100,
		brokerLoginMs: 1000,
		brokerStrangersMax: 2,
		brokerConnectionsMax: 4,
	});
	const running = await startBroker('127.0.0.1:0', { login, limits, clock });
	t.after(() => running.stop());
	// A CONNECT that says it will be longer.
	await stranger(running.address, Buffer.from([0x10, 0xff, 0x7f])).closed;
	// A length without an end.
	await stranger(running.address, Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff])).closed;
	// Not a CONNECT.
	await stranger(running.address, Buffer.from([0x30, 2, 0, 0])).closed;
	const oldest = stranger(running.address);
	await once(oldest.client, 'connect');
	const second = stranger(running.address, Buffer.from([0x10]));
	await once(second.client, 'connect');
	const third = stranger(running.address, Buffer.from([0x10, 40, 0, 4]));
	await once(third.client, 'connect');
	await oldest.closed;
	// A client with the login comes in, and stays, whatever strangers do.
	const clients = [];
	for (let at = 0; at < 4; at += 1) {
		clients.push(await mqtt.connectAsync(running.address, { ...single, ...login }));
	}
	await Promise.all([second.closed, third.closed]);
	await stranger(running.address).closed;
	await Promise.all(clients.slice(1).map((client) => client.endAsync()));
	const slow = stranger(running.address, Buffer.from([0x10, 40]));
	await once(slow.client, 'connect');
	await clients[0]?.publishAsync('a', 'b', { qos: 1 });
	await clock.advance(1000);
	await slow.closed;
	await clients[0]?.publishAsync('a', 'b', { qos: 1 });
	await clients[0]?.endAsync();
});
