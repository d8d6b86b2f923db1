/**
 * The gate of the embedded broker: what a client may cost before it has logged in. Its first packet
 * must be a CONNECT of limited length, within a limited time; only then does the broker read from
 * it. Clients that have logged in are never ended for the sake of those that have not. A node has
 * so many connections, and all nodes leave some for the administrator.
 *
 * @module
 */
import type { Socket } from 'node:net';
import type { Config } from '../../runtime/config/config.ts';
import type { Clock } from '../../runtime/platform/clock.ts';

/** The limits of the gate. */
export type GateLimits = Pick<
	Config,
	| 'brokerConnectionsMax'
	| 'brokerConnectionsPerLoginMax'
	| 'brokerConnectionsReserved'
	| 'brokerStrangersMax'
	| 'brokerLoginBytesMax'
	| 'brokerLoginMs'
>;

/** The gate that {@link createGate} makes. */
export interface Gate {
	/** Takes a connection; it is handed on once its CONNECT is complete. */
	enter(socket: Socket): void;
	/**
	 * The client of this connection has logged in: a node, or the administrator (undefined). Says
	 * whether there was room, `replaced` if that of the node's oldest connection.
	 */
	admit(socket: unknown, node: string | undefined): 'in' | 'replaced' | 'full';
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
	const nodes = createNodeConnections(limits);
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
		admit(socket, node) {
			forget(socket as Socket);
			return node === undefined ? 'in' : nodes.admit(socket as Socket, node);
		},
		end() {
			for (const socket of connections) socket.destroy();
		},
	};
}

/** The connections of nodes that have logged in. */
function createNodeConnections(limits: GateLimits): {
	admit(socket: Socket, node: string): 'in' | 'replaced' | 'full';
} {
	const { brokerConnectionsMax, brokerConnectionsReserved, brokerConnectionsPerLoginMax } = limits;
	const reserved = Math.min(brokerConnectionsReserved, Math.floor(brokerConnectionsMax / 2));
	/** Those of each node, the oldest first. */
	const ofNodes = new Map<string, Set<Socket>>();
	let count = 0;
	const leave = (socket: Socket, node: string): void => {
		const own = ofNodes.get(node);
		if (own?.delete(socket) !== true) return;
		count -= 1;
		if (own.size === 0) ofNodes.delete(node);
	};
	return {
		admit(socket, node) {
			const [oldest] = ofNodes.get(node) ?? [];
			const isMuch = (ofNodes.get(node)?.size ?? 0) >= brokerConnectionsPerLoginMax;
			if (isMuch && oldest) {
				leave(oldest, node);
				oldest.destroy();
			}
			if (count >= brokerConnectionsMax - reserved) return 'full';
			const own = ofNodes.get(node) ?? new Set();
			ofNodes.set(node, own.add(socket));
			count += 1;
			socket.once('close', () => leave(socket, node));
			return isMuch ? 'replaced' : 'in';
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
