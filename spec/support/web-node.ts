/**
 * A node in this process with listeners, for specs: no broker, a folder of its own.
 *
 * @module
 */
import { join } from 'node:path';
import { configOf } from '../../runtime/config/config.ts';
import type { TransportDefinition } from '../../runtime/network/transport.ts';
import { startNode, type NodeOptions, type RunningNode } from '../../supervisors/node/node.ts';
import { temporaryFolder } from './temporary.ts';
import type { TestContext } from 'node:test';

/** A node, and where its listeners are. */
export interface WebNode {
	readonly node: RunningNode;
	readonly folder: string;
	/** The address of a transport, as it says when it is up. */
	readonly address: (transport: string) => string;
}

/** Starts a node with these transports. */
export async function startWebNode(
	t: TestContext,
	transports: readonly TransportDefinition[],
	own: Parameters<typeof configOf>[0] & { readonly options?: NodeOptions } = {},
): Promise<WebNode> {
	const { options = {}, ...values } = own;
	const folder = temporaryFolder(t);
	const config = configOf({
		nodeName: 'central',
		databaseFolder: join(folder, 'db'),
		subscribersDataFolder: join(folder, 'data'),
		startPubREQHello: 0,
		logLevel: 'silent',
		...values,
	});
	const node = await startNode(config, { ...options, transports });
	t.after(() => node.stop());
	const address = (transport: string): string => {
		for (const signal of node.signals.recent()) {
			if (signal.type === 'transport.up' && signal.transport === transport) return signal.address;
		}
		throw new Error(`${transport} is not up`);
	};
	return { node, folder, address };
}
