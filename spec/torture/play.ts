/**
 * The torture: three nodes over a real broker, under load, with every accident that can happen to a
 * fleet; then all is mended, every message is waited for, and ledgers and files are compared.
 *
 * @module
 */
import { setMaxListeners } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause, seededChance, type Clock } from '../../runtime/platform/clock.ts';
import { startProxy, type Proxy } from '../support/proxy.ts';
import { happen, type AccidentCounts } from './accidents.ts';
import { brokers, type BrokerName } from './brokers.ts';
import { createDisk, type Disk } from './disk.ts';
import { writeDeadlyActor } from './deadly-actor.ts';
import { programWords } from '../support/program.ts';
import { createMember, type Member } from './member.ts';
import type { Broker } from './server.ts';
import { ask } from './talk.ts';
import { judge, type LedgerRow, type Evidence, type Verdict } from './verdict.ts';
import { createStreams, idOf, work, type Stream } from './work.ts';
import type { ProcessRow } from '../../runtime/queries/question.ts';
import { deferred } from '../../runtime/platform/deferred.ts';

/** What is played. */
export interface TortureOptions {
	readonly seconds: number;
	readonly seed: number;
	readonly broker: BrokerName;
	/** Further words for every node. */
	readonly words?: readonly string[];
	readonly clock: Clock;
	/** Ends it early: then everything is stopped and removed, and nothing was found out. */
	readonly signal: AbortSignal;
	readonly tell: (text: string) => void;
}

/** What came of it. */
export interface TortureResult extends Verdict, AccidentCounts {
	/** How often a node has ended otherwise: by its own step, or by an accident while it started. */
	readonly deaths: number;
	readonly seconds: number;
	readonly seed: number;
	readonly broker: string;
	readonly disk: string;
	/** Where the journals, files and logs are, if there is anything to be looked at. */
	readonly kept?: string;
}

const nodeNames = ['central', 'ship1', 'ship2'] as const;
const diskBytes = 512 * 1024 * 1024;
/** If nothing at all has changed for so long, it never will. */
const stillMsMax = 120_000;
const lookMs = 500;
const rowsShown = 20;
/** Before anything has happened to them, nodes start. */
const failedStartsMax = 5;

/** The nodes, and everything they need. */
interface TortureFleet {
	readonly folder: string;
	readonly nodes: readonly Member[];
	readonly broker: Broker;
	readonly proxies: ReadonlyMap<string, Proxy>;
	readonly disk: Disk;
	readonly diskOwner: Member;
	/** How often a node has ended without having been killed. */
	readonly deaths: () => number;
}

/** Plays, and leaves nothing behind, however it ends; but keeps the folder if there is a fault. */
export async function torture(options: TortureOptions): Promise<TortureResult> {
	const { clock, signal, tell, seed, seconds } = options;
	const folder = await mkdtemp(join(tmpdir(), 'reeve-torture-'));
	const stack: ((isKept: boolean) => Promise<void> | void)[] = [];
	const since = clock.monotonic();
	// The timers of a clock do not keep this process going.
	const vigil = createServer().listen(0, '127.0.0.1');
	let isKept = false;
	try {
		const fleet = await build(options, folder, stack);
		const { disk, broker } = fleet;
		tell(`three nodes are ready over ${broker.name}; disk: ${disk.how}`);
		const { streams, counts } = await suffer(options, fleet);
		signal.throwIfAborted();
		tell(`enough: ${JSON.stringify(counts)}; everything is mended`);
		await settle(options, fleet);
		signal.throwIfAborted();
		const verdict = withAudit(
			judge(await evidence(fleet, streams, clock)),
			await audit(fleet, clock),
		);
		const { lost, doubled, misordered } = verdict;
		isKept = lost + doubled + misordered > 0;
		const tookSeconds = Math.round((clock.monotonic() - since) / 1000);
		const about = {
			deaths: fleet.deaths(),
			seed,
			broker: broker.name,
			disk: disk.how,
			seconds: tookSeconds,
		};
		tell(`${seconds} seconds of accidents, ${tookSeconds} in all`);
		return { ...verdict, ...counts, ...about, ...(isKept ? { kept: folder } : {}) };
	} catch (thrown) {
		isKept = !signal.aborted;
		if (isKept) tell(`it broke down; what there is to see is in ${folder}`);
		throw thrown;
	} finally {
		for (const end of stack.toReversed()) await end(isKept);
		if (!isKept) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
		vigil.close();
	}
}

/** Starts everything. What has to be ended is put on the stack before it can fail. */
async function build(
	{ broker: brokerName, words = [], clock, signal, tell }: TortureOptions,
	folder: string,
	stack: ((isKept: boolean) => Promise<void> | void)[],
): Promise<TortureFleet> {
	const self = programWords();
	const definitionsFolder = writeDeadlyActor(folder, self.at(-1) ?? '');
	const broker = await brokers[brokerName]({ folder, clock, self });
	stack.push(() => broker.stop());
	await Promise.all(broker.servers.map((server) => server.start()));
	const place = join(folder, 'small');
	const disk = createDisk(place, diskBytes);
	stack.push((isKept) => disk.end(isKept));
	const proxies = new Map<string, Proxy>();
	const nodes: Member[] = [];
	let deaths = 0;
	const { promise: hopeless, reject: giveUp } = deferred<never>();
	const onEnd = (name: string, how: string): void => {
		tell(`${name} has ended: ${how}`);
		deaths += 1;
		if (deaths > failedStartsMax) giveUp(new Error(`${name} does not start: ${how}`));
	};
	for (const [index, name] of nodeNames.entries()) {
		// Each has a server of its own to begin with, and the others if that is away.
		const ports = broker.servers.map(({ port }) => port);
		const own = [...ports.slice(index), ...ports.slice(0, index)];
		const proxy = await startProxy(clock, () => (own.length > 0 ? own : ports));
		stack.push(() => proxy.close());
		proxies.set(name, proxy);
		const home = name === 'ship2' ? place : join(folder, name);
		const member = createMember({
			name,
			folder,
			databaseFolder: join(home, 'db'),
			definitionsFolder,
			dataFolder: join(home, 'data'),
			port: proxy.port,
			self,
			words,
			clock,
			onEnd,
		});
		stack.push(() => member.end('SIGKILL'));
		nodes.push(member);
		member.begin();
	}
	await Promise.race([hopeless, aborted(signal), Promise.all(nodes.map((node) => node.ready()))]);
	hopeless.catch(() => undefined);
	const diskOwner = nodes.at(-1);
	if (!diskOwner) throw new Error('no node');
	return { folder, nodes, broker, proxies, disk, diskOwner, deaths: () => deaths };
}

/** Rejects when the signal is raised. */
function aborted(signal: AbortSignal): Promise<never> {
	return new Promise((_, reject) => {
		const stop = () => reject(new Error('interrupted'));
		if (signal.aborted) stop();
		else signal.addEventListener('abort', stop, { once: true });
	});
}

/** The time of load and accidents. */
async function suffer(options: TortureOptions, fleet: TortureFleet) {
	const { seconds, seed, clock, signal, tell } = options;
	const enough = new AbortController();
	// Every stream waits for it.
	setMaxListeners(Infinity, enough.signal, signal);
	signal.addEventListener('abort', () => enough.abort(), { once: true });
	const streams = createStreams(fleet.nodes, fleet.folder);
	const timer = clock.after(seconds * 1000, () => enough.abort());
	// Two sources, so that how the load happens to run does not change what happens to it.
	const parts = { ...fleet, clock, tell };
	const accidents = happen({ ...parts, chance: seededChance(seed), signal: enough.signal });
	const load = work({
		streams,
		...parts,
		chance: seededChance(seed ^ 0x5bd1e995),
		enough: enough.signal,
		abandoned: signal,
	});
	try {
		await Promise.race([aborted(signal), load]);
		return { streams, counts: await accidents };
	} finally {
		timer.cancel();
		enough.abort();
		// What is still being mended must not be begun again when everything is ended.
		await accidents.catch(() => undefined);
	}
}

/** Waits until no node has anything left to send, to run or to hear. */
async function settle(
	{ clock, signal, tell }: TortureOptions,
	{ nodes }: TortureFleet,
): Promise<void> {
	let last = '';
	let changedAt = clock.monotonic();
	let quiet = 0;
	while (!signal.aborted && quiet < 2) {
		const left = await Promise.all(nodes.map((node) => leftAt(node, clock)));
		quiet = left.every((count) => count === 0) ? quiet + 1 : 0;
		const now = JSON.stringify(left);
		if (now !== last) changedAt = clock.monotonic();
		if (now !== last) tell(`left: ${now}`);
		last = now;
		if (clock.monotonic() - changedAt > stillMsMax) {
			tell(`nothing has changed for ${stillMsMax / 1000} seconds; left: ${now}`);
			for (const node of nodes) for (const row of await unsettledAt(node, clock)) tell(row);
			return;
		}
		await pause(clock, lookMs, signal);
	}
}

/** How much a node has left to do; undefined if it does not answer. */
async function leftAt({ socket }: Member, clock: Clock): Promise<number | undefined> {
	const [about] = (await ask<{ open: number }>(socket, { reeve: 'node' }, clock)) ?? [];
	const rows = await ask<ProcessRow>(socket, { reeve: 'processes' }, clock);
	if (!about || !rows) return undefined;
	return rows.reduce((sum, { waiting, running }) => sum + waiting + running, about.open);
}

/** What a node has not done yet, for people. */
async function unsettledAt({ name, socket }: Member, clock: Clock): Promise<readonly string[]> {
	const messages = { reeve: 'messages', limit: 100_000 };
	const rows = [
		...((await ask<LedgerRow>(socket, messages, clock)) ?? []).filter(({ settled }) => !settled),
		...((await ask<ProcessRow>(socket, { reeve: 'processes' }, clock)) ?? []).filter(
			({ waiting, running }) => waiting + running > 0,
		),
	];
	return rows.slice(0, rowsShown).map((row) => `${name}: ${JSON.stringify(row)}`);
}

async function evidence(
	{ nodes }: TortureFleet,
	streams: readonly Stream[],
	clock: Clock,
): Promise<readonly Evidence[]> {
	const found: Evidence[] = [];
	for (const stream of streams) {
		const socket = nodes.find(({ name }) => name === stream.from)?.socket ?? '';
		const ids = Array.from({ length: stream.accepted }, (_, index) => idOf(stream, index + 1));
		const ledger = new Map<string, LedgerRow>();
		if (ids.length > 0) {
			const question = { reeve: 'messages', ids };
			const rows = await ask<LedgerRow & { id: string }>(socket, question, clock);
			for (const row of rows ?? []) ledger.set(row.id, row);
		}
		const trace = await linesOf(stream.trace);
		const replies = stream.replies === undefined ? [] : await linesOf(stream.replies);
		found.push({ stream, ledger, trace, replies });
	}
	return found;
}

async function linesOf(path: string): Promise<readonly string[]> {
	try {
		return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
	} catch (thrown) {
		if (Reflect.get(Object(thrown), 'code') === 'ENOENT') return [];
		throw thrown;
	}
}

/** A row of the audit that the nodes make themselves. */
interface Audited {
	readonly from: string;
	readonly to: string;
	readonly lost: number;
	readonly doubled: number;
	readonly differs: number;
	readonly error?: string;
}

/** What both ends of each pair say of one another. */
async function audit({ nodes }: TortureFleet, clock: Clock): Promise<readonly Audited[]> {
	const rows: Audited[] = [];
	for (const { name, socket } of nodes) {
		const found = await ask<Audited>(socket, { reeve: 'audit' }, clock);
		const none = { from: name, to: 'all', lost: 0, doubled: 0, differs: 0, error: 'no answer' };
		rows.push(...(found ?? [none]));
	}
	return rows;
}

function withAudit(verdict: Verdict, rows: readonly Audited[]): Verdict {
	const bad = rows.filter(
		({ lost, doubled, differs, error }) => lost + doubled + differs > 0 || error !== undefined,
	);
	const sum = (of: (row: Audited) => number) => bad.reduce((total, row) => total + of(row), 0);
	return {
		...verdict,
		lost: verdict.lost + sum(({ lost, differs, error }) => lost + differs + (error ? 1 : 0)),
		doubled: verdict.doubled + sum(({ doubled }) => doubled),
		faults: [...verdict.faults, ...bad.map((row) => `audit: ${JSON.stringify(row)}`)],
	};
}
