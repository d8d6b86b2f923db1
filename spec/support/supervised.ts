/**
 * Supervisors for specs, on a stepped clock, and children that end when the test says so.
 *
 * @module
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setup } from 'xstate';
import { steppedClock, type SteppedClock } from '../../runtime/platform/clock.ts';
import {
	createSignals,
	type SignalFields,
	type Signals,
} from '../../runtime/observability/signals.ts';
import { actorChild, actorOf } from '../../supervisors/otp/actor-child.ts';
import type { ChildKey, ChildRow, Refusal } from '../../supervisors/otp/child-management.ts';
import type { ChildSpec, Strategy, SupervisorSpec } from '../../supervisors/otp/child-spec.ts';
import type { Child } from '../../supervisors/otp/child.ts';
import { exitText, type ExitReason } from '../../supervisors/otp/exit-reason.ts';
import { createNames, type Names } from '../../supervisors/otp/names.ts';
import {
	isSupervisor,
	startSupervisor,
	type SupervisorRef,
} from '../../supervisors/otp/supervisor.ts';

/** What a worker does when it is asked to stop: end as asked, not listen, or end with a reason. */
export type OnShutdown = 'polite' | 'busy' | ExitReason;

interface WorkerInput {
	readonly onShutdown: OnShutdown;
}

type WorkerEvent =
	| { readonly type: 'EXIT'; readonly reason: ExitReason }
	| { readonly type: 'SHUTDOWN' };

const fall = (reason: ExitReason): never => {
	throw reason;
};

/** An XState machine that ends when it is told to. */
const workerMachine = setup({
	types: {
		context: {} as WorkerInput,
		input: {} as WorkerInput,
		events: {} as WorkerEvent,
	},
}).createMachine({
	id: 'worker',
	context: ({ input }) => input,
	initial: 'running',
	states: {
		running: {
			on: {
				EXIT: [
					{ guard: ({ event }) => event.reason === 'normal', target: 'ended' },
					{ actions: ({ event }) => fall(event.reason) },
				],
				SHUTDOWN: {
					actions: ({ context: { onShutdown } }) => {
						if (onShutdown !== 'busy' && onShutdown !== 'polite') fall(onShutdown);
					},
				},
			},
		},
		ended: { type: 'final' },
	},
});

/** A specification of a worker. */
export function worker(
	id: string,
	more: Partial<ChildSpec> & { readonly onShutdown?: OnShutdown } = {},
): ChildSpec {
	const { onShutdown = 'polite', ...rest } = more;
	const start = actorChild({
		logic: workerMachine,
		input: { onShutdown },
		...(onShutdown === 'polite' ? {} : { shutdownEvent: { type: 'SHUTDOWN' } as const }),
	});
	return { id, start, ...rest };
}

/** A worker whose start fails while `broken.is` says so. */
export function fragile(
	id: string,
	broken: { is: boolean },
	more: Partial<ChildSpec> = {},
): ChildSpec {
	const { start, ...rest } = worker(id, more);
	return {
		...rest,
		start(context) {
			if (broken.is) throw new Error(`${id} is broken`);
			return start(context);
		},
	};
}

/** Makes a worker end by itself. */
export function exit(child: Child, reason: ExitReason): void {
	actorOf(child)?.send({ type: 'EXIT', reason });
}

/** The reason of a crash. */
export const abnormal = new Error('abnormal');

/** Starts supervisors, and ends their children. */
export interface TestSupervision {
	readonly clock: SteppedClock;
	readonly signals: Signals;
	readonly names: Names;
	/** Starts a supervisor; it is stopped after the test. */
	readonly start: (
		spec: Partial<SupervisorSpec> & Pick<SupervisorSpec, 'children'>,
	) => Promise<SupervisorRef>;
	/** Starts one with a strategy. */
	readonly run: (
		strategy: Strategy,
		children: readonly ChildSpec[],
		more?: Partial<SupervisorSpec>,
	) => Promise<SupervisorRef>;
	/** Ends a child by itself, and waits until everything has settled. */
	readonly end: (child: Child, reason: ExitReason) => Promise<void>;
	/** Ends the child of that id. */
	readonly crash: (top: SupervisorRef, id: string, reason?: ExitReason) => Promise<void>;
	/** The signals of a type, in order. */
	readonly seen: <Type extends keyof SignalFields>(type: Type) => readonly SignalFields[Type][];
}

/** Creates it for one test. */
export function createSupervision(test: Pick<TestContext, 'after'>): TestSupervision {
	const clock = steppedClock();
	const signals = createSignals(clock, 100_000);
	const names = createNames();
	const started: SupervisorRef[] = [];
	// A child that ignores its shutdown is killed here, so that nothing outlives its test.
	test.after(() => {
		for (const top of started) top.kill();
	});
	const supervision: TestSupervision = {
		clock,
		signals,
		names,
		async start(spec) {
			const full = { name: 'top', strategy: 'one_for_one', ...spec } as const;
			const top = await startSupervisor(full, { clock, signals, names });
			started.push(top);
			return top;
		},
		run: (strategy, children, more = {}) => supervision.start({ strategy, children, ...more }),
		async end(child, reason) {
			exit(child, reason);
			await clock.settle();
		},
		async crash(top, id, reason = abnormal) {
			await supervision.end(await childOf(top, id), reason);
		},
		seen: (type) =>
			signals.recent().flatMap((signal) => (signal.type === type ? [signal as never] : [])),
	};
	return supervision;
}

/** The children of a supervisor that runs, newest first. */
export async function rowsOf(top: SupervisorRef): Promise<readonly ChildRow[]> {
	const rows = await top.whichChildren();
	assert.ok(!('error' in rows), `${top.id} has ended`);
	return rows;
}

/** The row of a child, which must be there. */
export async function rowOf(top: SupervisorRef, key: ChildKey): Promise<ChildRow> {
	const row = await top.whichChild(key);
	assert.ok(!('error' in row), `no child ${nameOf(key)}`);
	return row;
}

const nameOf = (key: ChildKey) => (typeof key === 'string' ? key : key.pid);

/** The living child of an id, which must be there. */
export async function childOf(top: SupervisorRef, key: ChildKey): Promise<Child> {
	const { child, state } = await rowOf(top, key);
	assert.ok(child && state === 'running', `${nameOf(key)} is ${state}`);
	return child;
}

/** The supervisor that is the child of an id. */
export async function supervisorOf(top: SupervisorRef, id: string): Promise<SupervisorRef> {
	const child = await childOf(top, id);
	assert.ok(isSupervisor(child));
	return child;
}

/** The child that a call has started, which must not be a refusal. */
export function startedChild(answer: { readonly child?: Child | undefined } | Refusal): Child {
	assert.ok(!('error' in answer), 'error' in answer ? answer.error : '');
	assert.ok(answer.child);
	return answer.child;
}

/** The counts as OTP lists them: specs, active, supervisors, workers. */
export async function counts(top: SupervisorRef): Promise<readonly number[]> {
	const counted = await top.countChildren();
	assert.ok(!('error' in counted), `${top.id} has ended`);
	const { specs, active, supervisors, workers } = counted;
	return [specs, active, supervisors, workers];
}

/** The pids of the running children by id, and the states of the others, in start order. */
export function living(top: SupervisorRef): Record<string, string> {
	const rows = top.view().children.map(({ id, child, state }) => {
		return [id, state === 'running' && child ? child.pid : state] as const;
	});
	return Object.fromEntries(rows);
}

/** The reason of a supervisor or child in words; `alive` if it has none. */
export function fate({ exitReason }: Child): string {
	return exitReason === undefined ? 'alive' : exitText(exitReason);
}
