/**
 * The gate of the embedded broker: what a client may cost before it has logged in. Its first packet
 * must be a CONNECT of limited length, within a limited time; only then does the broker read from
 * it. Clients that have logged in are never ended for the sake of those that have not.
 *
 * @module
 */
import type { Socket } from 'node:net';
import type { Config } from '../../runtime/config/config.ts';
import type { Clock } from '../../runtime/platform/clock.ts';

/** The limits of the gate. */
export type GateLimits = Pick<
	Config,
	'brokerConnectionsMax' | 'brokerStrangersMax' | 'brokerLoginBytesMax' | 'brokerLoginMs'
>;

/** The gate that {@link createGate} makes. */
export interface Gate {
	/** Takes a connection; it is handed on once its CONNECT is complete. */
	enter(socket: Socket): void;
	/** The client of this connection has logged in. */
	admit(socket: unknown): void;
	/** Ends all connections. */
	end(): void;
}

/** Creates the gate in front of `handOn`. */
export function createGate(parts: {
	readonly limits: GateLimits;
	readonly clock: Clock;
	readonly handOn: (socket: Socket) => void;
}): Gate {
	const { limits, clock, handOn } = parts;
	const connections = new Set<Socket>();
	/** Those that have not logged in, the oldest first, and what ends their time for it. */
	const strangers = new Map<Socket, () => void>();
	const forget = (socket: Socket): void => {
		strangers.get(socket)?.();
		strangers.delete(socket);
	};
	/** Makes room at the expense of the one that has had the longest time to log in. */
	const endOldestStranger = (): void => {
		const [oldest] = strangers.keys();
		if (!oldest) return;
		forget(oldest);
		connections.delete(oldest);
		oldest.destroy();
	};

	return {
		enter(socket) {
			if (connections.size >= limits.brokerConnectionsMax) endOldestStranger();
			if (connections.size >= limits.brokerConnectionsMax) return void socket.destroy();
			if (strangers.size >= limits.brokerStrangersMax) endOldestStranger();
			connections.add(socket);
			const timer = clock.after(limits.brokerLoginMs, () => {
				if (strangers.delete(socket)) socket.destroy();
			});
			strangers.set(socket, () => timer.cancel());
			// The broker, too, hears of the end by the event `close`.
			socket.on('error', () => socket.destroy());
			socket.once('close', () => {
				connections.delete(socket);
				forget(socket);
			});
			readConnect(socket, limits.brokerLoginBytesMax, handOn);
		},
		admit: (socket) => forget(socket as Socket),
		end() {
			for (const socket of connections) socket.destroy();
		},
	};
}

/** Hands the connection on, nothing of it read, when its first packet is there. */
function readConnect(socket: Socket, bytesMax: number, handOn: (socket: Socket) => void): void {
	let head: Buffer = Buffer.alloc(0);
	const take = (): void => {
		for (;;) {
			const chunk = socket.read() as Buffer | null;
			if (chunk === null) return;
			head = Buffer.concat([head, chunk]);
			const length = connectLength(head, bytesMax);
			if (length === 'none') return void socket.destroy();
			if (length === undefined || head.length < length) continue;
			socket.off('readable', take);
			socket.unshift(head);
			handOn(socket);
			return;
		}
	};
	socket.on('readable', take);
}

const connectType = 0x10;
/** MQTT writes the length of a packet in at most so many bytes, seven bits in each. */
const lengthBytesMax = 4;

/**
 * The length of the CONNECT that begins with these bytes; undefined if it does not show yet,
 * `none` if it is no CONNECT, or too long.
 */
function connectLength(head: Uint8Array, bytesMax: number): number | 'none' | undefined {
	const [type] = head;
	if (type === undefined) return undefined;
	if (type !== connectType) return 'none';
	let rest = 0;
	for (let at = 0; at < lengthBytesMax; at += 1) {
		const byte = head[at + 1];
		if (byte === undefined) return undefined;
		rest += (byte & 0x7f) * 128 ** at;
		if ((byte & 0x80) !== 0) continue;
		const length = 2 + at + rest;
		return length > bytesMax ? 'none' : length;
	}
	return 'none';
}
