/**
 * The embedded broker: bytes of MQTT 3.1.1 from clients that have not logged in, and from some that
 * have.
 *
 * @module
 */
import assert from 'node:assert/strict';
import mqtt from 'mqtt';
import { configOf } from '../../../runtime/config/config.ts';
import { startBroker } from '../../../transports/mqtt/embedded-broker.ts';
import { mutated } from '../byte-mutation.ts';
import type { Chance } from '../chance.ts';
import type { Way } from '../way.ts';
import { converse, writingOf } from './stream-client.ts';

const login = { username: 'reeve', password: 'password-of-the-specs' };
/** A client that does not leave, and says nothing that is right, is ended after so long. */
const stayMs = 200;
const limits = configOf({ brokerLoginMs: stayMs });
const { brokerLoginBytesMax } = limits;

const field = (text: string | Uint8Array): Buffer => {
	const bytes = Buffer.from(text as string);
	return Buffer.concat([Buffer.from([(bytes.length >> 8) & 255, bytes.length & 255]), bytes]);
};

/** The length of a packet as MQTT writes it. */
function lengthBytes(length: number): Buffer {
	const bytes: number[] = [];
	let rest = length;
	do {
		bytes.push((rest & 127) | (rest > 127 ? 128 : 0));
		rest >>= 7;
	} while (rest > 0);
	return Buffer.from(bytes);
}

function packet(head: number, ...parts: readonly Uint8Array[]): Buffer {
	const body = Buffer.concat(parts);
	return Buffer.concat([Buffer.from([head]), lengthBytes(body.length), body]);
}

function connectPacket(chance: Chance): Buffer {
	const isMine = chance.happens(0.4);
	const version = chance.pick([4, 4, 4, 3, 5, 0, 255]);
	const flags = chance.pick([0xc2, 0xc2, 0xc2, 0xc6, 0xf6, 0x02, 0x00, 0xff, 0x80, 0x04]);
	const id = chance.pick(['', 'a', 'x'.repeat(300), '\0', `c${chance.below(1e9)}`, '\ufeff#']);
	const size = chance.pick([3, 10, 1000, brokerLoginBytesMax - 100, brokerLoginBytesMax, 65_535]);
	const password = chance.happens(0.7) ? login.password : 'x'.repeat(size);
	return packet(
		0x10,
		field(version === 3 ? 'MQIsdp' : 'MQTT'),
		Buffer.from([version, flags, 0, 60]),
		...(version === 5 ? [Buffer.from([0])] : []),
		field(id),
		...((flags & 4) === 0 ? [] : [field('a/will'), field('gone')]),
		field(isMine ? login.username : chance.pick(['reeve', 'x', '', '\0'])),
		field(password),
	);
}

const topics = ['a/b', '', '#', '+/+', '$SYS/broker', 'a\0b', 'x'.repeat(70_000).slice(0, 65_535)];

/** What may follow: packets that are right for a client, or for the broker only. */
function laterPacket(chance: Chance): Buffer {
	const topic = field(chance.pick(topics));
	const id = Buffer.from([chance.below(256), chance.below(256)]);
	switch (chance.below(8)) {
		case 0:
			return packet(0x30 | chance.below(16), topic, id, chance.bytes(chance.below(50)));
		case 1:
			return packet(0x32, topic, id, Buffer.alloc(chance.pick([0, 10, 300_000]), 'x'));
		case 2:
			return packet(0x82, id, topic, Buffer.from([chance.below(4)]));
		case 3:
			return packet(0xa2, id, topic);
		case 4:
			return packet(0xc0);
		case 5:
			return packet(0xe0);
		case 6:
			return packet(chance.below(256), chance.bytes(chance.below(20)));
		default:
			return connectPacket(chance);
	}
}

/** The raw bytes of a client. */
export const brokerWay: Way = {
	name: 'broker',
	short: 75,
	together: 15,
	input(chance) {
		const first = chance.happens(0.9) ? connectPacket(chance) : laterPacket(chance);
		const others = Array.from({ length: chance.below(4) }, () => laterPacket(chance));
		const whole = Buffer.concat([first, ...others]);
		const bytes = chance.happens(0.5) ? mutated(whole, chance) : whole;
		return { bytes, about: { ...writingOf(chance, bytes.length) } };
	},
	async open(t) {
		const broker = await startBroker('127.0.0.1:0', { login, limits });
		t.after(() => broker.stop());
		const { hostname, port } = new URL(broker.address);
		const where = { host: hostname, port: Number(port) };
		let count = 0;
		return {
			async give(input) {
				await converse(where, input, { stayMs });
			},
			async good() {
				count += 1;
				const options = { ...login, protocolVersion: 4, reconnectPeriod: 0 } as const;
				const client = await mqtt.connectAsync(broker.address, options);
				const topic = `good/${count}`;
				await client.subscribeAsync(topic, { qos: 1 });
				const heard = new Promise<string>((resolve) => {
					client.on('message', (at, payload) => {
						if (at === topic) resolve(payload.toString());
					});
				});
				await client.publishAsync(topic, 'good', { qos: 1 });
				assert.equal(await heard, 'good');
				await client.endAsync(true);
			},
			faults: () => [],
		};
	},
};
