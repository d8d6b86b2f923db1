/**
 * The play of the demo: a fleet at work, of which one ship and then central are killed and started
 * again, each while messages are under way. When to strike is decided by what is seen, not by the
 * time.
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

/** What the play needs. */
export interface PlayParts {
	readonly folder: string;
	readonly messages: number;
	readonly self: readonly string[];
	readonly environment: Readonly<Record<string, string | undefined>>;
	readonly clock: Clock;
	/** Ends the play early; it then rejects. */
	readonly signal: AbortSignal;
	/** Told each event, as a sentence. */
	readonly tell: (text: string) => void;
}

/** What came of it. */
export interface Played {
	readonly count: DemoCount;
	readonly kills: number;
	/** Messages that the killed nodes found in their journals when they were started again. */
	readonly replayed: number;
}

/** Who is killed, as soon as this part of all messages is settled. */
const strikes = [
	{ name: 'ship1', settledPart: 0.2 },
	{ name: 'central', settledPart: 0.5 },
] as const;

/**
 * So long, and a little for each message, is waited; what is not settled then is counted as it
 * stands.
 */
const patienceMs = 60_000;
const patiencePerMessageMs = 200;
const lookMs = 5;

/** Small things that make the fleet of the demo quiet, and quick to stop. */
const nodeWords = ['--startPubREQHello', '0', '--logLevel', 'warn', '--stopTimeout', '1'];

/** Plays, and leaves no process behind, however it ends. */
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
		const all = Promise.all([handIn(work), followProgress(work), strike(fleet, { work, tell })]);
		const [, , replayed] = await Promise.race([all, gone.promise]);
		parts.signal.throwIfAborted();
		tell(`${settledCount(progress)} of ${wanted} are settled`);
		const ids = messages.map(({ id }) => id);
		const count = countDemo(ids, progress.rows, await traces(folder));
		return { count, kills: strikes.length, replayed };
	} finally {
		timer.cancel();
		isOver.abort();
		await fleet.end();
	}
}

/** Kills and starts again; returns how many messages were found in the journals. */
async function strike(
	fleet: Fleet,
	{ work, tell }: { work: WorkParts; tell: (text: string) => void },
): Promise<number> {
	const { progress, signal, messages } = work;
	let replayed = 0;
	for (const { name, settledPart } of strikes) {
		const ship = name === 'central' ? undefined : name;
		const due = { settled: messages.length * settledPart, ship };
		while (!isMidFlight(progress, due) || !(await isAtWork(fleet, name))) {
			if (signal.aborted) return replayed;
			if (settledCount(progress) >= messages.length) {
				throw new ReeveError('internal', `all was done before ${name} could be killed`);
			}
			await pause(work.clock, lookMs, signal);
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

/** Whether some, and not all, is done, and there is work in the hands of who is to be killed. */
function isMidFlight(
	progress: Progress,
	{ settled, ship }: { settled: number; ship: string | undefined },
): boolean {
	return settledCount(progress) >= settled && openMessages(progress, ship).length > 0;
}

/** What central knows of a ship is a moment old; whether it is at work is known only by itself. */
async function isAtWork(fleet: Fleet, name: string): Promise<boolean> {
	const client = createClient(fleet.socket(name));
	if (name === 'central') {
		const rows = await allRows(client.ask<AboutRow>({ reeve: 'node' }));
		return rows.some(({ open }) => open > 0);
	}
	const rows = await allRows(client.ask<ProcessRow>({ reeve: 'processes' }));
	return rows.some(({ running }) => running > 0);
}

/** All lines that the commands have left. */
async function traces(folder: string): Promise<readonly string[]> {
	const texts = demoShips.map((ship) => readFile(traceFile(folder, ship), 'utf8').catch(() => ''));
	const lines = (await Promise.all(texts)).flatMap((text) => text.split('\n'));
	return lines.filter((line) => line !== '');
}

/** The environment without what would configure the nodes of the demo. */
function withoutOurs(environment: PlayParts['environment']): PlayParts['environment'] {
	const isOurs = (name: string) => name.startsWith('REEVE_') || name === 'CONFIG_FOLDER';
	return Object.fromEntries(Object.entries(environment).filter(([name]) => !isOurs(name)));
}
