/**
 * The listener for Prometheus, as steward has it: nothing but `GET /metrics`, where
 * `promHostAndPort` says, to anybody who asks. The numbers name methods and nodes, and hold nothing
 * of any message. (Steward opens a random port on all interfaces if nothing is said; here nothing
 * is opened then.)
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

/** The listener for Prometheus; wanted where `promHostAndPort` is set. */
export default defineTransport({
	name: 'prometheus',
	wanted: ({ promHostAndPort }) => promHostAndPort !== '',
	async check({ promHostAndPort }) {
		readListenAddress('promHostAndPort', promHostAndPort);
		await Promise.resolve();
	},
	start,
});
