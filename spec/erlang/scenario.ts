/**
 * Scenarios: a tree of supervisors, and what is done to it step by step. They are plain data, so
 * that Erlang can be given them, too.
 *
 * @module
 */

/** What a worker does when it is asked to end. */
export type Trap =
	/** It does not trap exits: it ends at once, with the reason of the request. */
	| 'no'
	/** It ends with that reason; linked actors do not end it. */
	| 'yes'
	/** It takes a while. */
	| 'slow'
	/** It goes on. */
	| 'refuse'
	/** It ends with another reason. */
	| 'normal'
	| 'crash';

/** What a start comes to instead of a child; `ok` for nothing of that kind. */
export type StartResult = 'error' | 'exception' | 'badreturn' | 'ignore' | 'ok' | 'info';

/** What both kinds of children say of themselves. What is absent has its default. */
export interface AnyPlan {
	readonly id: string;
	readonly restart?: string;
	readonly shutdown?: string | number;
	readonly type?: string;
	readonly significant?: boolean;
}

/** A worker. */
export interface WorkerPlan extends AnyPlan {
	readonly kind: 'worker';
	readonly trap?: Trap;
	/** The name that it registers. */
	readonly name?: string;
	/** What it is here: a service, one whose start is a promise, or an actor of XState. */
	readonly shape?: 'service' | 'async' | 'actor';
}

/** A supervisor. */
export interface SupervisorPlan extends AnyPlan {
	readonly kind: 'sup';
	readonly strategy: string;
	readonly intensity?: number;
	readonly period?: number;
	readonly auto?: string;
	/** Its `init` answers `ignore`. */
	readonly ignore?: boolean;
	/** Of a dynamic one: its template. */
	readonly children: readonly Plan[];
}

/** What a tree is made of. */
export type Plan = WorkerPlan | SupervisorPlan;

/** The child that was last at a position. */
export interface ByActor {
	readonly pid: string;
}

/** A call to the supervisor at the position `sup`. */
export type CallStep =
	| { readonly do: 'which' | 'count'; readonly sup: string }
	| {
			readonly do: 'terminate' | 'delete' | 'restart' | 'getspec';
			readonly sup: string;
			readonly id: string | ByActor;
	  }
	/** With a plan; of a dynamic supervisor, with the last part of the position. */
	| { readonly do: 'start'; readonly sup: string; readonly child: Plan | string }
	| { readonly do: 'change'; readonly sup: string; readonly plan: SupervisorPlan }
	| { readonly do: 'check'; readonly specs: readonly unknown[]; readonly auto?: string };

/** Something that happens to the child at a position. */
export type EventStep =
	/** The results of the next starts there. */
	| { readonly do: 'faults'; readonly path: string; readonly list: readonly StartResult[] }
	/** It ends by itself; `kill` kills it. */
	| { readonly do: 'exit'; readonly path: string; readonly reason: string }
	/** An exit signal of a stranger, and one that is linked and ends. */
	| { readonly do: 'signal' | 'link'; readonly path: string; readonly reason: string }
	| { readonly do: 'killsup'; readonly path: string }
	| { readonly do: 'monitor'; readonly path: string }
	/** The top is asked to end, by the one that has started it. */
	| { readonly do: 'stop'; readonly reason?: string };

/** What is done at one time. */
export type Act = CallStep | EventStep;

/** A step. */
export type Step =
	| Act
	/** So many seconds pass. */
	| { readonly do: 'tick'; readonly n: number }
	/** All this happens while the supervisor is busy with a start. */
	| { readonly do: 'busy'; readonly sup: string; readonly steps: readonly Act[] };

/** A scenario without its number. */
export interface Story {
	readonly name: string;
	readonly top: SupervisorPlan;
	/** What happens before the start. */
	readonly init: readonly Act[];
	readonly steps: readonly Step[];
	/** Whether seconds are counted: then it begins with a new one. */
	readonly timed: boolean;
}

/** A scenario. */
export interface Scenario extends Story {
	readonly id: number;
}

/** A worker, with its defaults. */
export const worker = (id: string, more: Partial<WorkerPlan> = {}): WorkerPlan => ({
	kind: 'worker',
	id,
	...more,
});

/** A supervisor. */
export const supervisor = (
	id: string,
	strategy: string,
	children: readonly Plan[],
): SupervisorPlan => ({ kind: 'sup', id, strategy, children });

/** A supervisor at the top. */
export const top = (
	strategy: string,
	children: readonly Plan[],
	more: Partial<SupervisorPlan> = {},
): SupervisorPlan => ({ ...supervisor('top', strategy, children), ...more });

/** The strategies of children that are listed. */
export const staticStrategies = ['one_for_one', 'one_for_all', 'rest_for_one'] as const;
/** Three workers. */
export const abc: readonly WorkerPlan[] = ['a', 'b', 'c'].map((id) => worker(id));

/** A child ends by itself. */
export const exit = (path: string, reason: string): Act => ({ do: 'exit', path, reason });
/** A child crashes. */
export const crash = (path: string): Act => exit(path, 'crash');
/** Seconds pass. */
export const tick = (n: number): Step => ({ do: 'tick', n });
/** The results of the next starts. */
export const faults = (path: string, ...list: readonly StartResult[]): Act => ({
	do: 'faults',
	path,
	list,
});
/** Lists the children of the top. */
export const which: Act = { do: 'which', sup: 'top' };
/** Counts the children of the top. */
export const count: Act = { do: 'count', sup: 'top' };
/** A call to the top about one child. */
export const call = (
	what: 'terminate' | 'delete' | 'restart' | 'getspec',
	id: string | ByActor,
): Act => ({ do: what, sup: 'top', id });
/** The top starts a child. */
export const start = (child: Plan | string): Act => ({ do: 'start', sup: 'top', child });
/** The top gets another specification. */
export const change = (plan: SupervisorPlan): Act => ({ do: 'change', sup: plan.id, plan });
/** All this happens while the top is busy. */
export const busy = (...steps: readonly Act[]): Step => ({ do: 'busy', sup: 'top', steps });
/** The top is stopped. */
export const stop: Act = { do: 'stop' };

/** The steps of a scenario, with what else there is to say of it. */
type Course = Pick<Story, 'steps'> & Partial<Pick<Story, 'init' | 'timed'>>;

/** A scenario that is written by hand. */
export function story(name: string, plan: SupervisorPlan, course: readonly Step[] | Course): Story {
	const { steps, init = [], timed = false } = 'steps' in course ? course : { steps: course };
	return { name, top: plan, init, steps, timed };
}

/**
 * How long a scenario may take, in milliseconds, so that seconds make no difference to it: less
 * than the shortest period in which restarts are counted. One that counts seconds may take so long
 * for what it does within one.
 */
export function patienceMs(scenario: Scenario): number {
	const shortest = scenario.timed ? 1 : Math.min(...periodsIn(scenario));
	return shortest * 1000 - 150;
}

/** The periods of all supervisors in it, in seconds. */
function periodsIn(value: unknown): readonly number[] {
	if (typeof value !== 'object' || value === null) return [];
	const { strategy, period = 5 } = value as Partial<SupervisorPlan>;
	const own = strategy === undefined ? [] : [Math.max(1, period)];
	return [...own, ...Object.values(value).flatMap(periodsIn)];
}
