/**
 * The HTTP listener: takes messages with `POST /messages`, like steward's, and serves health,
 * lists, the supervision tree, metrics and the stream of events. It is off unless `httpListener`
 * gives an address.
 *
 * @module
 */
import {
	defineTransport,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';
import { readGuard, readListenAddress } from '../sockets/listen-address.ts';

async function start(context: TransportContext): Promise<RunningTransport> {
	const { config, signals } = context;
	const { createRoutes, startWeb } = await import('./web-server.ts');
	const { addMessageRoutes } = await import('./message-routes.ts');
	const { addQueryRoutes, addMetricsRoute } = await import('./query-routes.ts');
	const routes = createRoutes();
	addMessageRoutes(routes, context);
	addQueryRoutes(routes, context);
	addMetricsRoute(routes, context);
	const running = await startWeb({
		key: 'httpListener',
		listen: config.httpListener,
		config,
		routes,
		open: ['/healthz', '/livez'],
	});
	signals.emit('transport.up', { transport: 'http', address: running.address });
	return running;
}

/** The transport for programs that speak HTTP; wanted where `httpListener` is set. */
export default defineTransport({
	name: 'http',
	wanted: ({ httpListener }) => httpListener !== '',
	async check(config) {
		const at = readListenAddress('httpListener', config.httpListener);
		await readGuard('httpListener', at, config);
	},
	start,
});
