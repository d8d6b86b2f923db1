/**
 * The listener for Prometheus, like steward's: it serves only `GET /metrics`, at the address of
 * `promHostAndPort`, without a token. The metrics name methods and nodes, and contain no contents
 * of messages. (Without `promHostAndPort` steward opens a random port on all interfaces; reeve
 * opens none.)
 *
 * @module
 */
import {
	defineTransport,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';
import { readListenAddress } from '../sockets/listen-address.ts';

async function start(context: TransportContext): Promise<RunningTransport> {
	const { config, signals } = context;
	const { createRoutes, startWeb } = await import('./web-server.ts');
	const { addMetricsRoute } = await import('./query-routes.ts');
	const routes = createRoutes();
	addMetricsRoute(routes, context);
	const { promHostAndPort: listen } = config;
	const running = await startWeb({
		key: 'promHostAndPort',
		listen,
		config,
		routes,
		isPublic: true,
	});
	signals.emit('transport.up', { transport: 'prometheus', address: running.address });
	return running;
}

/** The transport that serves metrics to Prometheus; wanted where `promHostAndPort` is set. */
export default defineTransport({
	name: 'prometheus',
	wanted: ({ promHostAndPort }) => promHostAndPort !== '',
	async check({ promHostAndPort }) {
		readListenAddress('promHostAndPort', promHostAndPort);
		await Promise.resolve();
	},
	start,
});
