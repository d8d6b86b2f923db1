/**
 * The process whose memory is measured: one that has loaded what a node loads, and does nothing; a
 * node that does nothing; or a node with messages that wait for another one.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { loadMethods } from '../../runtime/method/method-registry.ts';
import { configOf, startNode, type RunningNode } from '../../supervisors/node/node.ts';
import { loadTransports } from '../../supervisors/node/transport-table.ts';
import { freePort } from '../support/broker.ts';

/** What the process measures. */
export interface MemoryOrder {
	readonly what: 'loaded' | 'idle' | 'queued';
	readonly folder: string;
	/** How many messages wait. */
	readonly count: number;
}

/** Memory of the process, when it has come to rest. */
export interface MemoryAnswer {
	/** All that is resident. */
	readonly bytes: number;
	/** The part that is no page of a mapped file; on Linux only. */
	readonly ownBytes: number | undefined;
}

const data = 'x'.repeat(200);
/** Messages that are handed in and not yet on disk, at most. */
const underWayMax = 1000;

/** A node as `reeve run` starts it: with the broker that it brings along. */
async function start(folder: string): Promise<RunningNode> {
	return startNode(
		configOf({
			nodeName: 'central',
			brokerListen: `127.0.0.1:${await freePort()}`,
			socketFolder: folder,
			databaseFolder: `${folder}/db`,
			subscribersDataFolder: `${folder}/data`,
			logLevel: 'silent',
		}),
	);
}

async function fill({ api }: RunningNode, count: number): Promise<void> {
	for (let filed = 0; filed < count; filed += underWayMax) {
		const some = Math.min(underWayMax, count - filed);
		await Promise.all(
			Array.from({ length: some }, async () => {
				const message = { toNode: 'nowhere', method: 'REQToFileAppend', data, fileName: 'log' };
				const [answer] = await api.accept(message, 'bench');
				if (answer && 'error' in answer) throw new Error(answer.error);
			}),
		);
	}
}

/** Waits until what is left over from the start and from the work has been let go of. */
async function rest(): Promise<void> {
	for (let time = 0; time < 4; time += 1) {
		globalThis.gc?.();
		await new Promise((resolve) => setTimeout(resolve, 500));
	}
	globalThis.gc?.();
}

async function ownBytes(): Promise<number | undefined> {
	const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
	const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
	return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

async function measure({ what, folder, count }: MemoryOrder): Promise<MemoryAnswer> {
	// What `startNode` loads on its way is loaded here too, so that it is no part of the difference.
	await loadMethods([fileURLToPath(new URL('../../actors/methods/', import.meta.url))]);
	await loadTransports();
	if (what !== 'loaded') {
		const node = await start(folder);
		if (what === 'queued') await fill(node, count);
	}
	await rest();
	return { bytes: process.memoryUsage.rss(), ownBytes: await ownBytes() };
}

process.once('message', (order: MemoryOrder) => {
	void measure(order).then((measured) => {
		process.send?.(measured, () => process.kill(process.pid, 'SIGKILL'));
	});
});
