/**
 * The embedded broker: MQTT 3.1.1 for development and small fleets, when no broker is configured.
 * It stores nothing on disk: the journals of the nodes hold all messages.
 *
 * This file is the door to aedes.
 *
 * @module
 */
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { defineTransport } from '../../runtime/network/transport.ts';
import { listenAt, readListenAddress } from '../sockets/listen-address.ts';

/** A running broker. */
export interface RunningBroker {
	/** Its address, such as `mqtt://127.0.0.1:1883`. */
	readonly address: string;
	stop(): Promise<void>;
}

/**
 * Starts a broker on `listen` (host:port; port 0 takes a free one).
 *
 * @throws ReeveError `address_in_use`, `bad_config`
 */
export async function startBroker(listen: string): Promise<RunningBroker> {
	const address = readListenAddress('brokerListen', listen);
	const broker = await Aedes.createBroker();
	const connections = new Set<Socket>();
	const server = createServer({ noDelay: true }, (socket) => {
		connections.add(socket);
		socket.once('close', () => connections.delete(socket));
		broker.handle(socket);
	});
	let bound: string;
	try {
		bound = await listenAt(server, 'brokerListen', address);
	} catch (thrown) {
		await closed(broker);
		throw thrown;
	}
	return {
		address: `mqtt://${bound}`,
		async stop() {
			const serverClosed = new Promise((resolve) => server.close(resolve));
			await closed(broker);
			// The broker does not know the connections that have not sent CONNECT yet.
			for (const connection of connections) connection.destroy();
			await serverClosed;
		},
	};
}

function closed(broker: Aedes): Promise<void> {
	return new Promise((resolve) => broker.close(() => resolve()));
}

/** The address at which the node itself finds the broker that it starts on `listen`. */
export function ownBrokerAddress(listen: string): string {
	const { host, port } = readListenAddress('brokerListen', listen);
	const reached = host === '' ? '127.0.0.1' : host;
	return `mqtt://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}

/** The embedded broker; wanted where `brokerAddress` is empty. */
export default defineTransport({
	name: 'broker',
	wanted: ({ brokerAddress }) => brokerAddress === '',
	async start({ config, signals }) {
		const broker = await startBroker(config.brokerListen);
		signals.emit('transport.up', { transport: 'broker', address: broker.address });
		return broker;
	},
});
