/**
 * CPU profiles on `profilingPort`, as in steward, but in the format of Node.js: the answer to `GET
 * /profile?seconds=10` is a file for the developer tools of a browser. The port is always on the
 * loopback interface, so only this machine can reach it, and wants the token of the listeners.
 *
 * @module
 */
import { pause, type Clock } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import {
	defineTransport,
	type RunningTransport,
	type TransportContext,
} from '../../runtime/network/transport.ts';

/** Runs the profiler for this time, or until the client is gone. */
async function profile(clock: Clock, seconds: number, gone: AbortSignal): Promise<object> {
	const { Session } = await import('node:inspector/promises');
	const session = new Session();
	session.connect();
	try {
		await session.post('Profiler.enable');
		await session.post('Profiler.start');
		await pause(clock, seconds * 1000, gone);
		const { profile: found } = await session.post('Profiler.stop');
		return found;
	} finally {
		session.disconnect();
	}
}

function secondsOf(text: string | undefined, max: number): number {
	const seconds = text === undefined ? Math.min(10, max) : Number(text);
	if (seconds > 0 && seconds <= max) return seconds;
	throw new ReeveError('bad_message', `seconds: a number up to ${max}, by profileSecondsMax`);
}

async function start(context: TransportContext): Promise<RunningTransport> {
	const { config, clock, signals } = context;
	const { createRoutes, startWeb } = await import('./web-server.ts');
	const stopping = new AbortController();
	const routes = createRoutes();
	let isBusy = false;
	for (const path of ['/profile', '/debug/pprof/profile']) {
		routes.get(path, async ({ req }) => {
			const seconds = secondsOf(req.query('seconds'), config.profileSecondsMax);
			// Two profiles at a time would each show the work of the other.
			if (isBusy) throw new ReeveError('too_many_clients', 'a profile is being taken');
			isBusy = true;
			const gone = AbortSignal.any([req.raw.signal, stopping.signal]);
			const found = await profile(clock, seconds, gone).finally(() => {
				isBusy = false;
			});
			const disposition = 'attachment; filename="reeve.cpuprofile"';
			return Response.json(found, { headers: { 'content-disposition': disposition } });
		});
	}
	const running = await startWeb({
		key: 'profilingPort',
		listen: `127.0.0.1:${config.profilingPort}`,
		config,
		routes,
	});
	signals.emit('transport.up', { transport: 'profiling', address: running.address });
	return {
		address: running.address,
		async stop() {
			stopping.abort();
			await running.stop();
		},
	};
}

/** The transport that serves CPU profiles; wanted where `profilingPort` is set. */
export default defineTransport({
	name: 'profiling',
	wanted: ({ profilingPort }) => profilingPort !== '',
	start,
});
