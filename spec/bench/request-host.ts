/**
 * One end of reeve for the comparison with its peers: a node that asks, or a node that answers, in
 * a process of its own.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { configOf, startNode, type RunningNode } from '../../supervisors/node/node.ts';
import { serve, type Work } from './serving.ts';
import { trivialMethod } from './trivial.ts';

/** What such a host is told to be. */
export interface RequestOrder {
	readonly name: string;
	readonly folder: string;
	readonly broker: string;
}

/**
 * What it is told to do with `count` messages of `bytes` bytes: `send` until they are settled;
 * `request`, which also brings the data back; `once`, the same with the kind that is sent at most
 * once, there and back.
 */
export interface RequestJob {
	readonly do: 'send' | 'request' | 'once';
	readonly to: string;
	readonly count: number;
	readonly bytes: number;
}

/** Messages that are handed in and not yet settled, at most; as for the peers. */
const underWayMax = { send: 4096, request: 4096, once: 500 };

const methodOf = { send: 'REQTrivial', request: 'REQEcho', once: 'REQAskOnce' } as const;

const quick = {
	aliases: [],
	summary: 'Answer at once, for benchmarks',
	ordering: 'concurrent',
	onCrash: 'retry',
	args: z.array(z.string()),
	example: {},
} as const;

async function become({ name, folder, broker }: RequestOrder): Promise<Work<RequestJob>> {
	let onAnswer = (): void => {};
	const echo = defineMethod({
		...quick,
		name: 'REQEcho',
		kind: 'EventACK',
		replies: true,
		run: ({ data }) => Promise.resolve(data === undefined ? {} : { data }),
	});
	// An answer that is sent at most once is a message of its own: replies are always durable.
	const askOnce = defineMethod({
		...quick,
		name: 'REQAskOnce',
		kind: 'EventNACK',
		replies: false,
		async run({ fromNode: toNode, data }) {
			await node.api.accept({ toNode, method: 'REQAnswerOnce', data: String(data) }, 'bench');
		},
	});
	const answerOnce = defineMethod({
		...quick,
		name: 'REQAnswerOnce',
		kind: 'EventNACK',
		replies: false,
		run() {
			onAnswer();
			return Promise.resolve();
		},
	});
	const config = configOf({
		nodeName: name,
		brokerAddress: broker,
		socketFolder: folder,
		databaseFolder: `${folder}/${name}/db`,
		subscribersDataFolder: `${folder}/${name}/data`,
		startPubREQHello: 0,
		claimMs: 200,
		logLevel: 'silent',
	});
	const node: RunningNode = await startNode(config, {
		methods: [trivialMethod(), echo, askOnce, answerOnce],
	});
	return (job) =>
		flood(node, job, (see) => {
			if (job.do !== 'once') {
				return node.signals.subscribe(({ type }) => void (type === 'message.settled' && see()));
			}
			onAnswer = see;
			return () => (onAnswer = () => {});
		});
}

/** Sends many at once; resolves when `see` has been called for each. */
function flood(
	{ api }: RunningNode,
	{ do: what, to: toNode, count, bytes }: RequestJob,
	watch: (see: () => void) => () => void,
): Promise<readonly number[]> {
	const data = 'x'.repeat(bytes);
	const method = methodOf[what];
	let [handed, ended] = [0, 0];
	return new Promise((resolve) => {
		const more = (): void => {
			while (handed < count && handed - ended < underWayMax[what]) {
				handed += 1;
				void api.accept({ toNode, method, data }, 'bench');
			}
		};
		const stop = watch(() => {
			ended += 1;
			if (ended % 128 === 0) more();
			if (ended < count) return;
			stop();
			resolve([]);
		});
		more();
	});
}

serve<RequestOrder, RequestJob>(become);
