/**
 * Time and chance, injected. No other file of the product reads the time, starts a timer or draws
 * random numbers, so that a test can step the clock and seed the chance.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** A pending call that can be cancelled. Cancelling twice, or too late, does nothing. */
export interface Timer {
	cancel(): void;
}

/** The source of time and chance for all other code. */
export interface Clock {
	/**
	 * Wall-clock milliseconds since 1970. May jump by decades; never compare it with another node's.
	 * For what is shown, and for times of the day; what lasts is counted in `monotonic`, or in the
	 * time of the store (`Journal.now`) if it must survive the process.
	 */
	now(): number;
	/** Milliseconds from an arbitrary start that never run backwards. Use it for every interval. */
	monotonic(): number;
	/**
	 * Milliseconds since the machine was started, and which start that was. Unlike `monotonic` it is
	 * comparable between processes, and counts the time in which the machine slept; it costs more to
	 * ask. Absent, or undefined, where the machine does not tell.
	 */
	sinceBoot?(): { readonly id: string; readonly ms: number } | undefined;
	/** By how much a test has moved the wall clock; absent from every other clock. */
	offsetMs?(): number;
	/** Calls `run` once, `delayMs` from now at the earliest. Does not keep the process alive. */
	after(delayMs: number, run: () => void): Timer;
	/** A number in [0, 1). */
	random(): number;
	/** `count` random bytes; from the operating system's generator unless the clock is stepped. */
	bytes(count: number): Uint8Array;
}

/**
 * The longest delay, of 31 000 years. It is a law, not a setting: the instant at which a timer is
 * due orders its row, and stays exact only up to 2 ** 53.
 */
const delayMsMax = 1e15;

/** Whether this is a delay, in milliseconds: a finite number, of any sign, and not too large. */
export function isDelay(delayMs: unknown): delayMs is number {
	return typeof delayMs === 'number' && delayMs <= delayMsMax && delayMs >= -delayMsMax;
}

/** `setTimeout` treats a longer delay as one millisecond, so longer waits are taken in stages. */
const timeoutMsMax = 0x7fff_ffff;

/** One call of the generator costs the same for four kilobytes as for the few bytes of an id. */
const poolBytes = 4096;
let pool = new Uint8Array(0);
let poolUsed = 0;

function pooledBytes(count: number): Uint8Array {
	if (count > poolBytes) return randomFillSync(new Uint8Array(count));
	if (poolUsed + count > pool.length) {
		pool = randomFillSync(new Uint8Array(poolBytes));
		poolUsed = 0;
	}
	poolUsed += count;
	return pool.subarray(poolUsed - count, poolUsed);
}

/** Which start of the machine this is: empty if it does not tell, undefined before it was asked. */
let bootId: string | undefined;

function readBootId(): string {
	try {
		return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
	} catch {
		// Not Linux, or a container that hides it.
		return '';
	}
}

/** The machine's own clock. */
export const realClock: Clock = {
	now: () => Date.now(),
	monotonic: () => performance.now(),
	sinceBoot() {
		bootId ??= readBootId();
		return bootId === '' ? undefined : { id: bootId, ms: Math.round(uptime() * 1000) };
	},
	after(delayMs, run) {
		let handle: NodeJS.Timeout;
		const arm = (leftMs: number) => {
			const nextMs = Math.min(leftMs, timeoutMsMax);
			handle = setTimeout(() => (leftMs > nextMs ? arm(leftMs - nextMs) : run()), nextMs);
			handle.unref();
		};
		arm(Math.max(0, delayMs));
		return { cancel: () => clearTimeout(handle) };
	},
	random: () => Math.random(),
	bytes: pooledBytes,
};

/** Resolves after `delayMs`, or at once when `signal` is raised (it does not reject). */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
	return new Promise((resolve) => {
		if (signal?.aborted) {
			resolve();
			return;
		}
		const stop = () => {
			timer.cancel();
			resolve();
		};
		const timer = clock.after(delayMs, () => {
			signal?.removeEventListener('abort', stop);
			resolve();
		});
		signal?.addEventListener('abort', stop, { once: true });
	});
}

/** `clock.now()` as an ISO 8601 instant in UTC. */
export function isoNow(clock: Clock): string {
	return new Date(clock.now()).toISOString();
}

/** A clock that stands still until a spec moves it. */
export interface SteppedClock extends Clock {
	/**
	 * Moves time forward by `ms`, running what falls due in order, and letting promises settle after
	 * each timer, so that a timer set by a continuation still fires within the same call.
	 */
	advance(ms: number): Promise<void>;
	/** Lets everything that is ready run, without moving time. */
	settle(): Promise<void>;
	/** Shifts the wall clock only, as an operator or NTP would; intervals do not notice. */
	jump(ms: number): void;
	/** How many timers are pending: a test's leak detector. */
	pending(): number;
}

interface Entry {
	readonly dueAt: number;
	readonly order: number;
	readonly run: () => void;
}

/**
 * A small seeded generator (mulberry32, public domain): fast, repeatable, not for secrets.
 *
 * @returns a function that yields numbers in [0, 1)
 */
export function seededChance(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
	};
}

/** Lets one round of ready input, output and promises run. */
export function turnOfTheLoop(): Promise<void> {
	return new Promise((resolve) => {
		setImmediate(resolve);
	});
}

/** Long enough for the consequences of a timer in memory; see {@link steppedClock}. */
async function fewTurnsOfTheLoop(): Promise<void> {
	for (let round = 0; round < 4; round += 1) await turnOfTheLoop();
}

/**
 * A stepped clock whose chance comes from `seed`; it starts at `startMs` (2026-01-01 by default).
 * After each timer `calm` waits for its consequences: by default a few turns of the event loop,
 * which is too short for a disk.
 */
export function steppedClock(
	seed = 1,
	startMs = Date.UTC(2026, 0, 1),
	calm: () => Promise<void> = fewTurnsOfTheLoop,
): SteppedClock {
	const chance = seededChance(seed);
	const entries = new Set<Entry>();
	let elapsedMs = 0;
	let wallOffsetMs = startMs;
	let order = 0;

	const next = (): Entry | undefined => {
		let first: Entry | undefined;
		for (const entry of entries) {
			const sooner = !first || entry.dueAt < first.dueAt;
			if (sooner || (entry.dueAt === first?.dueAt && entry.order < first.order)) first = entry;
		}
		return first;
	};

	const clock: SteppedClock = {
		now: () => wallOffsetMs + elapsedMs,
		monotonic: () => elapsedMs,
		after(delayMs, run) {
			const entry = { dueAt: elapsedMs + Math.max(0, delayMs), order: (order += 1), run };
			entries.add(entry);
			return { cancel: () => void entries.delete(entry) };
		},
		random: chance,
		bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(chance() * 256)),
		async advance(ms) {
			const until = elapsedMs + ms;
			await clock.settle();
			for (let due = next(); due && due.dueAt <= until; due = next()) {
				entries.delete(due);
				elapsedMs = Math.max(elapsedMs, due.dueAt);
				due.run();
				await clock.settle();
			}
			elapsedMs = until;
		},
		settle: calm,
		jump: (ms) => void (wallOffsetMs += ms),
		pending: () => entries.size,
	};
	return clock;
}
