/**
 * The limits of the packets that clients of the embedded broker send. The length of a packet is in
 * its first bytes: a connection ends as soon as it is known to be too large, before the broker
 * collects it.
 *
 * @module
 */
import type { Socket } from 'node:net';
import type { Config } from '../../runtime/config/config.ts';
import type { BrokerUser } from './broker-permissions.ts';

/** The limits of packets. */
export type PacketLimits = Pick<
	Config,
	'brokerPacketBytesMax' | 'brokerControlBytesMax' | 'brokerRetainedBytesMax' | 'messageBytesMax'
>;

/** The most bytes of a packet that begins with this byte; before the login `user` is undefined. */
export function packetBytesMax(
	limits: PacketLimits,
	user: BrokerUser | undefined,
	first: number,
): number {
	const { brokerPacketBytesMax, brokerControlBytesMax, brokerRetainedBytesMax } = limits;
	const publication = Math.max(brokerPacketBytesMax, limits.messageBytesMax + aroundMessageBytes);
	if (user === 'administrator') return publication;
	if (first >> 4 !== publishType) return brokerControlBytesMax;
	return (first & retainBit) === 0 ? publication : brokerRetainedBytesMax;
}

/** Topic, principals and signature of a message that is as large as it may be. */
const aroundMessageBytes = 65_536;
const publishType = 3;
const retainBit = 1;

/** Calls `onTooLarge`, once, for a packet that is longer than `bytesMax` of its first byte. */
export function limitPackets(
	socket: Socket,
	parts: {
		readonly bytesMax: (first: number) => number;
		readonly onTooLarge: (about: string) => void;
	},
): void {
	const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
	const measure = createMeasure(parts.bytesMax);
	let isOver = false;
	socket.read = (size?: number): Buffer | null => {
		const chunk = read(size);
		if (isOver || chunk === null) return null;
		const tooLarge = measure(chunk);
		if (tooLarge === undefined) return chunk;
		isOver = true;
		parts.onTooLarge(tooLarge);
		socket.destroy();
		return null;
	};
}

/** MQTT writes the length of a packet in at most so many bytes, seven bits in each. */
const lengthBytesMax = 4;

/** Follows the packets of one connection; what it returns says which packet is too large. */
function createMeasure(bytesMax: (first: number) => number): (chunk: Buffer) => string | undefined {
	/** The first byte of a packet whose length is not known yet, and what is known of that. */
	let first: number | undefined;
	let length = 0;
	let lengthBytes = 0;
	/** Bytes of the packet under way that are still to come. */
	let left = 0;

	/** Takes a byte of a packet's head. */
	const takeHead = (byte: number): string | undefined => {
		if (first === undefined) {
			first = byte;
			length = 0;
			lengthBytes = 0;
			return undefined;
		}
		length += (byte & 0x7f) * 128 ** lengthBytes;
		lengthBytes += 1;
		if ((byte & 0x80) !== 0) {
			return lengthBytes < lengthBytesMax ? undefined : `${nameOf(first)} without a length`;
		}
		const whole = 1 + lengthBytes + length;
		if (whole > bytesMax(first)) return `${nameOf(first)} of ${whole} bytes`;
		left = length;
		first = undefined;
		return undefined;
	};
	return (chunk) => {
		let at = 0;
		while (at < chunk.length) {
			const step = Math.min(left, chunk.length - at);
			left -= step;
			at += step;
			const byte = chunk[at];
			if (byte === undefined) return undefined;
			at += 1;
			const tooLarge = takeHead(byte);
			if (tooLarge !== undefined) return tooLarge;
		}
		return undefined;
	};
}

const names: Readonly<Record<number, string>> = {
	1: 'CONNECT',
	3: 'PUBLISH',
	8: 'SUBSCRIBE',
	10: 'UNSUBSCRIBE',
};

function nameOf(first: number): string {
	const isRetained = first >> 4 === publishType && (first & retainBit) !== 0;
	return `${isRetained ? 'retained ' : ''}${names[first >> 4] ?? 'packet'}`;
}
