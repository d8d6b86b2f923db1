/**
 * Adjusts what lies below an MQTT connection: buffers, the TCP stream and the packet writer.
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
 * Sends small packets at once. By default TCP holds them back until the last one is acknowledged
 * (Nagle, RFC 896), and receivers take 40 ms for that: a message and its reply would take 80.
 */
export function sendAtOnce(stream: unknown): void {
	if (stream instanceof Socket) stream.setNoDelay(true);
}

/** The setting of mqtt-packet. */
interface PacketWriter {
	readonly writeToStream: { cacheNumbers: boolean };
}

/**
 * Turns off the number cache of mqtt-packet in this process. By default mqtt-packet, which mqtt.js
 * and aedes use, makes a buffer for each of the 65 536 packet numbers when it writes its first
 * packet: 6 MB as long as the process runs, and 50 ms of each start. That pays off only for very
 * many packets; reeve's frames hold many messages each.
 */
export function makeNumbersSingly(): void {
	// Resolve the copy that mqtt.js uses, which need not be the one in our own node_modules.
	const ours = createRequire(import.meta.url);
	const theirs = createRequire(ours.resolve('mqtt'));
	const { writeToStream } = theirs('mqtt-packet') as PacketWriter;
	writeToStream.cacheNumbers = false;
}
