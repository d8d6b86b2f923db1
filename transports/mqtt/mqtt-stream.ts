/**
 * What is below an MQTT connection: bytes and the stream that carries them.
 *
 * @module
 */
import { createRequire } from 'node:module';
import { Socket } from 'node:net';

/** The same bytes, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Has small packets sent at once. By default TCP holds them back until the last one is acknowledged
 * (Nagle, RFC 896), and receivers take 40 ms for that: a message and its reply would take 80.
 */
export function sendAtOnce(stream: unknown): void {
	if (stream instanceof Socket) stream.setNoDelay(true);
}

/** The switch of mqtt-packet. */
interface PacketWriter {
	readonly writeToStream: { cacheNumbers: boolean };
}

/**
 * Has the numbers in packets made one by one, in this whole process. By default mqtt-packet, which
 * mqtt.js and aedes write with, makes a buffer for each of the 65 536 numbers there are when it
 * writes its first packet: 6 MB for as long as the process lives, and a twentieth of a second of
 * each start. That pays for whoever writes packets by the ten thousand; our frames hold many
 * messages each.
 */
export function makeNumbersSingly(): void {
	// The one that mqtt.js depends on, which need not be what lies next to us.
	const ours = createRequire(import.meta.url);
	const theirs = createRequire(ours.resolve('mqtt'));
	const { writeToStream } = theirs('mqtt-packet') as PacketWriter;
	writeToStream.cacheNumbers = false;
}
