/**
 * Scale: whether a message costs the same whatever there is of them. Once over the number of lanes
 * that the same messages are spread over, all under way at the same time; and once over the number
 * of messages that wait in one lane for a node that is away, until it comes back.
 *
 * Cost is the processor time of both ends for each message, over its whole way: handing it in,
 * sending, receiving, running, answering, settling; for a queue less what the return of the
 * receiver costs with only one message in it. It is not the time that passes, because that shows
 * what both ends do at the same time and what else the machine does, and a smaller overlap would
 * look like a higher cost. What passes is told beside it, as messages per second.
 *
 * The baseline of every figure is the smallest size: one lane, or a thousand messages. Ends of each
 * size have processes and journals of their own, which live all the time and are warm, and are
 * measured in turn. Small queues are filled and drained several times for one round.
 *
 * @module
 */
import { inYard, type Forked, type Yard } from './forked.ts';
import {
	atLeast,
	atMost,
	atMostMore,
	full,
	rounded,
	summaryOf,
	type Figure,
	type Round,
	type Scale,
} from './figure.ts';
import type { QueueJob, QueueOrder } from './queue-host.ts';

/** What one round of one size has shown, for each message where that makes sense. */
interface Measured {
	readonly cpuUs: number;
	readonly perSecond: number;
	/** Of the sender, without the pages of the journal; of a queue, while it is full. */
	readonly memoryMb: number;
	readonly journalMb: number;
}

interface Pair {
	readonly sender: Forked;
	readonly receiver: Forked;
	readonly to: string;
}

const bytes = 200;
/** One job of a host handles no more than this. */
const pieceCount = 100_000;
/** A third more, and what goes with it. */
const growthMax = 1.33;

const told = (host: Forked, job: QueueJob) => host.work(job);

async function pairOf({ folder, broker, start }: PairParts, tag: string): Promise<Pair> {
	const to = `ship-${tag}`;
	const order = { folder, broker };
	const receiver = await start({ ...order, role: 'receiver', name: to });
	const sender = await start({ ...order, role: 'sender', name: `central-${tag}` });
	return { sender, receiver, to };
}

interface PairParts extends Pick<Yard, 'folder' | 'broker'> {
	readonly start: (order: QueueOrder) => Promise<Forked>;
}

async function cpuOf({ sender, receiver }: Pair): Promise<number> {
	const [[ofSender = 0], [ofReceiver = 0]] = await Promise.all([
		told(sender, { do: 'used' }),
		told(receiver, { do: 'used' }),
	]);
	return ofSender + ofReceiver;
}

/** Messages over so many lanes. */
async function throughLanes(pair: Pair, lanes: number, count: number): Promise<Measured> {
	const { sender, to } = pair;
	const before = await cpuOf(pair);
	const load = { to, bytes, lanes };
	const [tookMs = 0] = await told(sender, { do: 'flood', count, load });
	const cpuMs = (await cpuOf(pair)) - before;
	const [memoryMb = 0, journalMb = 0] = await told(sender, { do: 'weigh' });
	return {
		cpuUs: (cpuMs / count) * 1000,
		perSecond: (count / tookMs) * 1000,
		memoryMb,
		journalMb,
	};
}

/** What one queue took: processor time of both ends, and the time from first to last settlement. */
interface Drained {
	readonly cpuMs: number;
	readonly drainMs: number;
	readonly memoryMb: number;
	readonly journalMb: number;
}

async function drainOne(pair: Pair, count: number): Promise<Drained> {
	const { sender, receiver, to } = pair;
	await told(receiver, { do: 'leave' });
	const load = { to, bytes, lanes: 1 };
	let filedMs = 0;
	for (let filed = 0; filed < count; filed += pieceCount) {
		const piece = Math.min(pieceCount, count - filed);
		const [, cpu = 0] = await told(sender, { do: 'file', count: piece, load });
		filedMs += cpu;
	}
	const [memoryMb = 0, journalMb = 0] = await told(sender, { do: 'weigh' });
	await told(sender, { do: 'mark' });
	await told(receiver, { do: 'return' });
	const [receiverBefore = 0] = await told(receiver, { do: 'used' });
	let last: readonly number[] = [];
	for (let settled = 0; settled < count;) {
		settled = Math.min(count, settled + pieceCount);
		last = await told(sender, { do: 'settled', count: settled });
	}
	const [receiverAfter = 0] = await told(receiver, { do: 'used' });
	const [tookMs = 0, senderMs = 0, firstMs = 0] = last;
	const cpuMs = filedMs + senderMs + receiverAfter - receiverBefore;
	return { cpuMs, drainMs: tookMs - firstMs, memoryMb, journalMb };
}

/** Messages that wait, so many at a time, until `least` of them were sent. */
async function throughQueue(pair: Pair, count: number, least: number): Promise<Measured> {
	const { cpuMs: fixedMs } = await drainOne(pair, 1);
	const times = Math.max(1, Math.round(Math.min(10, least / count)));
	let [cpuMs, drainMs] = [0, 0];
	let last: Drained | undefined;
	for (let time = 0; time < times; time += 1) {
		last = await drainOne(pair, count);
		cpuMs += last.cpuMs - fixedMs;
		drainMs += last.drainMs;
	}
	const { memoryMb = 0, journalMb = 0 } = last ?? {};
	const all = times * count;
	return { cpuUs: (cpuMs / all) * 1000, perSecond: (all / drainMs) * 1000, memoryMb, journalMb };
}

/** A size, and how to measure it. */
interface Size {
	readonly name: string;
	/** How many messages wait in it, for each that waits in the smallest. */
	readonly times: number;
	/** In how many of the rounds it takes part. */
	readonly rounds: number;
	readonly measure: () => Promise<Measured>;
}

/** Measures the sizes in turn; the first is what the others are compared with. */
async function measureSizes(sizes: readonly Size[]): Promise<readonly Figure[]> {
	const taken = sizes.map((): Measured[] => []);
	const rounds = Math.max(...sizes.map((size) => size.rounds));
	for (let round = 0; round < rounds; round += 1) {
		for (const [index, size] of sizes.entries()) {
			// The largest take part in the last rounds, when everything is as warm as it gets.
			if (round >= rounds - size.rounds) taken[index]?.push(await size.measure());
		}
	}
	const [smallest = []] = taken;
	return sizes.flatMap((size, index) => {
		const own = taken[index] ?? [];
		const against = (pick: (measured: Measured) => number): readonly Round[] =>
			own.map((measured, round) => ({
				reeve: pick(measured),
				baseline: pick(smallest[smallest.length - own.length + round] ?? measured),
			}));
		return figuresOf(size, against);
	});
}

function figuresOf(
	{ name, times }: Size,
	against: (pick: (measured: Measured) => number) => readonly Round[],
): readonly Figure[] {
	const cost = summaryOf(against(({ cpuUs }) => cpuUs));
	const rate = summaryOf(against(({ perSecond }) => perSecond));
	const journal = summaryOf(against(({ journalMb }) => journalMb));
	const memory = { name: `scale ${name}, memory of the sender`, unit: 'MB' };
	return [
		atMost(growthMax, { name: `scale ${name}, cost`, unit: 'us of CPU/message', ...cost }),
		atLeast(rounded(1 / growthMax), { name: `scale ${name}, rate`, unit: 'messages/s', ...rate }),
		atMostMore(
			40,
			memory,
			against(({ memoryMb }) => memoryMb),
		),
		// As many times the messages may take as many times the space, and a third more.
		atMost(rounded(growthMax * times), { name: `scale ${name}, journal`, unit: 'MB', ...journal }),
	];
}

const lanesOf = (lanes: number) => `${lanes} lane${lanes === 1 ? '' : 's'}`;

/** What is measured. */
export interface ScalePlan {
	/** Messages of one round, and of the round before that does not count. */
	readonly messages: number;
	readonly lanes: readonly number[];
	readonly queues: readonly number[];
	/** How often a queue of so many messages is measured; the lanes as often as an empty one. */
	readonly roundsOf: (count: number) => number;
}

/**
 * The largest queue takes minutes, and is measured once: its messages are rounds enough. The short
 * form leaves it out, and the sizes between.
 */
const plans: Readonly<Record<'full' | 'short', ScalePlan>> = {
	full: {
		messages: 20_000,
		lanes: [1, 10, 100, 1000],
		queues: [1000, 10_000, 100_000, 1_000_000],
		roundsOf: (count) => (count > 100_000 ? 1 : 3),
	},
	short: { messages: 5000, lanes: [1, 1000], queues: [1000, 20_000], roundsOf: () => 1 },
};

/** Measures both. */
export function measureScale(
	{ short }: Scale = full,
	plan: ScalePlan = short ? plans.short : plans.full,
): Promise<readonly Figure[]> {
	const { lanes, queues, messages, roundsOf } = plan;
	return inYard([], async (yard) => {
		const parts: PairParts = { ...yard, start: (order) => yard.start('queue-host', order) };
		const warmPair = async (tag: string, count: number): Promise<Pair> => {
			const pair = await pairOf(parts, tag);
			const load = { to: pair.to, bytes, lanes: count };
			await told(pair.sender, { do: 'flood', count: messages, load });
			return pair;
		};
		const spread: Size[] = [];
		for (const count of lanes) {
			const pair = await warmPair(`lanes-${count}`, count);
			const measure = () => throughLanes(pair, count, messages);
			spread.push({ name: lanesOf(count), times: 1, rounds: roundsOf(0), measure });
		}
		const figures = [...(await measureSizes(spread))];
		const queued: Size[] = [];
		for (const count of queues) {
			const pair = await warmPair(`queue-${count}`, 1);
			const measure = () => throughQueue(pair, count, messages);
			const times = count / (queues[0] ?? count);
			queued.push({ name: `${count} queued`, times, rounds: roundsOf(count), measure });
		}
		return [...figures, ...(await measureSizes(queued))];
	});
}
