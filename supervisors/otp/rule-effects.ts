/**
 * Performs the effects of rules: starts and stops children, saves budgets, and emits signals. An
 * effect that takes time is answered by a later message.
 *
 * @module
 */
import type { Clock, Timer } from '../../runtime/platform/clock.ts';
import { deadline } from '../../runtime/platform/deadline.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Shutdown, StartContext, StartResult, Budgets } from './child-spec.ts';
import type { Child } from './child.ts';
import { crashReport } from './crash-report.ts';
import { exitError, type ExitReason } from './exit-reason.ts';
import type { Names } from './names.ts';
import { backoffMs } from './restart.ts';
import { keepBudget } from './restart-budget.ts';
import type { Member, Children } from './children.ts';
import type { Answer, Effect, Started } from './rules.ts';

/** What effects are performed with. */
export interface EffectParts {
	readonly clock: Clock;
	readonly signals: Signals | undefined;
	readonly names: Names | undefined;
	readonly budgets: Budgets | undefined;
	/** The supervisors above this one, nearest first. */
	readonly ancestors: readonly string[];
	/** Called when a child has ended. */
	readonly exited: (child: Child, reason: ExitReason) => void;
	/** Called when it is time for another start attempt. */
	readonly again: (member: Member) => void;
}

/** An answer that comes later: call it with the function that takes the answer. */
export type Later = (resume: (answer: Answer) => void) => void;

/** What performs effects. */
export interface Effects {
	/** Performs an effect, and returns its answer, or how to wait for it. */
	perform(effect: Effect): Answer | Later;
	/** Abandons what is in progress, and returns the children that were being stopped. */
	abandon(): readonly Child[];
}

/** Creates what performs the effects of one supervisor. */
export function createEffects(state: Children, parts: EffectParts): Effects {
	const { signals } = parts;
	const starts = createStarts(state, parts);
	const retries = createRetries(state, parts);
	let stopping: readonly Child[] = [];

	return {
		perform(effect) {
			switch (effect.effect) {
				case 'start':
					return starts.start(effect.member, effect.args);
				case 'stop':
					stopping = effect.children;
					return stopped(stopping, { shutdown: effect.shutdown, clock: parts.clock });
				case 'again':
					retries.again(effect.member, effect.isPaused);
					return undefined;
				case 'tell':
					signals?.emit(effect.type, effect.fields);
					return undefined;
				case 'report':
					report(state, effect, parts);
					return undefined;
				case 'remember':
					keepBudget(state, { ...parts, spec: state.spec });
					return undefined;
			}
		},
		abandon() {
			retries.abandon();
			starts.abandon();
			return stopping;
		},
	};
}

/** Stops children. Most end at once; then the result is undefined. */
function stopped(
	children: readonly Child[],
	how: { readonly shutdown: Shutdown; readonly clock: Clock },
): Later | undefined {
	let isDone = false;
	let waiting: ((answer: undefined) => void) | undefined;
	stopChildren(children, how, () => {
		isDone = true;
		waiting?.(undefined);
	});
	return isDone ? undefined : (resume) => void (waiting = resume);
}

/** Schedules another start attempt for children that could not be started. */
function createRetries(state: Children, { clock, again }: EffectParts) {
	/** One for each member: a child that was started meanwhile and failed again waits anew. */
	const timers = new Map<Member, Timer>();
	const soon = (run: () => void): Timer => {
		const handle = setImmediate(run);
		return { cancel: () => clearImmediate(handle) };
	};
	return {
		again(member: Member, isPaused: boolean): void {
			const { backoff } = state.spec;
			const run = (): void => {
				timers.delete(member);
				again(member);
			};
			timers.get(member)?.cancel();
			if (!isPaused || !backoff) {
				// Run after everything that is ready: a child that cannot start must not starve the rest.
				timers.set(member, soon(run));
				return;
			}
			const pauseMs = backoffMs(backoff, member.failures - 1, clock.random());
			timers.set(member, clock.after(pauseMs, run));
		},
		abandon() {
			for (const timer of timers.values()) timer.cancel();
		},
	};
}

/** Calls start functions, and listens to the exits of the children that they return. */
function createStarts(state: Children, parts: EffectParts) {
	const { clock, signals, names, budgets } = parts;
	const ancestors = [state.spec.name, ...parts.ancestors];
	const { signal, abort } = abortable();
	const shared = { ancestors, clock, signals, names, budgets, signal };

	const watch = (child: Child): void => {
		// The supervisor has ended: nothing else would ever stop this child.
		if (signal.aborted) child.kill();
		else child.onExit((reason) => parts.exited(child, reason));
	};

	return {
		abandon: abort,
		start({ spec, incarnation }: Member, args: readonly unknown[]): Started | Later {
			try {
				const context: StartContext = { id: spec.id, args, incarnation, ...shared };
				const result = spec.start(context);
				if (!isPromise(result)) return startedOf(result, watch);
				return (resume) => {
					result.then(
						(late) => resume(startedOf(late, watch)),
						(thrown: unknown) => resume({ failed: exitError(thrown) }),
					);
				};
			} catch (thrown) {
				return { failed: exitError(thrown) };
			}
		},
	};
}

function abortable() {
	const controller = new AbortController();
	return { signal: controller.signal, abort: () => controller.abort() };
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
	return typeof (value as Partial<Promise<Value>> | undefined | null)?.then === 'function';
}

/** Checks what a start function returned: it may have been written in JavaScript. */
function startedOf(result: StartResult, watch: (child: Child) => void): Started {
	if (result === 'ignore') return { ignored: true };
	if (typeof result === 'object' && result !== null) {
		if ('alreadyStarted' in result) return result;
		const { child, info }: { child: Child; info?: unknown } =
			'onExit' in result ? { child: result } : result;
		if (typeof child === 'object' && 'onExit' in child) {
			watch(child);
			return { child, info };
		}
	}
	return { failed: new Error('bad_return: the start function returned no child') };
}

function report(
	state: Children,
	{ member, reason }: Extract<Effect, { effect: 'report' }>,
	{ signals, ancestors }: EffectParts,
): void {
	if (!signals) return;
	const { child, restarts, spec } = member;
	const facts = {
		actor: spec.id,
		pid: child?.pid ?? spec.id,
		ancestors: [state.spec.name, ...ancestors],
		reason,
		restarts,
		description: child?.describe?.() ?? {},
		neighbours: neighboursOf(state, member),
	};
	signals.emit('actor.crashed', crashReport(facts));
}

/** The pids of the first ten running siblings. */
function neighboursOf(state: Children, member: Member): string[] {
	const pids: string[] = [];
	for (const [child, { state: is }] of state.byChild) {
		if (pids.length === 10) break;
		if (is === 'running' && child !== member.child) pids.push(child.pid);
	}
	return pids;
}

/**
 * Stops children, one or many, all at once and with one common timer: those that still run when it
 * fires are killed. Calls `done` when all have ended; after a kill that wait has no limit.
 */
function stopChildren(
	children: readonly Child[],
	{ shutdown, clock }: { readonly shutdown: Shutdown; readonly clock: Clock },
	done: () => void,
): void {
	const killLeft = (): void => {
		for (const child of children) if (child.exitReason === undefined) child.kill();
	};
	const timer = typeof shutdown === 'number' ? deadline(clock, shutdown, killLeft) : undefined;
	let left = children.length + 1;
	const oneLess = (): void => {
		left -= 1;
		if (left > 0) return;
		timer?.cancel();
		done();
	};
	for (const child of children) child.onExit(oneLess);
	if (shutdown === 'brutal_kill') killLeft();
	else for (const child of children) child.shutdown('shutdown');
	// Release the extra count: it keeps `done` from being called before all listeners are set.
	oneLess();
}
