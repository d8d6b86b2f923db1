/**
 * Whole nodes around one broker, all in the process of the test, with real clocks.
 *
 * @module
 */
import { join } from 'node:path';
import { configOf } from '../../runtime/config/config.ts';
import type { Answer } from '../../runtime/network/transport.ts';
import { startNode, type NodeOptions, type RunningNode } from '../../supervisors/node/node.ts';
import { startBroker } from '../../transports/mqtt/embedded-broker.ts';
import type { LongTestScope } from './open-journal.ts';
import { temporaryFolder } from './temporary.ts';
import type { MessageRow } from '../../runtime/ledger/message-state.ts';

/** A broker, and nodes around it. */
export interface Estate {
	/** The address of the broker. */
	readonly broker: string;
	/** Starts a node; one of a name that was stopped finds its journal again. */
	start(
		name: string,
		values?: Parameters<typeof configOf>[0],
		options?: NodeOptions,
	): Promise<RunningNode>;
	/** The socket of a node that was started. */
	socket(name: string): string;
}

/** Starts the broker. Everything is stopped when the test is over. */
export async function startEstate(t: LongTestScope): Promise<Estate> {
	const broker = await startBroker('127.0.0.1:0');
	t.after(() => broker.stop());
	const folders = new Map<string, string>();
	return {
		broker: broker.address,
		socket: (name) => join(folders.get(name) ?? '', `${name}.sock`),
		async start(name, values = {}, options = {}) {
			const folder = folders.get(name) ?? temporaryFolder(t);
			folders.set(name, folder);
			const node = await startNode(
				configOf({
					nodeName: name,
					brokerAddress: broker.address,
					socketFolder: folder,
					databaseFolder: folder,
					subscribersDataFolder: folder,
					startPubREQHello: 0,
					logLevel: 'silent',
					claimMs: 100,
					resendMsMin: 100,
					...values,
				}),
				options,
			);
			t.after(async () => {
				await node.stop();
			});
			return node;
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

/** Resolves once a node has emitted a signal about this message. */
export function seen(node: RunningNode, type: string, id: string): Promise<void> {
	const isIt = (signal: { readonly type: string }) =>
		signal.type === type && 'id' in signal && signal.id === id;
	return new Promise((resolve) => {
		const unsubscribe = node.signals.subscribe((signal) => {
			if (!isIt(signal)) return;
			unsubscribe();
			resolve();
		});
		if (node.signals.recent().some(isIt)) {
			unsubscribe();
			resolve();
		}
	});
}
