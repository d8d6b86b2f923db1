import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { once } from 'node:events';
import test from 'node:test';
import broker, { startBroker } from '../../../transports/mqtt/embedded-broker.ts';
import { createContext } from '../../support/transport-context.ts';

test('a node brings its own broker only if none is named', () => {
	assert.equal(broker.wanted(createContext().context.config), true);
	const named = createContext({ brokerAddress: 'mqtt://host:1883' });
	assert.equal(broker.wanted(named.context.config), false);
});

test('port 0 takes a free one, and the address tells which', async (t) => {
	const noted = createContext({ brokerListen: '127.0.0.1:0' });
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
