/**
 * A campaign: gives a way its inputs, and judges after each few of them whether what must hold for
 * any input still holds. What fails is found among those that were given together, repeated alone,
 * and made smaller.
 *
 * @module
 */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { pause, realClock } from '../../runtime/platform/clock.ts';
import { until } from '../support/condition.ts';
import { openHandles } from '../support/handles.ts';
import type { TestScope } from '../support/temporary.ts';
import { chanceOf } from './chance.ts';
import { watchLoop, type LoopWatch } from './loop-watch.ts';
import { smallest } from './shrinking.ts';
import { inputText, type Input, type OpenWay, type Way } from './way.ts';

/** What a campaign is to do. */
export interface Plan {
	readonly way: Way;
	readonly seed: number;
	/** The number of the first input. */
	readonly first: number;
	/** Whether the input of this number is given, too. */
	readonly goesOn: (number: number) => boolean;
	/** How long the event loop may stand still, in milliseconds. */
	readonly stopMsMax: number;
	/** Called before inputs are given, with the number of the last of them. */
	readonly onInput?: (number: number) => void;
}

/** Something that does not hold. */
export interface Finding {
	readonly way: string;
	readonly seed: number;
	/** The number of the input; of the first, if it takes several together. */
	readonly number: number;
	readonly what: string;
	/** The input, and the smallest that was found to fail as well. */
	readonly input: string;
	readonly smaller?: string;
}

/** How a campaign ended. */
export interface Outcome {
	readonly way: string;
	readonly seed: number;
	readonly inputs: number;
	readonly ms: number;
	/** The longest stop of the event loop. */
	readonly stopMs: number;
	/** By how much the heap has grown, from the first quarter on. */
	readonly heapKb: number;
	readonly finding?: Finding;
}

/** How long inputs that were given together may take. */
const patienceMs = 90_000;
/** What may stay in the heap: caches and compiled code, but nothing for each input. */
const heapKbMax = 24 * 1024;
/** How many timers more may be set than at the beginning: those of lanes, hosts and retention. */
const timersMax = 200;
/** How often a stop must be seen again before it is believed. */
const stopRepeats = 3;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapKb(): number {
	collect();
	collect();
	return Math.round(process.memoryUsage().heapUsed / 1024);
}

/** Runs it to its end, or to its first finding. */
export async function runCampaign(plan: Plan): Promise<Outcome> {
	const { way, seed } = plan;
	const since = realClock.monotonic();
	const { port1: vigil } = new MessageChannel();
	vigil.ref();
	const strays = watchStrays();
	const before = openHandles();
	let played: Played;
	let left: string | undefined;
	try {
		const session = await openSession(plan, strays.taken);
		try {
			played = await play(session, plan);
		} finally {
			await session.close();
		}
		left = await handlesLeft(before);
	} finally {
		strays.end();
		vigil.close();
	}
	const { count, stopMs, heapKb: grown } = played;
	const closed = left && about(plan, count, `handles are left after it was closed: ${left}`);
	const finding = played.finding ?? closed;
	const ms = Math.round(realClock.monotonic() - since);
	const outcome = { way: way.name, seed, inputs: count, ms, stopMs: Math.round(stopMs) };
	return { ...outcome, heapKb: grown, ...(finding ? { finding } : {}) };
}

interface Played {
	readonly count: number;
	readonly stopMs: number;
	readonly heapKb: number;
	readonly finding?: Finding | undefined;
}

/** Gives all inputs, and looks at what is left of them then. */
async function play(session: Session, plan: Plan): Promise<Played> {
	const without = await trouble(session, []);
	const start: Start = {
		heapKb: heapKb(),
		handles: openHandles(),
		timers: session.open.timers?.() ?? 0,
	};
	if (without !== undefined) {
		const finding = about(plan, 0, `before any input: ${without}`);
		return { count: 0, stopMs: 0, heapKb: 0, finding };
	}
	const { given, stopMs, finding } = await giveAll(session, plan, start);
	const last = plan.first + given - 1;
	const what = finding ? undefined : await leftOver(session, start);
	const grown = heapKb() - start.heapKb;
	const figures = { count: given, stopMs, heapKb: grown };
	if (finding) return { ...figures, finding };
	if (what !== undefined) return { ...figures, finding: about(plan, last, what) };
	if (grown <= heapKbMax) return figures;
	return { ...figures, finding: about(plan, last, `the heap has grown by ${grown} KB`) };
}

/** What was open before the first input. */
interface Start {
	/** Measured again when what is kept on purpose has its size, and the code is loaded. */
	heapKb: number;
	readonly handles: ReadonlyMap<string, number>;
	readonly timers: number;
}

async function giveAll(
	session: Session,
	plan: Plan,
	start: Start,
): Promise<{ given: number; stopMs: number; finding?: Finding }> {
	const { way, seed, first, goesOn } = plan;
	let stopMs = 0;
	let number = first;
	for (let rounds = 1; goesOn(number); rounds += 1) {
		const inputs: Input[] = [];
		const from = number;
		while (inputs.length < way.together && goesOn(number)) {
			inputs.push(way.input(chanceOf(way.name, seed, number)));
			number += 1;
		}
		plan.onInput?.(number - 1);
		const what = await trouble(session, inputs);
		stopMs = Math.max(stopMs, session.watch.longestMs());
		const finding = what && (await findCulprit(plan, { from, inputs, what }));
		if (finding) return { given: number - first, stopMs, finding };
		if (rounds === warmRounds) start.heapKb = heapKb();
	}
	return { given: number - first, stopMs };
}

/** What stays open, or set, although all inputs were dealt with. */
async function leftOver({ open }: Session, start: Start): Promise<string | undefined> {
	const left = await handlesLeft(start.handles);
	if (left) return `handles are left while it is open: ${left}`;
	const set = (open.timers?.() ?? 0) - start.timers;
	return set > timersMax ? `${set} timers more are set` : undefined;
}

const warmRounds = 8;

/** A way that is open, and what is watched meanwhile. */
interface Session {
	readonly open: OpenWay;
	readonly watch: LoopWatch;
	readonly strays: () => readonly string[];
	readonly stopMsMax: number;
	readonly isInTurn: boolean;
	readonly close: () => Promise<void>;
}

async function openSession(
	{ way, stopMsMax }: Pick<Plan, 'way' | 'stopMsMax'>,
	strays: Session['strays'],
): Promise<Session> {
	const scope = createScope();
	const open = await way.open(scope).catch(async (thrown: unknown) => {
		await scope.close();
		throw thrown;
	});
	const watch = watchLoop();
	const close = async (): Promise<void> => {
		watch.end();
		await scope.close();
	};
	return { open, watch, strays, stopMsMax, isInTurn: way.isInTurn ?? false, close };
}

/** Gives inputs together, and something good beside them; tells what does not hold then. */
async function trouble(session: Session, inputs: readonly Input[]): Promise<string | undefined> {
	const { open, watch, strays, stopMsMax } = session;
	watch.reset();
	const over = new AbortController();
	const late = pause(realClock, patienceMs, over.signal).then(() => 'late' as const);
	try {
		const end = await Promise.race([late, Promise.all([giveTo(session, inputs), open.good()])]);
		if (end === 'late') return `not over after ${patienceMs / 1000} s`;
		const longest = watch.longestMs();
		if (inputs.length > 0 && longest > stopMsMax) return `${stopWords} ${Math.round(longest)} ms`;
		// What comes late is from these inputs as well.
		await open.good();
	} catch (thrown) {
		return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
	} finally {
		over.abort();
	}
	const faults = [...open.faults(), ...strays()];
	return faults.length === 0 ? undefined : faults.slice(0, 5).join('\n');
}

/** Gives inputs, and resolves when all are dealt with. */
async function giveTo({ open, watch, isInTurn }: Session, inputs: readonly Input[]) {
	if (!isInTurn) return void (await Promise.all(inputs.map((input) => open.give(input))));
	for (const input of inputs) {
		await open.give(input);
		// What one costs is not added to what the next one does.
		watch.longestMs();
	}
}

const stopWords = 'the event loop stood still for';

/** Which input it was, repeated alone. A stop that does not come again was another's. */
async function findCulprit(
	plan: Plan,
	{ from, inputs, what }: { from: number; inputs: readonly Input[]; what: string },
): Promise<Finding | undefined> {
	const isStop = what.startsWith(stopWords);
	const fails = async (input: Input): Promise<boolean> => {
		for (let left = isStop ? stopRepeats : 1; left > 0; left -= 1) {
			if (!(await failsAlone(plan, input))) return false;
		}
		return true;
	};
	for (const [at, input] of inputs.entries()) {
		if (!(await fails(input))) continue;
		const small = await smallest(input, fails);
		return {
			...about(plan, from + at, what),
			input: inputText(input),
			...(small.bytes.length < input.bytes.length ? { smaller: inputText(small) } : {}),
		};
	}
	if (isStop) return undefined;
	const together = inputs.map(inputText).join('\n');
	return { ...about(plan, from, `${what}\n(not by one input alone)`), input: together };
}

async function failsAlone(plan: Plan, input: Input): Promise<boolean> {
	const strays = watchStrays();
	const session = await openSession(plan, strays.taken);
	try {
		// What is compiled and loaded first costs time, too.
		await trouble(session, []);
		return (await trouble(session, [input])) !== undefined;
	} finally {
		await session.close();
		strays.end();
	}
}

function about({ way, seed }: Pick<Plan, 'way' | 'seed'>, number: number, what: string): Finding {
	return { way: way.name, seed, number, what, input: '' };
}

/** The handles that stay open, as text; undefined if none does. */
async function handlesLeft(before: ReadonlyMap<string, number>): Promise<string | undefined> {
	const left = () => [...openHandles()].filter(([kind, count]) => count > (before.get(kind) ?? 0));
	try {
		await until('no handle is left', () => left().length === 0);
		return undefined;
	} catch {
		return left().join('; ');
	}
}

/** Notes errors that were not caught. */
function watchStrays(): { readonly taken: () => readonly string[]; end(): void } {
	const seen: string[] = [];
	const see = (thrown: unknown): void =>
		void seen.push(`not caught: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
	process.on('uncaughtException', see);
	process.on('unhandledRejection', see);
	return {
		taken: () => seen.splice(0),
		end() {
			process.off('uncaughtException', see);
			process.off('unhandledRejection', see);
		},
	};
}

/** A scope whose hooks run when it is closed, as those of a test do at its end. */
function createScope(): TestScope & { close(): Promise<void> } {
	const hooks: (() => unknown)[] = [];
	return {
		after: (run) => void hooks.push(run),
		async close() {
			// What was started last may need what was made first.
			for (const run of hooks.splice(0).toReversed()) await run();
		},
	};
}
