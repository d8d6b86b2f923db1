/**
 * Answers scrapes of the metrics. All listeners of a node share one set of counters, which keep
 * their values when a listener is restarted.
 *
 * @module
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
	createMetrics,
	type Metrics,
	type MetricSample,
} from '../../runtime/observability/metrics.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { TransportContext } from '../../runtime/network/transport.ts';
import type { ProcessRow } from '../../runtime/queries/question.ts';

const metricsOfNodes = new WeakMap<Signals, Metrics>();

/** The answer to a scrape. */
export interface Scraped {
	readonly text: string;
	readonly contentType: string;
}

/** Starts counting, and returns the function that answers a scrape. */
export function createScrape(context: TransportContext): () => Promise<Scraped> {
	const { signals } = context;
	const metrics = metricsOfNodes.get(signals) ?? createMetrics(signals);
	metricsOfNodes.set(signals, metrics);
	return async () => {
		const text = await metrics.text(await sampleOf(context));
		return { text, contentType: metrics.contentType };
	};
}

const totals = z.object({ open: z.number() });

async function sampleOf({ api, config }: TransportContext): Promise<MetricSample> {
	const { signal } = new AbortController();
	const processes = new Map<string, MetricSample['processes'][number]>();
	for await (const row of api.ask({ reeve: 'processes' }, signal)) {
		const { name: lane, kind, waiting, running, node, method } = row as ProcessRow;
		// Add up the lanes of one method: they differ in their keys, of which there may be very many.
		const name = kind === 'subscriber' ? lane : `${node}.${method}.publisher`;
		const known = processes.get(name);
		processes.set(name, {
			name,
			kind,
			waiting: waiting + (known?.waiting ?? 0),
			running: running + (known?.running ?? 0),
		});
	}
	let open = 0;
	for await (const row of api.ask({ reeve: 'node' }, signal)) ({ open } = totals.parse(row));
	const file = await stat(join(config.databaseFolder, 'data.mdb')).catch(() => undefined);
	return { processes: [...processes.values()], open, journalBytes: file?.size ?? 0 };
}
