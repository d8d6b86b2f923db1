/**
 * A TCP proxy that stands between a node and its broker, and makes the network bad: it delays, it
 * falls silent, it cuts.
 *
 * @module
 */
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { pause, type Clock } from '../../runtime/platform/clock.ts';

/** A running proxy. */
export interface Proxy {
	readonly port: number;
	/** Breaks every connection, and refuses new ones until healed. */
	cut(): void;
	/**
	 * Passes nothing on, in neither direction, not even that a connection was closed; until healed,
	 * when what was held back arrives late.
	 */
	silence(): void;
	/** Every piece arrives so much later, in order. */
	delay(ms: number): void;
	/** Hangs up on publications that the rule names, as a broker does, until it is undefined. */
	refuse(rule: Refusal | undefined): void;
	/** Works again; a rule stays. */
	heal(): void;
	close(): Promise<void>;
}

/** Publications on which a broker hangs up: larger ones, or those on some topics. */
export interface Refusal {
	readonly bytesMax?: number;
	readonly topic?: RegExp;
}

interface Way {
	refusal?: Refusal | undefined;
	isCut: boolean;
	delayMs: number;
	/** Settled while pieces are passed on. */
	open: Promise<void>;
	release: () => void;
}

/** Starts a proxy to the first of `ports` that takes a connection. */
export async function startProxy(clock: Clock, ports: () => readonly number[]): Promise<Proxy> {
	const way: Way = { isCut: false, delayMs: 0, open: Promise.resolve(), release: () => {} };
	const sockets = new Set<Socket>();
	const keep = (socket: Socket): void => {
		sockets.add(socket);
		socket.setNoDelay(true);
		socket.on('error', () => socket.destroy());
		socket.on('close', () => sockets.delete(socket));
	};
	const server = createServer({ pauseOnConnect: true }, (near) => {
		keep(near);
		const join = (far: Socket | undefined): void => {
			if (!far || way.isCut || near.destroyed) {
				far?.destroy();
				near.destroy();
				return;
			}
			keep(far);
			const mayPass = watchPublications((bytes, topic) => {
				const { bytesMax = Infinity, topic: forbidden } = way.refusal ?? {};
				return bytes <= bytesMax && !forbidden?.test(topic);
			});
			carry(near, far, { way, clock, mayPass });
			carry(far, near, { way, clock });
		};
		if (way.isCut) near.destroy();
		else void way.open.then(() => connectFirst(ports())).then(join);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const address = server.address();
	if (typeof address !== 'object' || !address) throw new Error('no port is free');
	const cutAll = () => {
		for (const socket of sockets) socket.destroy();
	};
	return {
		port: address.port,
		cut() {
			way.isCut = true;
			cutAll();
		},
		silence() {
			way.release();
			way.open = new Promise((resolve) => (way.release = resolve));
		},
		refuse: (rule) => void (way.refusal = rule),
		delay: (ms) => void (way.delayMs = ms),
		heal() {
			way.isCut = false;
			way.delayMs = 0;
			way.release();
		},
		async close() {
			way.release();
			const closed = once(server, 'close');
			server.close();
			cutAll();
			await closed;
		},
	};
}

/** Connects to the first port that takes a connection; undefined if none does. */
async function connectFirst(ports: readonly number[]): Promise<Socket | undefined> {
	for (const port of ports) {
		const socket = createConnection({ port, host: '127.0.0.1' });
		const isOpen = await new Promise<boolean>((resolve) => {
			socket.once('connect', () => resolve(true));
			socket.once('error', () => resolve(false));
		});
		if (isOpen) return socket;
	}
	return undefined;
}

/** The first byte of a PUBLISH, without its flags; MQTT 5.0, section 2.1.2. */
const publish = 3;

/**
 * Reads the packets of an MQTT client as they come in pieces; the result is false for a piece with
 * a publication that may not pass.
 */
export function watchPublications(
	mayPass: (bytes: number, topic: string) => boolean,
): (piece: Uint8Array) => boolean {
	let head = Buffer.alloc(0);
	let skip = 0;
	return (piece) => {
		let rest = Buffer.from(piece);
		while (rest.length > 0) {
			if (skip > 0) {
				const skipped = Math.min(skip, rest.length);
				skip -= skipped;
				rest = rest.subarray(skipped);
				continue;
			}
			head = Buffer.concat([head, rest]);
			rest = Buffer.alloc(0);
			const packet = readHead(head);
			if (!packet) return true;
			const { bytes, topic } = packet;
			if (topic !== undefined && !mayPass(bytes, topic)) return false;
			rest = head.subarray(Math.min(bytes, head.length));
			skip = Math.max(0, bytes - head.length);
			head = Buffer.alloc(0);
		}
		return true;
	};
}

/** The size of a packet, and its topic if it is a PUBLISH; undefined if more must come first. */
function readHead(head: Buffer): { bytes: number; topic?: string } | undefined {
	let length = 0;
	for (let at = 1; at <= 4; at += 1) {
		const byte = head[at];
		if (byte === undefined) return undefined;
		length += (byte & 127) * 128 ** (at - 1);
		if (byte >= 128) continue;
		const bytes = at + 1 + length;
		if ((head[0] ?? 0) >> 4 !== publish) return { bytes };
		if (head.length < at + 3) return undefined;
		const topicBytes = head.readUInt16BE(at + 1);
		if (head.length < at + 3 + topicBytes) return undefined;
		return { bytes, topic: head.toString('utf8', at + 3, at + 3 + topicBytes) };
	}
	return { bytes: head.length };
}

/** Carries what comes from one socket to the other, in order. */
function carry(
	from: Socket,
	to: Socket,
	parts: { way: Way; clock: Clock; mayPass?: (piece: Uint8Array) => boolean },
): void {
	const { way, clock, mayPass = () => true } = parts;
	let line = Promise.resolve();
	const inTurn = (dueAt: number, run: () => void): void => {
		line = line.then(async () => {
			await way.open;
			const leftMs = dueAt - clock.monotonic();
			if (leftMs > 0) await pause(clock, leftMs);
			run();
		});
	};
	from.on('data', (piece) => {
		from.pause();
		inTurn(clock.monotonic() + way.delayMs, () => {
			if (!mayPass(piece)) {
				from.destroy();
				to.destroy();
			} else if (!to.destroyed) to.write(piece);
		});
		// Read on at once when it is only late, but hold no more than one piece of a silent way.
		void way.open.then(() => from.resume());
	});
	from.on('close', () => inTurn(0, () => to.destroy()));
	from.resume();
}
