/**
 * The scenario of the demo: a fleet at work, of which one ship and then central are killed and
 * restarted, each while messages are open. The moment of a kill depends on observed progress, not
 * on time.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import { pause, type Clock } from '../../../runtime/platform/clock.ts';
import { ReeveError } from '../../../runtime/platform/errors.ts';
import { allRows, createClient } from '../client/socket-client.ts';
import { countDemo, type DemoCount } from './demo-count.ts';
import {
	demoMessages,
	demoShips,
	followProgress,
	handIn,
	openMessages,
	settledCount,
	traceFile,
	type Progress,
	type WorkParts,
} from './demo-workload.ts';
import type { AboutRow } from '../output/description.ts';
import { startFleet, type Fleet } from './local-fleet.ts';
import type { ProcessRow } from '../../../runtime/queries/question.ts';
import { deferred } from '../../../runtime/platform/deferred.ts';

/** The parts of the scenario. */
export interface PlayParts {
	readonly folder: string;
	readonly messages: number;
	readonly self: readonly string[];
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly clock: Clock;
	/** Ends the scenario early; it then rejects. */
	readonly signal: AbortSignal;
	/** Called with each event, as a sentence. */
	readonly tell: (text: string) => void;
}

/** The result of the scenario. */
export interface Played {
	readonly count: DemoCount;
	readonly kills: number;
	/** Messages that the killed nodes found in their journals when they were started again. */
	readonly replayed: number;
}

/** The nodes to kill, each as soon as this share of all messages is settled. */
const plannedKills = [
	{ name: 'ship1', settledPart: 0.2 },
	{ name: 'central', settledPart: 0.5 },
] as const;

/**
 * The scenario lasts at most this long, plus some time for each message; then everything is counted
 * as it is.
 */
const patienceMs = 60_000;
const patiencePerMessageMs = 200;
const pollMs = 5;

/** Settings that make the fleet of the demo quiet, and quick to stop. */
const nodeWords = ['--startPubREQHello', '0', '--logLevel', 'warn', '--stopTimeout', '1'];

/** Runs the scenario, and stops all processes however it ends. */
export async function playDemo(parts: PlayParts): Promise<Played> {
	const { folder, messages: wanted, self, clock, tell } = parts;
	const nodes = ['central', ...demoShips];
	const isOver = new AbortController();
	const gone = deferred<never>();
	const fleet = await startFleet({
		folder,
		nodes,
		nodeWords,
		listen: '127.0.0.1:0',
		self,
		clock,
		environment: withoutOurs(parts.environment),
		onGone: (name, how) => gone.reject(new ReeveError('start_failed', `${name} ended: ${how}`)),
	});
	const messages = demoMessages(wanted, folder);
	const progress: Progress = { handedIn: 0, rows: new Map() };
	const signal = AbortSignal.any([parts.signal, isOver.signal]);
	const socket = fleet.socket('central');
	const work = { messages, socket, clock, signal, progress };
	const timer = clock.after(patienceMs + wanted * patiencePerMessageMs, () => isOver.abort());
	try {
		await Promise.all(nodes.map((node) => fleet.start(node)));
		tell('broker, central, ship1 and ship2 are ready, each a process of its own');
		tell(`central is handed ${wanted} commands for ship1 and ship2`);
		const all = Promise.all([
			handIn(work),
			followProgress(work),
			killInTurn(fleet, { work, tell }),
		]);
		const [, , replayed] = await Promise.race([all, gone.promise]);
		parts.signal.throwIfAborted();
		tell(`${settledCount(progress)} of ${wanted} are settled`);
		const ids = messages.map(({ id }) => id);
		const count = countDemo(ids, progress.rows, await traces(folder));
		return { count, kills: plannedKills.length, replayed };
	} finally {
		timer.cancel();
		isOver.abort();
		await fleet.end();
	}
}

/** Kills and restarts each node; returns how many messages were replayed from the journals. */
async function killInTurn(
	fleet: Fleet,
	{ work, tell }: { work: WorkParts; tell: (text: string) => void },
): Promise<number> {
	const { progress, signal, messages } = work;
	let replayed = 0;
	for (const { name, settledPart } of plannedKills) {
		const ship = name === 'central' ? undefined : name;
		const due = { settled: messages.length * settledPart, ship };
		while (!isMidFlight(progress, due) || !(await isAtWork(fleet, name))) {
			if (signal.aborted) return replayed;
			if (settledCount(progress) >= messages.length) {
				throw new ReeveError('internal', `all was done before ${name} could be killed`);
			}
			await pause(work.clock, pollMs, signal);
		}
		const [settled, open] = [settledCount(progress), openMessages(progress).length];
		await fleet.kill(name);
		tell(`SIGKILL for ${name}: ${settled} are settled, ${open} are under way`);
		const { greeting } = await fleet.start(name);
		const found = Number(/(\d+) to replay/.exec(greeting.at(-1) ?? '')?.[1] ?? 0);
		tell(`${name} is started again, and finds ${found} in its journal`);
		replayed += found;
	}
	return replayed;
}

/** Whether enough messages are settled, and the node to kill has open ones. */
function isMidFlight(
	progress: Progress,
	{ settled, ship }: { settled: number; ship: string | undefined },
): boolean {
	return settledCount(progress) >= settled && openMessages(progress, ship).length > 0;
}

/** Asks the node itself whether it works now: what central knows of a ship is out of date. */
async function isAtWork(fleet: Fleet, name: string): Promise<boolean> {
	const client = createClient(fleet.socket(name));
	if (name === 'central') {
		const rows = await allRows(client.ask<AboutRow>({ reeve: 'node' }));
		return rows.some(({ open }) => open > 0);
	}
	const rows = await allRows(client.ask<ProcessRow>({ reeve: 'processes' }));
	return rows.some(({ running }) => running > 0);
}

/** All lines that the commands have written. */
async function traces(folder: string): Promise<readonly string[]> {
	const texts = demoShips.map((ship) => readFile(traceFile(folder, ship), 'utf8').catch(() => ''));
	const lines = (await Promise.all(texts)).flatMap((text) => text.split('\n'));
	return lines.filter((line) => line !== '');
}

/** The environment without variables that would configure the nodes of the demo. */
function withoutOurs(environment: PlayParts['environment']): PlayParts['environment'] {
	const isOurs = (name: string) => name.startsWith('REEVE_') || name === 'CONFIG_FOLDER';
	return Object.fromEntries(Object.entries(environment).filter(([name]) => !isOurs(name)));
}
