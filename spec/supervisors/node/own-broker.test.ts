import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import mqtt from 'mqtt';
import { configOf, startNode } from '../../../supervisors/node/node.ts';
import { temporaryFolder } from '../../support/temporary.ts';

for (const brokerListen of ['127.0.0.1:0', '[::1]:0', ':0']) {
	test(`a node that starts its broker on ${brokerListen} finds it at the port that was free`, async (t) => {
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
		const client = await mqtt.connectAsync(`mqtt://${node.broker.replace('0.0.0.0', '127.0.0.1')}`);
		t.after(() => client.endAsync());
		const born = new Promise<string>((resolve) => {
			client.on('message', (topic) => resolve(topic));
		});
		await client.subscribeAsync('reeve/#');
		assert.match(await born, /central/);
	});
}
