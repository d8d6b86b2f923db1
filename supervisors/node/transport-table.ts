/**
 * The transports that there are: every file of `transports/` whose default export declares one. A
 * file keeps its heavy imports for its `start`, so that what is not wanted costs next to nothing.
 *
 * @module
 */
import { readdir } from 'node:fs/promises';
import type { TransportDefinition } from '../../runtime/network/transport.ts';

const folder = new URL('../../transports/', import.meta.url);

/** Loads them, in the order of their names: doors and wires find a broker in this node started. */
export async function loadTransports(): Promise<readonly TransportDefinition[]> {
	const files = (await readdir(folder)).filter(
		(file) => /\.[jt]s$/.test(file) && !file.endsWith('.d.ts'),
	);
	const loaded = await Promise.all(
		files.toSorted().map(async (file): Promise<unknown> => {
			const module = (await import(new URL(file, folder).href)) as { readonly default?: unknown };
			return module.default;
		}),
	);
	return loaded.filter(isTransport);
}

function isTransport(value: unknown): value is TransportDefinition {
	return typeof value === 'object' && value !== null && 'start' in value && 'wanted' in value;
}
