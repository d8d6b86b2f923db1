/**
 * Clients of the embedded broker that read slowly, or not at all. Aedes waits for the slowest
 * subscriber of a publication, and all others with it; here publishers do not. What a client has
 * not taken waits in memory, up to a limit for all connections of a node. What comes then is
 * dropped, but for messages of a session that is kept, which has its own limit; nodes send again
 * what is not acknowledged. A client for which so much waits, and which takes nothing for a while,
 * is ended.
 *
 * @module
 */
import type { Socket } from 'node:net';
import type { Config } from '../../runtime/config/config.ts';
import type { Clock } from '../../runtime/platform/clock.ts';

/** The limits of readers. */
export type ReaderLimits = Pick<Config, 'brokerWaitingBytesMax' | 'brokerStillMs'>;

/** A client of the broker. */
interface Client {
	readonly id: string;
	readonly clean: boolean;
	readonly conn: object;
}

/** A publication for a client. */
interface Delivery {
	readonly topic: string;
	readonly payload: string | Uint8Array;
	readonly qos: number;
	readonly retain: boolean;
}

type Deliver = (packet: Delivery, done: () => void) => void;

/** What is used of a client of aedes, which does not declare it. */
interface Reader extends Client {
	deliver0: Deliver;
	deliverQoS: Deliver;
}

/** The readers that {@link createReaders} makes. */
export interface Readers<Of extends Client> {
	/** Takes a client that has just connected, as this login. */
	enter(client: Of, login: string): void;
}

/** What waits for all connections of one login. */
interface Shared {
	bytes: number;
	readonly watches: Set<() => void>;
}

/** Creates the readers of a broker. */
export function createReaders<Of extends Client>(parts: {
	readonly limits: ReaderLimits;
	readonly clock: Clock;
	readonly onDropped: (client: Of, topic: string) => void;
	/** Told of a client that takes nothing; it is ended then. */
	readonly onStill: (client: Of) => void;
}): Readers<Of> {
	const { limits, clock, onDropped, onStill } = parts;
	const { brokerWaitingBytesMax: bytesMax, brokerStillMs: stillMs } = limits;
	const ofLogins = new Map<string, Shared>();

	return {
		enter(client, login) {
			const shared = ofLogins.get(login) ?? { bytes: 0, watches: new Set() };
			ofLogins.set(login, shared);
			const socket = client.conn as Socket;
			let own = 0;
			const add = (bytes: number): void => {
				own += bytes;
				shared.bytes += bytes;
			};
			const isStuck = () => own > 0 && shared.bytes > bytesMax;
			const end = (): void => {
				onStill(client);
				socket.destroy();
			};
			const { look, endWatch } = createWatch({ socket, clock, stillMs, isStuck, end });
			shared.watches.add(look);
			let isOpen = true;
			socket.once('close', () => {
				isOpen = false;
				add(-own);
				endWatch();
				shared.watches.delete(look);
				if (shared.watches.size === 0) ofLogins.delete(login);
			});
			/** Whether there is room for it; if not, those who take nothing are looked for. */
			const isTaken = ({ qos }: Delivery): boolean => {
				if (shared.bytes <= bytesMax) return true;
				for (const each of shared.watches) each();
				return !client.clean && qos > 0;
			};
			unhurry(client as Of & Reader, (deliver, packet) => {
				if (!isTaken(packet)) return onDropped(client, packet.topic);
				const bytes = packet.topic.length + packet.payload.length + overheadBytes;
				add(bytes);
				deliver(packet, () => {
					if (isOpen) add(-bytes);
				});
			});
		},
	};
}

/** Lets `take` handle the deliveries to a client; their publisher does not wait. */
function unhurry(reader: Reader, take: (deliver: Deliver, packet: Delivery) => void): void {
	const around =
		(deliver: Deliver): Deliver =>
		(packet, done) => {
			// What was kept before comes one after the other, at the pace of its reader.
			if (packet.retain) return deliver(packet, done);
			setImmediate(done);
			take(deliver, packet);
		};
	const deliver0 = around(reader.deliver0);
	const deliverQoS = around(reader.deliverQoS);
	reader.deliver0 = deliver0;
	reader.deliverQoS = (packet, done) => {
		if (packet.qos === 0) deliver0(packet, done);
		else deliverQoS(packet, done);
	};
}

/** What the broker keeps beside topic and payload of what waits. */
const overheadBytes = 1024;

/** Looks, when it is asked to, whether a connection takes anything in the time that it has. */
function createWatch(parts: {
	readonly socket: Socket;
	readonly clock: Clock;
	readonly stillMs: number;
	readonly isStuck: () => boolean;
	readonly end: () => void;
}): { readonly look: () => void; readonly endWatch: () => void } {
	const { socket, clock, stillMs, isStuck, end } = parts;
	let timer: ReturnType<Clock['after']> | undefined;
	const look = (): void => {
		if (timer || !isStuck()) return;
		const before = untakenBytes(socket);
		timer = clock.after(stillMs, () => {
			timer = undefined;
			if (!isStuck()) return;
			if (untakenBytes(socket) === before) end();
			else look();
		});
	};
	return { look, endWatch: () => timer?.cancel() };
}

/**
 * What the system has not taken of the write under way: it changes whenever the client has read.
 * Node.js asks the same for the timeout of a socket, but takes what a client sends for a sign, too.
 */
function untakenBytes(socket: Socket): unknown {
	const handle: unknown = Reflect.get(socket, '_handle');
	if (typeof handle !== 'object' || handle === null) return undefined;
	return Reflect.get(handle, 'writeQueueSize') as unknown;
}
