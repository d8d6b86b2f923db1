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
	/** Works again. */
	heal(): void;
	close(): Promise<void>;
}

interface Way {
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
			carry(near, far, { way, clock });
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

/** Carries what comes from one socket to the other, in order. */
function carry(from: Socket, to: Socket, { way, clock }: { way: Way; clock: Clock }): void {
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
			if (!to.destroyed) to.write(piece);
		});
		// Read on at once when it is only late, but hold no more than one piece of a silent way.
		void way.open.then(() => from.resume());
	});
	from.on('close', () => inTurn(0, () => to.destroy()));
	from.resume();
}
