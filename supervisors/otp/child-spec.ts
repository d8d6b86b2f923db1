/**
 * Specifications of supervisors and of their children. They are plain data with one function, so
 * that a whole tree is one literal.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Child } from './child.ts';
import type { Names } from './names.ts';
import type { Backoff, RestartLimit } from './restart.ts';

/** What the start function of a child is given. */
export interface StartContext {
	/** The id of the child's specification. */
	readonly id: string;
	/** The arguments of `startChild`, under `simple_one_for_one`; else empty. */
	readonly args: readonly unknown[];
	/** 1 at the first start, and one more at each restart. */
	readonly incarnation: number;
	/** The supervisors above the child by name, nearest first. */
	readonly ancestors: readonly string[];
	readonly clock: Clock;
	readonly signals: Signals | undefined;
	readonly names: Names | undefined;
	readonly budgets: Budgets | undefined;
	/** Aborted if the supervisor is killed while it waits for this start. */
	readonly signal: AbortSignal;
}

/**
 * What a start function returns: a child, a child with information for the caller of `startChild`,
 * or the reason why there is no child.
 */
export type StartResult =
	| Child
	| { readonly child: Child; readonly info: unknown }
	/** There is nothing to start; this is no failure. */
	| 'ignore'
	/** The name belongs to this child. */
	| { readonly alreadyStarted: Child };

/** Starts a child. A throw, or a rejection, is a failed start. */
export type Start = (context: StartContext) => StartResult | Promise<StartResult>;

/** When a child that ended is started again: always, after a failure, or never. */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/**
 * How a child is stopped: killed at once, asked and killed after so many milliseconds, or asked and
 * waited for without limit.
 */
export type Shutdown = 'brutal_kill' | 'infinity' | number;

/** The specification of a child. */
export interface ChildSpec {
	/** Unique among its siblings. */
	readonly id: string;
	readonly start: Start;
	/** `permanent` by default. */
	readonly restart?: RestartType;
	/** 5000 by default, `infinity` for supervisors. */
	readonly shutdown?: Shutdown;
	/** `worker` by default. */
	readonly type?: 'worker' | 'supervisor';
	/** Whether its end by itself can end the supervisor, see `autoShutdown`. */
	readonly significant?: boolean;
	/** Beyond OTP: a limit for this child alone, in addition to the supervisor's. */
	readonly limit?: RestartLimit;
}

/** Which children are restarted together with one that ended. */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'simple_one_for_one';

/** Whether the end of significant children ends the supervisor. */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant';

/** The specification of a supervisor. */
export interface SupervisorSpec {
	readonly name: string;
	readonly strategy: Strategy;
	/** How many restarts are allowed within the period; 1 by default. */
	readonly intensity?: number;
	/** Whole seconds; 5 by default. */
	readonly period?: number;
	/** `never` by default. */
	readonly autoShutdown?: AutoShutdown;
	/** In start order. `simple_one_for_one` has exactly one: the template of all its children. */
	readonly children: readonly ChildSpec[];
	/** Beyond OTP: how many children there may be at once. No limit by default. */
	readonly maxChildren?: number;
	/** Beyond OTP: a pause before restarts. None by default. */
	readonly backoff?: Backoff;
	/** The version of this specification, for operators and for hot changes. */
	readonly version?: string;
}

/** A child's specification with the defaults filled in. */
export type CheckedChild = Required<Omit<ChildSpec, 'limit'>> & Pick<ChildSpec, 'limit'>;

/** A supervisor's specification with the defaults filled in. */
export type CheckedSupervisor = Required<Omit<SupervisorSpec, 'children' | 'backoff'>> &
	Pick<SupervisorSpec, 'backoff'> & { readonly children: readonly CheckedChild[] };

/** The restarts of one supervisor, as they are kept over a restart of the process. */
export interface KeptBudget {
	/** Wall-clock milliseconds of the restarts that count. */
	readonly restarts: readonly number[];
	/** The ids of the children whose restart had failed at that time. */
	readonly restarting: readonly string[];
}

/** Where budgets are kept. Both calls are synchronous, since a crash may follow at once. */
export interface Budgets {
	/** @param path the names of the supervisor and those above it, from the top, joined by slashes */
	load(path: string): KeptBudget | undefined;
	save(path: string, budget: KeptBudget): void;
	/**
	 * A clock that goes on over restarts of the process and is never set; without it, the wall clock.
	 */
	now?(): number;
}
