/**
 * Whole nodes in the process of the test, with the machine's clock: alone with listeners, on a
 * broker as if each had a host of its own, or as a fleet around an embedded broker.
 *
 * @module
 */
import { join } from 'node:path';
import { configOf } from '../../runtime/config/config.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';
import type { Answer, TransportDefinition } from '../../runtime/network/transport.ts';
import type { Signal, SignalType } from '../../runtime/observability/signals.ts';
import { startNode, type NodeOptions, type RunningNode } from '../../supervisors/node/node.ts';
import { startBroker } from '../../transports/mqtt/embedded-broker.ts';
import { temporaryFolder, type TestScope } from './temporary.ts';

/** Values of the configuration. */
export type Values = NonNullable<Parameters<typeof configOf>[0]>;

/** Starts a node that logs nothing; it is stopped when the test is over. */
async function startQuietly(
	t: TestScope,
	values: Values,
	options: NodeOptions,
): Promise<RunningNode> {
	const config = configOf({ startPubREQHello: 0, logLevel: 'silent', ...values });
	const node = await startNode(config, options);
	t.after(() => node.stop());
	return node;
}

/** How a node on a host of its own is started. */
export interface LocalNodeOptions extends NodeOptions {
	readonly name: string;
	readonly broker: string;
	/** The folder of its journal. */
	readonly folder?: string;
	readonly values?: Values;
}

/** Starts a node on a broker, as if on a host of its own. */
export async function startLocalNode(t: TestScope, given: LocalNodeOptions): Promise<RunningNode> {
	const { name, broker, folder = temporaryFolder(t), values = {}, ...options } = given;
	const own = {
		nodeName: name,
		brokerAddress: broker,
		socketFolder: temporaryFolder(t),
		databaseFolder: folder,
		subscribersDataFolder: temporaryFolder(t),
		claimMs: 200,
		claimPauseMs: 200,
		...values,
	};
	return startQuietly(t, own, { host: `host of ${name}`, ...options });
}

/** A node with listeners and no broker. */
export interface ListeningNode {
	readonly node: RunningNode;
	readonly folder: string;
	/** The address of a transport, as it says when it is up. */
	readonly address: (transport: string) => string;
}

/** Starts a node with these transports, and a folder of its own. Its listeners want no token. */
export async function startListeningNode(
	t: TestScope,
	transports: readonly TransportDefinition[],
	own: Values & { readonly options?: NodeOptions } = {},
): Promise<ListeningNode> {
	const { options = {}, ...values } = own;
	const folder = temporaryFolder(t);
	const folders = {
		databaseFolder: join(folder, 'db'),
		subscribersDataFolder: join(folder, 'data'),
	};
	const named = { nodeName: 'central', listenerLogin: false, ...folders, ...values };
	const node = await startQuietly(t, named, { ...options, transports });
	const address = (transport: string): string => {
		for (const signal of node.signals.recent()) {
			if (signal.type === 'transport.up' && signal.transport === transport) return signal.address;
		}
		throw new Error(`${transport} is not up`);
	};
	return { node, folder, address };
}

/** An embedded broker, and nodes around it. */
export interface LocalFleet {
	/** The address of the broker. */
	readonly broker: string;
	/** Starts a node; one of a name that was stopped finds its journal again. */
	start(name: string, values?: Values, options?: NodeOptions): Promise<RunningNode>;
	/** The socket of a node that was started. */
	socket(name: string): string;
}

/** Starts the broker. Everything is stopped when the test is over. */
export async function startLocalFleet(t: TestScope): Promise<LocalFleet> {
	const broker = await startBroker('127.0.0.1:0');
	t.after(() => broker.stop());
	const folders = new Map<string, string>();
	return {
		broker: broker.address,
		socket: (name) => join(folders.get(name) ?? '', `${name}.sock`),
		async start(name, values = {}, options = {}) {
			const folder = folders.get(name) ?? temporaryFolder(t);
			folders.set(name, folder);
			const own = {
				nodeName: name,
				brokerAddress: broker.address,
				socketFolder: folder,
				databaseFolder: folder,
				subscribersDataFolder: join(folder, 'data'),
				claimMs: 100,
				resendMsMin: 100,
				...values,
			};
			return startQuietly(t, own, options);
		},
	};
}

/** Hands a message in, and returns its id. */
export async function send(node: RunningNode, message: object): Promise<string> {
	const [answer]: readonly Answer[] = await node.api.accept(message, 'spec');
	if (answer && 'id' in answer) return answer.id;
	throw new Error(JSON.stringify(answer));
}

/** All rows of an answer. */
export async function ask<Row>(node: RunningNode, question: object): Promise<Row[]> {
	const rows: Row[] = [];
	const { signal } = new AbortController();
	for await (const row of node.api.ask(question, signal)) rows.push(row as Row);
	return rows;
}

/** The row of a message once it is settled. */
export async function settled(node: RunningNode, id: string): Promise<MessageRow> {
	const rows = await ask<MessageRow>(node, { reeve: 'watch', ids: [id] });
	const last = rows.at(-1);
	if (last?.settled) return last;
	throw new Error(`${id} is not settled`);
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

/** Resolves once a node has emitted a signal about this message. */
export async function seen(node: RunningNode, type: SignalType, id: string): Promise<void> {
	await signalOf(node, type, (signal: Signal) => 'id' in signal && signal.id === id);
}
