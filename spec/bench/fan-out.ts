/**
 * Fan-out: one command to many nodes, until the replies of all are in. The baseline is the same
 * count of requests and replies of mqtt.js with QoS 1: one client for each node, one request to
 * each, and its payload back, nothing on disk. So reeve's command starts no process either: its
 * method runs in the node and answers with what it was sent. What reeve does beyond the baseline is
 * its work: every node has the command on disk before it says so, and the reply before it sends it;
 * the sender has all commands and all outcomes in its ledger.
 *
 * The nodes share this machine: its two cores, and above all its one disk, where each of them
 * flushes a journal of its own twice. A fleet has a disk and a processor for every node, so this is
 * the worst case. Nodes of one process also share its threads, which wait for the disk: they get
 * as many as there are nodes.
 *
 * @module
 */
import process from 'node:process';
import type { FanOutJob, FanOutOrder } from './fan-out-host.ts';
import { atMost, atMostItself, full, summaryOf, takeRounds } from './figure.ts';
import type { Figure, Round, Scale } from './figure.ts';
import { inYard, type Forked, type Yard } from './forked.ts';

const host = 'fan-out-host';
const bytes = 200;
/** Processes that are started at a time. */
const startsMax = 3;
/** Threads of a process that wait for the disk: as many as the nodes of it would have together. */
const threads = '48';

/**
 * The settings of nodes that only obey: they learn only of the nodes that they answer, have one
 * connection, and take the methods that they are there for.
 */
const light: FanOutOrder['config'] = {
	presence: 'asked',
	takePublic: false,
	signalsKeptMax: 20,
	startSubREQErrorLog: false,
	startSubREQHello: false,
	startSubREQToFileAppend: false,
	startSubREQToFile: false,
	startSubREQPing: false,
	startSubREQPong: false,
	startSubREQCliCommand: false,
	startSubREQToConsole: false,
	startSubREQHttpGet: false,
	startSubREQHttpGetScheduled: false,
	startSubREQTailFile: false,
	startSubREQCliCommandCont: false,
	startSubREQToFileNACK: false,
	startSubREQCopySrc: false,
	startSubREQCopyDst: false,
	startSubREQRelay: false,
};

interface Fleet {
	readonly count: number;
	/** How many nodes one process houses, and how many bare clients. */
	readonly perProcess: { readonly nodes: number; readonly clients: number };
}

/** Starts those who answer; resolves when all of them are on the wire. */
async function startAll(
	yard: Yard,
	{ count, perProcess }: Fleet,
	order: Pick<FanOutOrder, 'role' | 'broker' | 'config'>,
): Promise<readonly Forked[]> {
	const { folder } = yard;
	const names = namesOf(count);
	const hosts: Forked[] = [];
	let started = 0;
	const perHost = order.role === 'nodes' ? perProcess.nodes : perProcess.clients;
	const startMore = async (): Promise<void> => {
		while (started < count) {
			const own = names.slice(started, (started += perHost));
			hosts.push(await yard.start(host, { ...order, names: own, folder }));
		}
	};
	await Promise.all(Array.from({ length: startsMax }, startMore));
	return hosts;
}

const namesOf = (count: number) => Array.from({ length: count }, (_, index) => `ship${index}`);

/** The mean of what the hosts weigh, for each of those that they house. */
async function weightOf(hosts: readonly Forked[], { count }: Fleet): Promise<readonly number[]> {
	const weights = await Promise.all(
		hosts.map((each) => each.work({ do: 'weigh' } satisfies FanOutJob)),
	);
	return [0, 1].map(
		(kind) => weights.reduce((sum, weight) => sum + (weight[kind] ?? 0), 0) / count,
	);
}

interface Measured {
	readonly times: readonly Round[];
	/** What each node, and each client, costs: bytes, and file handles. */
	readonly weights: Readonly<Record<keyof Round, readonly number[]>>;
}

function measure(fleet: Fleet, rounds: number, warmUps: number): Promise<Measured> {
	process.env['UV_THREADPOOL_SIZE'] = threads;
	return inYard(['max_connections -1'], async (yard) => {
		const { broker, folder } = yard;
		const bare = await yard.anotherBroker();
		const one = (role: FanOutOrder['role'], at: string) =>
			yard.start(host, { role, names: [role], broker: at, folder } satisfies FanOutOrder);
		const asker = await one('mqtt-asker', bare);
		const answerers = await startAll(yard, fleet, { role: 'mqtt-answerers', broker: bare });
		const central = await one('central', broker);
		const nodes = await startAll(yard, fleet, { role: 'nodes', broker, config: light });
		const job: FanOutJob = { do: 'ask', names: namesOf(fleet.count), bytes };
		const first = async (asking: Forked) => (await asking.work(job))[0] ?? 0;
		const times = await takeRounds({ rounds, warmUps }, async () => ({
			baseline: await first(asker),
			reeve: await first(central),
		}));
		const [reeve, baseline] = [await weightOf(nodes, fleet), await weightOf(answerers, fleet)];
		return { times, weights: { reeve, baseline } };
	});
}

/** Measures a fleet of 1 000; in the short form of 100. */
export async function measureFanOut({ short }: Scale = full): Promise<readonly Figure[]> {
	const count = short ? 100 : 1000;
	const fleet = { count, perProcess: { nodes: 50, clients: 50 } };
	const { times } = await measure(fleet, short ? 1 : 5, 2);
	return [atMost(3, { name: `fan-out to ${count}`, unit: 'ms', ...summaryOf(times) })];
}

/**
 * Measures a fleet of 10 000, which is to have answered within a minute, and what each of its nodes
 * costs: all of them are to fit into the memory of this machine, and a hundred into a process that
 * may have 1 024 files open. A process houses more of them than above, because a Node.js without
 * any node takes 100 MB.
 */
export async function measureLargeFanOut(
	{ short }: Scale = full,
	count = 10_000,
): Promise<readonly Figure[]> {
	if (short) throw new Error('skipped: takes minutes; npm run bench -- fan-out-10000');
	const fleet = { count, perProcess: { nodes: 500, clients: 1000 } };
	const { times, weights } = await measure(fleet, 3, 1);
	const { reeve, baseline } = weights;
	const each = (kind: 0 | 1, unit: number) => [
		{ reeve: (reeve[kind] ?? 0) / unit, baseline: (baseline[kind] ?? 0) / unit },
	];
	const name = 'fan-out-10000';
	return [
		atMostItself(60_000, { name: `${name}, complete`, unit: 'ms' }, times),
		atMostItself(2, { name: `${name}, memory of a node`, unit: 'MB' }, each(0, 2 ** 20)),
		atMostItself(10, { name: `${name}, files of a node`, unit: 'handles' }, each(1, 1)),
	];
}
