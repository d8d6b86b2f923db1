import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import mqtt from 'mqtt';
import { configOf, startNode } from '../../../supervisors/node/node.ts';
import { ownBrokerLogin } from '../../../transports/mqtt/broker-login.ts';
import { temporaryFolder } from '../../support/temporary.ts';

for (const brokerListen of ['127.0.0.1:0', '[::1]:0', ':0']) {
	test(`a node that starts its broker on ${brokerListen} finds it at the port that was free, and takes no client without its login`, async (t) => {
		const folder = temporaryFolder(t);
		const config = configOf({
			nodeName: 'central',
			brokerListen,
			socketFolder: folder,
			databaseFolder: join(folder, 'db'),
			subscribersDataFolder: join(folder, 'data'),
			logLevel: 'silent',
		});
		const node = await startNode(config);
		t.after(() => node.stop());
		assert.doesNotMatch(node.broker, /:0$/);
		const address = `mqtt://${node.broker.replace('0.0.0.0', '127.0.0.1')}`;
		const once = { reconnectPeriod: 0 };
		await assert.rejects(mqtt.connectAsync(address, once), /Bad username or password/);
		const { username, password } = ownBrokerLogin(config);
		const client = await mqtt.connectAsync(address, { ...once, username, password });
		t.after(() => client.endAsync());
		const born = new Promise<string>((resolve) => {
			client.on('message', (topic) => resolve(topic));
		});
		await client.subscribeAsync('reeve/#');
		assert.match(await born, /central/);
	});
}
