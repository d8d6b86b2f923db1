import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import process from 'node:process';
import test from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import mqtt from 'mqtt';
import { startBroker } from '../../../transports/mqtt/embedded-broker.ts';
import { makeNumbersSingly } from '../../../transports/mqtt/mqtt-stream.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
	collectGarbage();
	return process.memoryUsage().heapUsed;
}

/** A packet of every size of number goes to the broker and comes back. */
async function roundTrip(address: string): Promise<string> {
	const client = await mqtt.connectAsync(address, { reconnectPeriod: 0 });
	await client.subscribeAsync('numbers', { qos: 1 });
	const heard = new Promise<string>((resolve) => {
		client.once('message', (_topic, payload) => resolve(payload.toString()));
	});
	await client.publishAsync('numbers', 'one and all', { qos: 1 });
	const payload = await heard;
	await client.endAsync();
	return payload;
}

test('packets are written and read without a buffer for every number there is', async (t) => {
	makeNumbersSingly();
	const broker = await startBroker('127.0.0.1:0');
	t.after(() => broker.stop());
	const before = heapBytes();
	assert.equal(await roundTrip(broker.address), 'one and all');
	const more = heapBytes() - before;
	assert.ok(more < 4_000_000, `${more} bytes more on the heap after the first packets`);
	const packet = createRequire(createRequire(import.meta.url).resolve('mqtt'))('mqtt-packet') as {
		writeToStream: { cacheNumbers: boolean };
	};
	assert.equal(packet.writeToStream.cacheNumbers, false);
});
