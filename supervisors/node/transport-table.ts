/**
 * The transports of a node, in the order in which they start: the broker first, since listeners and
 * wires of the same node connect to it. A transport keeps its heavy imports for its `start`, so one
 * that is switched off costs next to nothing.
 *
 * @module
 */
import type { TransportDefinition } from '../../runtime/network/transport.ts';

const table: readonly (() => Promise<{ readonly default: TransportDefinition }>)[] = [
	() => import('../../transports/mqtt/embedded-broker.ts'),
	() => import('../../transports/http/exposed-folder.ts'),
	() => import('../../transports/http/http.ts'),
	() => import('../../transports/mqtt/mqtt.ts'),
	() => import('../../transports/http/profiling.ts'),
	() => import('../../transports/http/prometheus.ts'),
	() => import('../../transports/folders/read-folder.ts'),
	() => import('../../transports/folders/startup-folder.ts'),
	() => import('../../transports/sockets/tcp.ts'),
	() => import('../../transports/sockets/unix-socket.ts'),
];

/** Loads the transports, in the order of the table. */
export async function loadTransports(): Promise<readonly TransportDefinition[]> {
	const loaded = await Promise.all(table.map((load) => load()));
	return loaded.map((module) => module.default);
}
