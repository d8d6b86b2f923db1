/**
 * An end of a queue as a process of its own: a node that fills its outbox and has it drained, or
 * the one that it waits for, which can leave and come back. Both tell what processor time they have
 * used, so that the cost of a message does not depend on what else the machine does.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { configOf, startNode, type RunningNode } from '../../supervisors/node/node.ts';
import { ownBytes } from './own-memory.ts';
import { serve, type Work } from './serving.ts';
import { trivialMethod, trivialName } from './trivial.ts';
import { keyedLanes, laneName } from '../../runtime/protocol/lane.ts';

/** What a host is told to be. */
export interface QueueOrder {
	readonly role: 'sender' | 'receiver';
	readonly name: string;
	readonly folder: string;
	readonly broker: string;
}

/**
 * What a sender does: `flood` so many messages and wait for their end; `file` them, until they are
 * on disk; wait until so many were `settled` since the last `mark`; `adopt` the journal that is in
 * this folder. What both do: `leave`, `return`, tell what they have `used`, and `weigh`.
 *
 * Every answer is the milliseconds that it took and those of processor time; that of `settled`
 * counts both from the mark, and adds the milliseconds from the mark to the first settlement. That
 * of `used` is the processor time so far; that of `weigh` the megabytes of memory of its own, after
 * garbage collection, and those of the journal.
 */
export type QueueJob =
	| { readonly do: 'flood' | 'file'; readonly count: number; readonly load: QueueLoad }
	| { readonly do: 'settled'; readonly count: number }
	| { readonly do: 'adopt'; readonly name: string; readonly databaseFolder: string }
	| { readonly do: 'mark' | 'leave' | 'return' | 'used' | 'weigh' };

/** Where the messages go, and over how many lanes. */
export interface QueueLoad {
	readonly to: string;
	readonly bytes: number;
	readonly lanes: number;
}

/** As many methods as it takes to have a thousand lanes. */
const trivialNames = [
	trivialName,
	...Array.from({ length: Math.ceil(1000 / keyedLanes) - 1 }, (_, at) => `${trivialName}${at}`),
];

/** What a message of each of so many lanes says of its lane. */
function placesOf(lanes: number): readonly { readonly method: string; readonly key?: string }[] {
	if (lanes === 1) return [{ method: trivialName }];
	const places = new Map<string, { readonly method: string; readonly key: string }>();
	for (let number = 0; places.size < lanes; number += 1) {
		const method = trivialNames[Math.floor(places.size / keyedLanes)] ?? trivialName;
		const place = { method, key: `key-${number}` };
		places.set(laneName({ ...place, toNode: '', kind: 'EventACK' }), place);
	}
	return [...places.values()];
}

/** Messages that are handed in and not yet settled, or not yet on disk. */
const underWayMax = { flood: 4096, file: 2000 } as const;
const megabyte = 2 ** 20;

const cpuMs = (): number => {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1000;
};

interface Place {
	readonly name: string;
	readonly databaseFolder: string;
}

function start({ name, databaseFolder }: Place, order: QueueOrder): Promise<RunningNode> {
	const { folder, broker } = order;
	const config = configOf({
		nodeName: name,
		brokerAddress: broker,
		socketFolder: folder,
		databaseFolder,
		subscribersDataFolder: join(folder, name, 'data'),
		startPubREQHello: 0,
		claimMs: 500,
		logLevel: 'silent',
		outboxMessagesMax: 2_000_000,
	});
	return startNode(config, { methods: trivialNames.map(trivialMethod) });
}

/** Counts settlements, and wakes the waiter for so many. */
function createTally() {
	let [settled, since, sinceCpu, first] = [0, 0, 0, 0];
	let waiter: { readonly count: number; readonly wake: () => void } | undefined;
	return {
		see(): void {
			if (settled === 0) first = performance.now();
			settled += 1;
			if (!waiter || settled < waiter.count) return;
			waiter.wake();
			waiter = undefined;
		},
		mark(): void {
			settled = 0;
			since = performance.now();
			sinceCpu = cpuMs();
		},
		async reached(count: number): Promise<readonly number[]> {
			if (settled < count) await new Promise<void>((wake) => (waiter = { count, wake }));
			return [performance.now() - since, cpuMs() - sinceCpu, first - since];
		},
	};
}

async function be(order: QueueOrder): Promise<Work<QueueJob>> {
	const tally = createTally();
	let place: Place = { name: order.name, databaseFolder: join(order.folder, order.name, 'db') };
	const begin = async (): Promise<RunningNode> => {
		const node = await start(place, order);
		node.signals.subscribe(({ type }) => {
			if (type === 'message.settled') tally.see();
		});
		return node;
	};
	let node = await begin();
	const taking = async (run: () => Promise<unknown>): Promise<readonly number[]> => {
		const [from, fromCpu] = [performance.now(), cpuMs()];
		await run();
		return [performance.now() - from, cpuMs() - fromCpu];
	};
	return async (job) => {
		switch (job.do) {
			case 'flood':
				tally.mark();
				return taking(async () => {
					await hand(node, job);
					await tally.reached(job.count);
				});
			case 'file':
				return taking(() => hand(node, job));
			case 'mark':
				tally.mark();
				return [];
			case 'settled':
				return tally.reached(job.count);
			case 'adopt':
				await node.stop();
				place = job;
				tally.mark();
				return taking(async () => void (node = await begin()));
			case 'used':
				return [cpuMs()];
			case 'leave':
				return taking(() => node.stop());
			case 'return':
				return taking(async () => void (node = await begin()));
			default:
				return weight(place);
		}
	};
}

/** Hands messages in, as many at a time as may be under way. */
async function hand(
	{ api, signals }: RunningNode,
	{ do: what, count, load }: Extract<QueueJob, { readonly load: QueueLoad }>,
): Promise<void> {
	const { to, bytes, lanes } = load;
	const data = 'x'.repeat(bytes);
	const places = placesOf(lanes);
	let [handed, done] = [0, 0];
	await new Promise<void>((resolve, reject) => {
		const stop = signals.subscribe(({ type }) => {
			if (type === 'message.settled' && what === 'flood') over();
		});
		const more = (): void => {
			while (handed < count && handed - done < underWayMax[what]) {
				const message = { toNode: to, data, ...places[handed % lanes] };
				handed += 1;
				void api.accept(message, 'bench').then(([answer]) => {
					if (!answer || 'error' in answer) reject(new Error(JSON.stringify(answer)));
					if (what === 'file') over();
				});
			}
		};
		const over = (): void => {
			done += 1;
			if (done % 256 === 0) more();
			if (done < count) return;
			stop();
			resolve();
		};
		more();
	});
}

/** One collection is not enough: V8 gives memory back only when it sees that it stays unused. */
const collections = 3;
const restMs = 200;

async function weight({ databaseFolder }: Place): Promise<readonly number[]> {
	for (let count = 0; count < collections; count += 1) {
		globalThis.gc?.();
		await new Promise((resolve) => setTimeout(resolve, restMs));
	}
	const journal = statSync(join(databaseFolder, 'data.mdb')).size / megabyte;
	return [ownBytes() / megabyte, journal];
}

serve<QueueOrder, QueueJob>(be);
