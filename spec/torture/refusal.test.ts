import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import { watchPublications } from '../support/proxy.ts';

/** A packet of this type with a topic, if it is a PUBLISH, and so many further bytes. */
function packetOf(type: number, topic: string, payload: number): Buffer {
	const name = type === 3 ? Buffer.from(`..${topic}`) : Buffer.alloc(0);
	if (name.length > 0) name.writeUInt16BE(topic.length, 0);
	const body = Buffer.concat([name, Buffer.alloc(payload, 0x3f)]);
	const length: number[] = [];
	for (let left = body.length; left > 0 || length.length === 0; left = Math.floor(left / 128)) {
		length.push((left % 128) + (left >= 128 ? 128 : 0));
	}
	return Buffer.concat([Buffer.from([type << 4, ...length]), body]);
}

test('a broker that hangs up sees each publication once, however the bytes arrive', () => {
	const packet = fc.record({
		type: fc.constantFrom(1, 3, 4, 8, 12),
		topic: fc.constantFrom('a', 'reeve/ship1/_ack'),
		payload: fc.oneof(fc.nat(5), fc.nat(70_000)),
	});
	const pieces = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 });
	fc.assert(
		fc.property(fc.array(packet, { maxLength: 6 }), pieces, (packets, sizes) => {
			const bytes = Buffer.concat(
				packets.map(({ type, topic, payload }) => packetOf(type, topic, payload)),
			);
			const seen: string[] = [];
			const watch = watchPublications((length, topic) => seen.push(`${topic} ${length}`) > 0);
			let at = 0;
			for (let turn = 0; at < bytes.length; turn += 1) {
				const size = sizes[turn % sizes.length] ?? 1;
				assert.ok(watch(bytes.subarray(at, at + size)));
				at += size;
			}
			const wanted = packets
				.filter(({ type }) => type === 3)
				.map(({ topic, payload }) => `${topic} ${packetOf(3, topic, payload).length}`);
			assert.deepEqual(seen, wanted);
		}),
		{ numRuns: 200 },
	);
});

test('a broker that hangs up does so at the publication that it does not take', () => {
	const watch = watchPublications((bytes) => bytes <= 100);
	assert.ok(watch(packetOf(3, 'a', 50)));
	assert.ok(watch(packetOf(1, '', 500)), 'only publications count');
	assert.ok(!watch(packetOf(3, 'a', 500)));
});
