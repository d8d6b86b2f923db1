/**
 * What is below an MQTT connection: bytes and the stream that carries them.
 *
 * @module
 */
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
