import assert from 'node:assert/strict';
import test from 'node:test';
import { realClock } from '../../runtime/platform/clock.ts';
import { missing } from '../support/broker.ts';
import { brokerPrograms, type BrokerName } from '../torture/brokers.ts';
import { torture } from '../torture/play.ts';
import { effort } from '../support/effort.ts';

const seconds = effort(10, 15);

/**
 * Tortures a fleet over a broker for a short time; what is found is in the message of a failure.
 */
async function survive(broker: BrokerName, words: readonly string[] = []): Promise<void> {
	const seed = Math.floor(realClock.random() * 1e6);
	const story = [`seed ${seed}`];
	const { signal } = new AbortController();
	const tell = (text: string) => void story.push(text);
	const found = await torture({ seconds, seed, broker, words, clock: realClock, signal, tell });
	const { accepted, settled, lost, doubled, misordered, kills } = found;
	const account = [...story, ...found.faults].join('\n');
	assert.deepEqual([lost, doubled, misordered], [0, 0, 0], account);
	assert.equal(settled, accepted, account);
	assert.ok(accepted > 0 && kills > 0, account);
}

/**
 * The brokers that must work; each is killed, frozen and, where it is one server, robbed of its
 * state.
 */
const matrix: readonly (readonly [title: string, broker: BrokerName, version: string])[] = [
	['Mosquitto on MQTT 5', 'mosquitto', '5'],
	['Mosquitto on MQTT 3.1.1', 'mosquitto', '3.1.1'],
	["a cluster of three of NATS's servers, one killed at a time", 'nats', 'auto'],
	["RabbitMQ's MQTT", 'rabbitmq', 'auto'],
	['the embedded broker', 'embedded', 'auto'],
];

for (const [title, broker, version] of matrix) {
	const skip = missing(brokerPrograms[broker]);
	test(`no accident over ${title} loses, doubles or misorders a message`, { skip }, () =>
		survive(broker, ['--mqttVersion', version]),
	);
}
