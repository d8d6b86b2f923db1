/**
 * Recovery: how long a node takes from its start to its birth when it finds many messages in its
 * outbox, against the time that merely reading those rows takes; what memory it needs for them; and
 * how quickly they drain then, against the rate at which the same two processes deliver messages
 * that are handed in.
 *
 * Draining is measured from the first to the last settlement, over one lane. Before each time the
 * sender delivers so many messages as the delivery benchmark does, which is what it is compared
 * with, and which warms both ends up; then it takes over a journal that was filled meanwhile.
 *
 * @module
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { inYard, type Forked, type Yard } from './forked.ts';
import {
	atLeast,
	atMost,
	atMostItself,
	full,
	summaryOf,
	takeRounds,
	type Figure,
	type Round,
	type Scale,
} from './figure.ts';
import { fillJournal } from './queue-filling.ts';
import type { QueueJob, QueueOrder } from './queue-host.ts';
import { trivialName } from './trivial.ts';
import type { RecoveryMeasure, RecoveryOrder } from './recovery-host.ts';

const host = fileURLToPath(new URL(`recovery-host${extname(import.meta.url)}`, import.meta.url));
/** How many nodes the messages wait for, when only the birth is looked at. */
const absent = Array.from({ length: 100 }, (_, number) => `ship${number}`);
const memoryMbMax = 40;

async function measure(order: RecoveryOrder): Promise<RecoveryMeasure> {
	const child = fork(host, { execArgv: [...process.execArgv, '--expose-gc'] });
	const answer = once(child, 'message') as Promise<[RecoveryMeasure]>;
	const ended = once(child, 'exit');
	const lost = ended.then(() => {
		throw new Error('the process that was to recover ended before it had');
	});
	child.send(order);
	const [measured] = await Promise.race([answer, lost]);
	await ended;
	return measured;
}

const tell = (text: string): void => void process.stderr.write(`  ${text}\n`);

/** The births with so many messages, against a scan of their rows. */
async function births(folder: string, count: number, rounds: number): Promise<readonly Figure[]> {
	const journal = join(folder, `${count}`);
	const commands = { method: 'REQCliCommand', kind: 'CommandACK', methodArgs: ['true'] } as const;
	const ms = await fillJournal({ folder: journal, count, ...commands, receivers: absent });
	tell(`${count} messages filed in ${(ms / 1000).toFixed(1)} s`);
	const memory: Round[] = [];
	const taken = await takeRounds({ rounds, warmUps: rounds > 1 ? 1 : 0 }, async () => {
		const birth = await measure({ what: 'birth', journal });
		const scan = await measure({ what: 'scan', journal });
		memory.push({ reeve: birth.bytes / 2 ** 20, baseline: scan.bytes / 2 ** 20 });
		return { reeve: birth.ms, baseline: scan.ms };
	});
	await rm(journal, { recursive: true, force: true });
	const name = `birth with ${count} queued`;
	const mb = { name: `memory with ${count} queued`, unit: 'MB more' };
	// The start itself takes its time, whatever it finds: the goal is for many messages.
	const goal = count >= 1_000_000 ? 0.2 : 1;
	return [
		atMost(goal, { name, unit: 'ms', ...summaryOf(taken) }),
		atMostItself(memoryMbMax, mb, memory),
	];
}

const deliveredCount = 20_000;
/** One job of a host waits for no more than this. */
const pieceCount = 100_000;

interface Ends {
	readonly sender: Forked;
	readonly folder: string;
}

const told = ({ sender }: Pick<Ends, 'sender'>, job: QueueJob) => sender.work(job);

/** Messages per second, of a flood and of a drain. */
async function drain(ends: Ends, count: number): Promise<Round> {
	const load = { to: 'ship', bytes: 200, lanes: 1 };
	const [floodMs = 0] = await told(ends, { do: 'flood', count: deliveredCount, load });
	const databaseFolder = join(ends.folder, `filled-${count}`);
	const trivial = { method: trivialName, kind: 'EventACK', methodArgs: [] } as const;
	await rm(databaseFolder, { recursive: true, force: true });
	await fillJournal({ folder: databaseFolder, count, ...trivial, receivers: [load.to] });
	await told(ends, { do: 'adopt', name: 'central', databaseFolder });
	let last: readonly number[] = [];
	for (let settled = 0; settled < count;) {
		settled = Math.min(count, settled + pieceCount);
		last = await told(ends, { do: 'settled', count: settled });
	}
	const [tookMs = 0, , firstMs = 0] = last;
	const perSecond = (messages: number, ms: number) => Math.round((messages / ms) * 1000);
	return {
		baseline: perSecond(deliveredCount, floodMs),
		reeve: perSecond(count, tookMs - firstMs),
	};
}

async function drains(yard: Yard, count: number, rounds: number): Promise<Figure> {
	const { folder, broker } = yard;
	const start = (order: Pick<QueueOrder, 'role' | 'name'>) =>
		yard.start('queue-host', { ...order, folder, broker } satisfies QueueOrder);
	await start({ role: 'receiver', name: 'ship' });
	const taken = await takeRounds({ rounds, warmUps: 0 }, async () => {
		const sender = await start({ role: 'sender', name: 'warm' });
		const round = await drain({ sender, folder }, count);
		await told({ sender }, { do: 'leave' });
		return round;
	});
	return atLeast(1, { name: `drain of ${count}`, unit: 'messages/s', ...summaryOf(taken) });
}

/** What is measured. */
export interface RecoveryPlan {
	/** With how many messages a node is started, and how many are drained. */
	readonly births: readonly number[];
	readonly drains: readonly number[];
	readonly roundsOf: (count: number) => number;
}

const counts = [10_000, 100_000, 1_000_000];
const plans: Readonly<Record<'full' | 'short', RecoveryPlan>> = {
	full: { births: counts, drains: counts, roundsOf: (count) => (count > 100_000 ? 1 : 3) },
	short: { births: [100_000], drains: [10_000], roundsOf: () => 1 },
};

/** Measures it for each of the counts; the largest once, as it takes minutes. */
export async function measureRecovery(
	{ short }: Scale = full,
	plan: RecoveryPlan = short ? plans.short : plans.full,
): Promise<readonly Figure[]> {
	const { roundsOf } = plan;
	const folder = await mkdtemp(join(tmpdir(), 'reeve-recovery-'));
	const figures: Figure[] = [];
	try {
		for (const count of plan.births) {
			figures.push(...(await births(folder, count, roundsOf(count))));
		}
		for (const count of plan.drains) {
			figures.push(await inYard([], (yard) => drains(yard, count, roundsOf(count))));
		}
	} finally {
		await rm(folder, { recursive: true, force: true, maxRetries: 3 });
	}
	return figures;
}
