import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import mqtt from 'mqtt';
import { realClock } from '../../runtime/platform/clock.ts';
import { missing, startMosquitto } from '../support/broker.ts';
import { startHosts } from '../support/processes.ts';
import type { NodeRow } from '../../runtime/queries/question.ts';

/** How long a node that was thrown out stays away at least, as `startHosts` sets it. */
const awayMs = 1500 + 1500;

/** What the broker says to the one that is thrown out: a reason in 5.0, nothing in 3.1.1. */
const brokers: readonly (readonly [
	name: string,
	version: 4 | 5,
	skip: string | false,
	start: (t: TestContext) => Promise<string | undefined>,
])[] = [
	['Mosquitto, MQTT 5.0', 5, missing('mosquitto'), async (t) => (await startMosquitto(t)).address],
	['the embedded broker, MQTT 3.1.1', 4, false, () => Promise.resolve(undefined)],
];

for (const [name, protocolVersion, skip, start] of brokers) {
	test(
		`a node whose name is taken stays away until a claim has succeeded: ${name}`,
		{ skip },
		async (t) => {
			const hosts = await startHosts(t, await start(t));
			const central = hosts.start({ node: 'central', host: 'shore' });
			const ship = hosts.start({ node: 'ship1', host: 'one' });
			await Promise.all([
				central.ready,
				ship.logged(/name.granted/),
				ship.logged(/"mqtt".*transport.up/),
			]);

			const intruder = mqtt.connect(hosts.broker, {
				clientId: 'reeve:ship1',
				protocolVersion,
				reconnectPeriod: 20,
			});
			t.after(() => void intruder.end(true));
			let since = 0;
			let longestMs = 0;
			intruder.on('connect', () => (since = realClock.monotonic()));
			// Against a broker that gives no reasons it takes a few rounds; then it has the name for
			// itself.
			while (longestMs < awayMs) {
				await new Promise<void>((resolve) => intruder.once('close', () => resolve()));
				longestMs = Math.max(longestMs, realClock.monotonic() - since);
			}
			await intruder.endAsync(true);
			const id = await central.send({
				toNode: 'ship1',
				method: 'REQCliCommand',
				methodArgs: ['echo', 'back'],
			});
			assert.equal((await central.settled(id)).output?.trim(), 'back');
		},
	);
}

test('a late will of an earlier process does not make the node gone', async (t) => {
	const hosts = await startHosts(t);
	const central = hosts.start({ node: 'central', host: 'shore' });
	const ship = hosts.start({ node: 'ship1', host: 'one' });
	await Promise.all([central.ready, ship.ready]);
	const shown = async (): Promise<NodeRow | undefined> =>
		(await central.ask<NodeRow>({ reeve: 'nodes' })).find(({ name }) => name === 'ship1');
	while ((await shown())?.state !== 'online');
	const client = await mqtt.connectAsync(hosts.broker, { protocolVersion: 4 });
	t.after(() => void client.end(true));
	const retained: string[] = [];
	const contradicted = new Promise<void>((resolve) => {
		client.on('message', (_topic, payload) => {
			const { state } = JSON.parse(payload.toString()) as { state: string };
			retained.push(state);
			if (retained.join(' ') === 'online offline online') resolve();
		});
	});
	await client.subscribeAsync('reeve/ship1/_status', { qos: 1 });
	const { storeId, epoch } = (await shown()) ?? {};
	for (const t of [Number(epoch) - 1, Number(epoch)]) {
		const will = { v: 1, state: 'offline', node: 'ship1', storeId, epoch: t };
		await client.publishAsync('reeve/ship1/_status', JSON.stringify(will), {
			qos: 1,
			retain: true,
		});
		if (t !== epoch) await contradicted;
	}
	while (retained.length < 5) await central.ask({ reeve: 'node' });
	assert.equal(retained.at(-1), 'online');
	assert.equal((await shown())?.state, 'online');
});
