/**
 * Whole nodes on a real broker, in the process of the test and with the machine's clock, each as if
 * on a host of its own: what the simulated wire does not have is names, sessions and subscriptions.
 *
 * @module
 */
import { configOf } from '../../runtime/config/config.ts';
import type { Signal, SignalType } from '../../runtime/observability/signals.ts';
import { startNode, type NodeOptions, type RunningNode } from '../../supervisors/node/node.ts';
import type { LongTestScope } from './open-journal.ts';
import { temporaryFolder } from './temporary.ts';

/** How a node is started. */
export interface RealOptions extends NodeOptions {
	readonly name: string;
	readonly broker: string;
	readonly folder?: string;
	readonly values?: Parameters<typeof configOf>[0];
}

/** Starts a node; it is stopped when the test is over. */
export async function startReal(t: LongTestScope, options: RealOptions): Promise<RunningNode> {
	const { name, broker, folder = temporaryFolder(t), values = {}, ...more } = options;
	const config = configOf({
		nodeName: name,
		brokerAddress: broker,
		socketFolder: temporaryFolder(t),
		databaseFolder: folder,
		subscribersDataFolder: temporaryFolder(t),
		startPubREQHello: 0,
		logLevel: 'silent',
		claimMs: 200,
		claimPauseMs: 200,
		...values,
	});
	const node = await startNode(config, { host: `host of ${name}`, ...more });
	t.after(async () => {
		await node.stop();
	});
	return node;
}

/** Resolves with the first signal of a type for which it holds, emitted already or later. */
export function signalOf<Type extends SignalType>(
	{ signals }: RunningNode,
	type: Type,
	is: (signal: Extract<Signal, { type: Type }>) => boolean = () => true,
): Promise<Extract<Signal, { type: Type }>> {
	const matches = (signal: Signal): signal is Extract<Signal, { type: Type }> =>
		signal.type === type && is(signal as Extract<Signal, { type: Type }>);
	return new Promise((resolve) => {
		const known = signals.recent().find(matches);
		if (known) {
			resolve(known);
			return;
		}
		const unsubscribe = signals.subscribe((signal) => {
			if (!matches(signal)) return;
			unsubscribe();
			resolve(signal);
		});
	});
}
