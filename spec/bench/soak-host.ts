/**
 * A node of a soak as a process of its own: it weighs itself when it is asked to, and one of them
 * makes the load.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { realClock, type Clock } from '../../runtime/platform/clock.ts';
import { configOf, startNode, type RunningNode } from '../../supervisors/node/node.ts';
import { talk } from '../torture/talk.ts';
import { ownBytes } from './own-memory.ts';
import { serve, type Work } from './serving.ts';
import type { TreeRow } from '../../runtime/queries/question.ts';

/** What such a node is told to be. */
export interface SoakOrder {
	readonly name: string;
	readonly folder: string;
	readonly broker: string;
	/** The nodes that it sends to, once it is told to work. */
	readonly receivers: readonly string[];
}

/**
 * `load` from now on; `weigh` it, which answers the figures of `soak-figures.ts`; `stop` the load,
 * and answer how many messages were handed in, how many of them appended a line, and how many have
 * another outcome than `done`, when all of them are settled.
 */
export interface SoakJob {
	readonly do: 'load' | 'weigh' | 'stop';
}

/**
 * Retention is shortened, so that everything that has a limit reaches it while the soak warms up:
 * what grows afterwards has none.
 */
const retention = {
	settledKeptMax: 1000,
	receiptsKeptMax: 1000,
	storeLogBytesMax: 131_072,
	storeLogFilesMax: 2,
	turnsKeptMax: 8,
	passivateAfter: 2,
	signalsKeptMax: 500,
} as const;

/** It has a timer, a step, values, and an answer for a question. */
const definition = `
actor: tally
version: 1
events:
  ADD: { by: number }
context:
  total: 0
delays:
  patience: =3000.0
initial: calm
on:
  ADD:
    do:
      - assign: { total: =context.total + event.by }
      - reply: { total: =context.total }
states:
  calm:
    on:
      ADD:
        - if: event.by == 9
          target: noting
          do:
            - reply: { total: =context.total }
        - target: warm
          do:
            - assign: { total: =context.total + event.by }
            - reply: { total: =context.total }
  warm:
    after:
      patience: calm
  noting:
    step:
      writeFile: { file: 'tally/\${key}', data: '\${context.total}' }
      done: calm
      failed: calm
`;

/** The machine's clock, which knows how many of its timers are pending. */
function countingClock(): Clock & { pending(): number } {
	let pending = 0;
	return {
		...realClock,
		after(delayMs, run) {
			let isPending = true;
			const over = (): void => {
				if (isPending) pending -= 1;
				isPending = false;
			};
			pending += 1;
			const timer = realClock.after(delayMs, () => {
				over();
				run();
			});
			return {
				cancel() {
					over();
					timer.cancel();
				},
			};
		},
		pending: () => pending,
	};
}

const megabyte = 2 ** 20;
const tickMs = 100;
/** Beyond so many open messages nothing is handed in: steady, not more than the machine can do. */
const openMax = 400;
const keys = 8;
const instances = 40;

async function beNode(order: SoakOrder): Promise<Work<SoakJob>> {
	const { folder, name, broker } = order;
	const definitionsFolder = join(folder, name, 'actors');
	mkdirSync(definitionsFolder, { recursive: true });
	writeFileSync(join(definitionsFolder, 'tally.yaml'), definition);
	const clock = countingClock();
	const config = configOf({
		nodeName: name,
		brokerAddress: broker,
		socketFolder: folder,
		databaseFolder: databaseOf(order),
		subscribersDataFolder: join(folder, name, 'data'),
		definitionsFolder,
		startPubREQHello: 2,
		claimMs: 500,
		logLevel: 'silent',
		...retention,
	});
	const node = await startNode(config, { clock });
	const load = createLoad(node, order);
	return async ({ do: what }) => {
		if (what === 'weigh') return weight(node, order, clock.pending());
		if (what === 'stop') return load.stop();
		load.start();
		return [];
	};
}

const databaseOf = ({ folder, name }: SoakOrder) => join(folder, name, 'db');

/** Collects garbage first, so that what is left is held. */
async function weight(
	node: RunningNode,
	order: SoakOrder,
	timers: number,
): Promise<readonly number[]> {
	const open = await openOf(node);
	const children = await childrenOf(node);
	globalThis.gc?.();
	const { heapUsed, external, rss } = process.memoryUsage();
	const folder = databaseOf(order);
	const sizes = readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => ({ file: entry.name, bytes: sizeOf(join(entry.parentPath, entry.name)) }));
	const sum = (wanted: (file: string) => boolean) =>
		sizes.reduce((bytes, one) => bytes + (wanted(one.file) ? one.bytes : 0), 0) / megabyte;
	const isRecord = (file: string) => file.startsWith('store.log');
	return [
		heapUsed / megabyte,
		external / megabyte,
		ownBytes() / megabyte,
		rss / megabyte,
		sum((file) => file === 'data.mdb'),
		sum(isRecord),
		sum((file) => file !== 'data.mdb' && !isRecord(file)),
		readdirSync('/proc/self/fd').length,
		process.getActiveResourcesInfo().length,
		timers,
		children,
		open,
	];
}

function sizeOf(file: string): number {
	// A file of the record may have been rotated away meanwhile.
	return existsSync(file) ? statSync(file).size : 0;
}

async function askOne<Row>({ api }: RunningNode, question: object): Promise<Row | undefined> {
	for await (const row of api.ask(question, new AbortController().signal)) return row as Row;
	return undefined;
}

async function openOf(node: RunningNode): Promise<number> {
	return (await askOne<{ open: number }>(node, { reeve: 'node' }))?.open ?? 0;
}

/** How many supervisors and workers there are in its tree. */
async function childrenOf(node: RunningNode): Promise<number> {
	const tree = await askOne<TreeRow>(node, { reeve: 'tree' });
	const count = ({ children = [] }: TreeRow): number =>
		children.reduce((sum, child) => sum + count(child), 1);
	return tree ? count(tree) : 0;
}

/**
 * The load of one tick, to one node: a command whose reply is appended to a file here, lines for
 * files there over a few lanes, and turns of actors. Now and then a long list is asked for.
 */
function messagesOf(toNode: string, number: number): readonly object[] {
	const file = { directory: 'soak', fileName: 'lines' };
	const lines = Array.from({ length: appendsPerTick }, (_, index) => {
		const data = `${number * appendsPerTick + index}\n`;
		const key = `lane-${(number + index) % keys}`;
		return { toNode, method: 'REQToFileAppend', ...file, key, data };
	});
	const turns = Array.from({ length: turnsPerTick }, (_, index) => {
		const turn = number * turnsPerTick + index;
		const event = { type: 'ADD', by: turn % 10 };
		const key = `instance-${turn % instances}`;
		return { toNode, method: 'tally', key, data: JSON.stringify(event) };
	});
	const command = { toNode, method: 'REQCliCommand', methodArgs: ['echo', `${number}`] };
	const isCommand = number % ticksPerCommand === 0;
	return [...lines, ...turns, ...(isCommand ? [{ ...command, ...file }] : [])];
}

const appendsPerTick = 3;
const turnsPerTick = 2;
const ticksPerCommand = 3;
const ticksPerQuestion = 20;

/** Makes the load: in steps, each over a connection of its own to the socket of this node. */
function createLoad(node: RunningNode, { name, folder, receivers }: SoakOrder) {
	const socket = join(folder, `${name}.sock`);
	let timer: NodeJS.Timeout | undefined;
	let [number, handed, appended, spoiled, talks] = [0, 0, 0, 0, 0];
	let open = 0;
	node.signals.subscribe((signal) => {
		if (signal.type === 'message.settled' && signal.outcome !== 'done') spoiled += 1;
	});
	const tick = async (): Promise<void> => {
		open = await openOf(node);
		if (open + talks * 10 > openMax) return;
		number += 1;
		for (const receiver of receivers) {
			const messages = messagesOf(receiver, number);
			talks += 1;
			const answers = await talk(socket, JSON.stringify(messages), realClock);
			talks -= 1;
			if (answers.length !== messages.length || answers.some((one) => 'error' in one)) {
				throw new Error(`refused: ${JSON.stringify(answers)}`);
			}
			handed += messages.length;
			appended += appendsPerTick;
		}
		if (number % ticksPerQuestion !== 0) return;
		await talk(socket, `${JSON.stringify({ reeve: 'messages', limit: 200 })}\n`, realClock);
	};
	return {
		start() {
			timer = setInterval(() => void tick(), tickMs);
		},
		async stop(): Promise<readonly number[]> {
			clearInterval(timer);
			while (talks > 0 || (await openOf(node)) > 0) {
				await new Promise((resolve) => setTimeout(resolve, tickMs));
			}
			return [handed, appended, spoiled];
		},
	};
}

serve<SoakOrder, SoakJob>(beNode);
