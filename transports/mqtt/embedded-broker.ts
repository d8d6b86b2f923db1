/**
 * The embedded broker: MQTT 3.1.1 for development and small fleets, when no broker is configured.
 * It stores nothing on disk: the journals of the nodes hold all messages.
 *
 * This file is the door to aedes.
 *
 * @module
 */
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { defineTransport } from '../../runtime/network/transport.ts';

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
	const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(listen) ?? [];
	if (port === '' || Number(port) > 65_535)
		throw new ReeveError('bad_config', `brokerListen ${listen}: not host:port`);
	const broker = await Aedes.createBroker();
	const connections = new Set<Socket>();
	const server = createServer({ noDelay: true }, (socket) => {
		connections.add(socket);
		socket.once('close', () => connections.delete(socket));
		broker.handle(socket);
	});
	try {
		await listening(server, host, Number(port));
	} catch (thrown) {
		await closed(broker);
		throw thrown;
	}
	const bound = server.address();
	const boundPort = typeof bound === 'object' && bound ? bound.port : Number(port);
	return {
		address: `mqtt://${host}:${boundPort}`,
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

function listening(server: Server, host: string, port: number): Promise<void> {
	return new Promise((resolve, reject) => {
		server.on('error', (cause: NodeJS.ErrnoException) => {
			const code = cause.code === 'EADDRINUSE' ? 'address_in_use' : 'bad_config';
			reject(new ReeveError(code, `broker on ${host}:${port}: ${cause.message}`, { cause }));
		});
		server.listen(port, host, resolve);
	});
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
