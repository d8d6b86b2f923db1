/**
 * What supervision costs, against bare XState: from a crash to running again, the start of a light
 * actor under a supervisor, and ten thousand of them against one thousand.
 *
 * @module
 */
import process from 'node:process';
import { assign, createActor, fromTransition, setup, type AnyActorRef } from 'xstate';
import { realClock, type Clock } from '../../runtime/platform/clock.ts';
import { createSignals } from '../../runtime/observability/signals.ts';
import { actorChild, actorOf } from '../../supervisors/otp/actor-child.ts';
import type { Child } from '../../supervisors/otp/child.ts';
import { startSupervisor, type SupervisorRef } from '../../supervisors/otp/supervisor.ts';
import { atMost, budgetOf, full, summaryOf, takeRounds, type Figure } from './figure.ts';

/** How much is measured; it takes a few seconds. */
interface Effort {
	readonly rounds: number;
	/** Restarts, and starts, in a round. */
	readonly times: number;
	/** The smaller and the larger number of children that are started and stopped. */
	readonly few: number;
	readonly many: number;
}

const usual: Effort = { rounds: 7, times: 2000, few: 1000, many: 10_000 };
const monotonic = () => realClock.monotonic();

/** A small machine, as people write them: input, a context, an entry action, a guard, a timeout. */
const machine = setup({
	types: { context: {} as { jobs: number; name: string }, input: {} as { name: string } },
	guards: { hasJobs: ({ context }) => context.jobs > 0 },
	actions: {
		count: assign({ jobs: ({ context }) => context.jobs + 1 }),
		clear: assign({ jobs: 0 }),
		crash: () => {
			throw new Error('crash');
		},
	},
}).createMachine({
	id: 'worker',
	context: ({ input }) => ({ jobs: 0, name: input.name }),
	initial: 'idle',
	states: {
		idle: { entry: 'clear', on: { WORK: { target: 'busy', actions: 'count' } } },
		busy: { after: { 1000: 'idle' }, on: { DONE: { guard: 'hasJobs', target: 'idle' } } },
		stopped: { type: 'final' },
	},
	on: { STOP: '.stopped', CRASH: { actions: 'crash' } },
});
const input = { name: 'worker' };
/** A light actor: a transition function, like the compiled charts of messages. */
const light = fromTransition((count: number) => count + 1, 0);

const options = () => ({ clock: realClock, signals: createSignals(realClock) });

/** A clock on which an hour goes by at each look, so that no budget is ever used up. */
function hastyClock(): Clock {
	let hours = 0;
	return { ...realClock, monotonic: () => (hours += 1) * 3_600_000 };
}

/**
 * Microseconds for each bare start of the machine; `isKept` if all of them live at the same time.
 */
function bareStarts(times: number, isKept: boolean): number {
	const living: AnyActorRef[] = [];
	const since = monotonic();
	for (let count = 0; count < times; count += 1) {
		const actor = createActor(machine, { input }).start();
		if (isKept) living.push(actor);
	}
	const tookMs = monotonic() - since;
	for (const actor of living) actor.stop();
	return (tookMs * 1000) / times;
}

/** Microseconds from each crash to the next incarnation. */
async function restarts(times: number): Promise<number> {
	let living: Child | undefined;
	const start = actorChild({ logic: machine, input });
	const top = await startSupervisor(
		{
			name: 'top',
			strategy: 'one_for_one',
			children: [
				{
					id: 'small',
					start: (context) => {
						const child = start(context);
						if (typeof child === 'object' && 'pid' in child) living = child;
						return child;
					},
				},
			],
		},
		{ ...options(), clock: hastyClock() },
	);
	let tookMs = 0;
	for (let count = 0; count < times; count += 1) {
		const before = living;
		const actor = before && actorOf(before);
		const since = monotonic();
		actor?.send({ type: 'CRASH' });
		tookMs += monotonic() - since;
		if (living === before) throw new Error('it was not restarted at once');
	}
	await top.stop();
	return (tookMs * 1000) / times;
}

async function pool(): Promise<SupervisorRef> {
	const template = {
		id: 'light',
		start: actorChild({ logic: light }),
		restart: 'temporary',
	} as const;
	return startSupervisor(
		{ name: 'pool', strategy: 'simple_one_for_one', children: [template] },
		options(),
	);
}

/** Microseconds for each supervised start of a light actor, awaited one by one. */
async function supervisedStarts(times: number): Promise<number> {
	const top = await pool();
	const since = monotonic();
	for (let count = 0; count < times; count += 1) await top.startChild([]);
	const tookMs = monotonic() - since;
	await top.stop();
	return (tookMs * 1000) / times;
}

/** Milliseconds that so many children take to start and to stop. */
async function startAndStop(count: number): Promise<number> {
	const top = await pool();
	const since = monotonic();
	await Promise.all(Array.from({ length: count }, () => top.startChild([])));
	await top.stop();
	return monotonic() - since;
}

/** The same on the average of ten times, so that the garbage collector gets its turns here too. */
async function startAndStopTenTimes(count: number): Promise<number> {
	let tookMs = 0;
	for (let time = 0; time < 10; time += 1) tookMs += await startAndStop(count);
	return tookMs / 10;
}

/** Microseconds as a rate; the ratio stays that of the times, and a lower one is better. */
function perSecond<Measured extends { readonly reeve: number; readonly baseline: number }>(
	measured: Measured,
): Measured {
	const rate = (us: number) => Math.round(1_000_000 / us);
	return { ...measured, reeve: rate(measured.reeve), baseline: rate(measured.baseline) };
}

/** Measures restarts, starts and scale. */
export async function measureSupervision(scale = full): Promise<readonly Figure[]> {
	const { rounds, times, few, many } = scale.short ? { ...usual, rounds: 3 } : usual;
	// The product runs compiled; mapping each crash's stack to its source would be the test runner's
	// cost.
	process.setSourceMapsEnabled(false);
	const plan = { rounds, warmUps: 2, budgetMs: budgetOf(scale, 1 / 3) };
	const restarted = await takeRounds(plan, async () => ({
		baseline: bareStarts(times, false),
		reeve: await restarts(times),
	}));
	const started = await takeRounds(plan, async () => ({
		baseline: bareStarts(times, true),
		reeve: await supervisedStarts(times),
	}));
	const scaled = await takeRounds(plan, async () => ({
		baseline: await startAndStopTenTimes(few),
		reeve: await startAndStop(many),
	}));
	return [
		atMost(5, { name: 'restart: crash to running again', unit: 'us', ...summaryOf(restarted) }),
		atMost(1, {
			name: 'supervised starts of a light actor',
			unit: '1/s',
			...perSecond(summaryOf(started)),
		}),
		atMost(15, {
			name: `start and stop ${many} children, to ${few}`,
			unit: 'ms',
			...summaryOf(scaled),
		}),
	];
}
