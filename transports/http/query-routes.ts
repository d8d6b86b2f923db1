/**
 * The read-only routes: health, lists, the supervision tree, the events and the metrics of the
 * node.
 *
 * @module
 */
import { z } from 'zod';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { TransportContext } from '../../runtime/network/transport.ts';
import { eventStream } from './event-stream.ts';
import { createScrape } from './metrics-scrape.ts';
import type { Routes } from './web-server.ts';

/** The lists that `GET /api/...` serves. */
const lists = ['nodes', 'methods', 'processes', 'messages', 'dead'] as const;

/** The fields needed of the row of `{ reeve: 'node' }`. */
const aboutNode = z.looseObject({
	epoch: z.number(),
	mode: z.string(),
	phase: z.string(),
	isJournalHealthy: z.boolean(),
});

async function rowsOf(
	{ api }: Pick<TransportContext, 'api'>,
	question: object,
): Promise<readonly unknown[]> {
	const rows: unknown[] = [];
	for await (const row of api.ask(question, new AbortController().signal)) rows.push(row);
	return rows;
}

async function aboutOf(context: TransportContext): Promise<z.output<typeof aboutNode>> {
	const [row] = await rowsOf(context, { reeve: 'node' });
	return aboutNode.parse(row);
}

/** Adds the routes. */
export function addQueryRoutes(routes: Routes, context: TransportContext): void {
	addHealth(routes, context);
	for (const reeve of lists) {
		routes.get(`/api/${reeve}`, async ({ req }) => {
			const limit = limitOf(req.query('limit'));
			return Response.json(await rowsOf(context, { reeve, ...(limit ? { limit } : {}) }));
		});
	}
	routes.get('/api/tree', async () => {
		const [tree] = await rowsOf(context, { reeve: 'tree' });
		return Response.json(tree);
	});
	routes.get('/api/messages/:id', async ({ req }) => {
		const [timeline] = await rowsOf(context, { reeve: 'message', id: req.param('id') });
		return Response.json(timeline);
	});
	routes.get('/events', async ({ req }) => {
		const { epoch } = await aboutOf(context);
		const { signals, clock } = context;
		const filter = { node: req.query('node'), message: req.query('message') };
		const lastId = req.header('last-event-id') ?? req.query('lastEventId');
		return new Response(eventStream({ signals, clock, epoch, filter, lastId }), {
			headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
		});
	});
}

/** Adds `GET /metrics`. */
export function addMetricsRoute(routes: Routes, context: TransportContext): void {
	const scrape = createScrape(context);
	routes.get('/metrics', async () => {
		const { text, contentType } = await scrape();
		return new Response(text, { headers: { 'content-type': contentType } });
	});
}

/**
 * `/livez` is answered while the event loop runs. `/healthz` is 200 only while messages are taken:
 * not while the node recovers or stops, in safe mode, or while the journal cannot be written.
 */
function addHealth(routes: Routes, context: TransportContext): void {
	routes.get('/livez', () => Response.json({ live: true }));
	routes.get('/healthz', async () => {
		const { phase, mode, isJournalHealthy } = await aboutOf(context);
		const isReady = phase === 'open' && mode === 'normal' && isJournalHealthy;
		const journal = isJournalHealthy ? 'healthy' : 'failing';
		const body = { live: true, ready: isReady, phase, mode, journal };
		return Response.json(body, { status: isReady ? 200 : 503 });
	});
}

function limitOf(text: string | undefined): number | undefined {
	if (text === undefined) return undefined;
	const limit = Number(text);
	if (Number.isInteger(limit) && limit > 0) return limit;
	throw new ReeveError('bad_message', `limit ${text.slice(0, 40)}: not a number of rows`);
}
