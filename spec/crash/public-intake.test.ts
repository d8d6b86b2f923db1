import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import mqtt from 'mqtt';
import { missing, startMosquitto } from '../support/broker.ts';
import { startHosts } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary.ts';

const skip = missing('mosquitto');
const count = 60;

interface Row {
	readonly id: string;
	readonly state: string;
}

test(
	'commands of an MQTT client run at most once and are all answered, though the node is killed',
	{ skip },
	async (t) => {
		const broker = await startMosquitto(t);
		const hosts = await startHosts(t, broker.address);
		const folder = temporaryFolder(t);
		const start = async () => {
			const ship = hosts.start({ node: 'ship1', host: 'one', databaseFolder: join(folder, 'db') });
			await ship.ready;
			return ship;
		};
		const client = await mqtt.connectAsync(broker.address);
		t.after(() => void client.end(true));
		const answers = new Map<string, string>();
		let look = (): void => {};
		client.on('message', (_topic, payload) => {
			const { id, state } = JSON.parse(payload.toString()) as Row;
			answers.set(id, state);
			look();
		});
		const answered = (least: number) =>
			new Promise<void>((resolve) => {
				look = () => {
					if (answers.size >= least) resolve();
				};
				look();
			});
		await client.subscribeAsync('me/answers', { qos: 1 });
		const runs = join(folder, 'runs');
		const publish = (id: string) => {
			const script = `echo ${id} >> ${runs}; sleep 0.05`;
			const message = { id, methodArgs: ['sh', '-c', script], replyTopic: 'me/answers' };
			const topic = 'reeve/ship1/REQCliCommand/CommandACK';
			return client.publishAsync(topic, JSON.stringify(message), { qos: 1 });
		};

		let ship = await start();
		// The node is subscribed when it has answered once; from then on the broker keeps what it must.
		for (let tries = 0; answers.size === 0; tries += 1) {
			await publish(`first-${tries}`);
			await Promise.race([answered(1), ship.ask({ reeve: 'nodes' })]);
		}
		const before = answers.size;
		const ids = Array.from({ length: count }, (_, number) => `job-${number}`);
		await Promise.all(ids.map(publish));
		for (const share of [0.1, 0.4]) {
			await answered(before + Math.floor(share * count));
			await ship.end('SIGKILL');
			ship = await start();
		}
		const isAnswered = () => ids.every((id) => answers.has(id));
		await new Promise<void>((resolve) => {
			look = () => {
				if (isAnswered()) resolve();
			};
			look();
		});
		const lines = readFileSync(runs, 'utf8').trim().split('\n');
		for (const id of ids) {
			const starts = lines.filter((line) => line === id).length;
			const state = answers.get(id);
			const isHonest = state === 'done' ? starts === 1 : state === 'interrupted' && starts <= 1;
			assert.ok(isHonest, `${id} was started ${starts} times, and is ${state}`);
		}
		await ship.end('SIGTERM');
	},
);
