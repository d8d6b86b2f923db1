/**
 * Supervisors: actors whose only work is to start, monitor, restart and stop other actors, by the
 * rules of Erlang/OTP. A supervisor is an XState actor; a tree of supervisors is one literal.
 *
 * ```ts
 * const top = await startSupervisor(
 * 	{
 * 		name: 'top',
 * 		strategy: 'one_for_one',
 * 		children: [
 * 			{ id: 'counter', start: actorChild({ logic: counterMachine }) },
 * 			supervisorChild({ name: 'pool', strategy: 'simple_one_for_one', children: [worker] }),
 * 		],
 * 	},
 * 	{ clock: realClock },
 * );
 * await top.stop();
 * ```
 *
 * @module
 */
import { createActor, type ActorLogic, type ActorRefFrom, type Snapshot } from 'xstate';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import { whichChildren, type ChildRow, type Done } from './child-management.ts';
import { callsOf, type SupervisorCalls } from './supervisor-calls.ts';
import type { ChildSpec, SupervisorSpec, Budgets } from './child-spec.ts';
import { createChild, type Child } from './child.ts';
import {
	createRuleEngine,
	type RuleEngine,
	type RuleEngineParts,
	type Message,
} from './rule-engine.ts';
import { exitError, exitText, type ExitReason } from './exit-reason.ts';
import type { Names } from './names.ts';
import type { Children } from './children.ts';
import type { Failure } from './rules.ts';
import { checkChildren, requireSupervisor, type SpecRefusal } from './spec-check.ts';

/** The options of a supervisor. */
export interface SupervisorOptions {
	readonly clock: Clock;
	/** Where it emits its signals. Children get it with their start context. */
	readonly signals?: Signals | undefined;
	/** The registry of names. Children get it with their start context. */
	readonly names?: Names | undefined;
	/** Beyond OTP: where restart budgets are kept over a restart of the process. */
	readonly budgets?: Budgets | undefined;
	/** The supervisors above, nearest first; filled in by {@link supervisorChild}. */
	readonly ancestors?: readonly string[];
	/** Kills the supervisor if it is aborted while the supervisor starts. */
	readonly signal?: AbortSignal;
}

/** A view of a supervisor that does not go through its mailbox. */
export interface SupervisorView {
	readonly name: string;
	readonly version: string;
	readonly strategy: SupervisorSpec['strategy'];
	/** How often it restarted a child. */
	readonly restarts: number;
	/** In start order. */
	readonly children: readonly ChildRow[];
}

/** A running supervisor. It is also a child, of the supervisor above it. */
export interface SupervisorRef extends Child, SupervisorCalls {
	/** The XState actor that it is. */
	readonly actor: ActorRefFrom<typeof supervisorLogic>;
	/** Resolves with the reason when it has ended. */
	readonly exited: Promise<ExitReason>;
	/** The present state, at once and without its mailbox; for pictures of the tree. */
	view(): SupervisorView;
	/** Stops it with its children, in reverse start order; resolves with the reason. */
	stop(reason?: ExitReason): Promise<ExitReason>;
}

/** The snapshot of a supervisor as an XState actor; its output is the exit reason. */
type SupervisorSnapshot = Snapshot<ExitReason> & {
	readonly context: { readonly engine: RuleEngine };
};

/** The actor logic of all supervisors. */
const supervisorLogic: ActorLogic<SupervisorSnapshot, Message, RuleEngine> = {
	transition(snapshot, message) {
		const { engine } = snapshot.context;
		engine.take(message);
		if (engine.ended === undefined) return snapshot;
		return { ...snapshot, status: 'done', output: engine.ended, error: undefined };
	},
	getInitialSnapshot: (_scope, engine) => ({
		status: 'active',
		output: undefined,
		error: undefined,
		context: { engine },
	}),
	// Children cannot be persisted; the specification survives, and the budget if it is kept.
	getPersistedSnapshot: ({ context: { engine }, ...snapshot }) => ({
		...snapshot,
		context: viewOf(engine.state),
	}),
};

/** Starts a supervisor whose `init` may say `ignore`, as OTP's callback modules may. */
export function startSupervisor(
	init: () => SupervisorSpec | 'ignore',
	options: SupervisorOptions,
): Promise<SupervisorRef | 'ignore'>;
/**
 * Starts a supervisor, and its children in order. Resolves when all have started.
 *
 * @throws ReeveError `bad_supervisor` if the specification is wrong
 * @throws Error if a child cannot be started, with the child's own error as its cause; those that
 *   were started before are stopped then, in reverse order
 */
export function startSupervisor(
	spec: SupervisorSpec,
	options: SupervisorOptions,
): Promise<SupervisorRef>;
/** The implementation of both signatures. */
export async function startSupervisor(
	given: SupervisorSpec | (() => SupervisorSpec | 'ignore'),
	options: SupervisorOptions,
): Promise<SupervisorRef | 'ignore'> {
	const spec = typeof given === 'function' ? given() : given;
	if (spec === 'ignore') return spec;
	const { clock, signals, names, budgets, ancestors = [] } = options;
	const send = (message: Message) => ref.actor.send(message);
	const parts = { spec: requireSupervisor(spec), clock, signals, names, budgets, ancestors, send };
	const ref = createRef(parts);
	const kill = () => ref.kill();
	options.signal?.addEventListener('abort', kill);
	try {
		await initialStart(ref);
	} finally {
		options.signal?.removeEventListener('abort', kill);
	}
	return ref;
}

/**
 * A supervisor as a child of another. `more` overrides the defaults: permanent, and no limit to the
 * time that it needs to stop.
 */
export function supervisorChild(
	spec: SupervisorSpec,
	more: Partial<Omit<ChildSpec, 'start'>> = {},
): ChildSpec {
	return {
		id: spec.name,
		type: 'supervisor',
		start: ({ id: _id, args: _args, incarnation: _incarnation, ...options }) =>
			startSupervisor(spec, options),
		...more,
	};
}

/** Whether the child is a supervisor, with children of its own. */
export function isSupervisor(child: Child): child is SupervisorRef {
	return 'whichChildren' in child;
}

/** Checks specifications of children without starting anything, as OTP's `check_childspecs`. */
export function checkChildSpecs(
	specs: readonly unknown[],
	autoShutdown?: SupervisorSpec['autoShutdown'],
): Done | SpecRefusal {
	const checked = checkChildren(specs, autoShutdown);
	return 'error' in checked ? checked : { ok: true };
}

async function initialStart(ref: SupervisorRef): Promise<void> {
	const outcome = await new Promise<Failure | 'ready' | 'ended'>((resolve) => {
		ref.onExit(() => resolve('ended'));
		ref.actor.send({ type: 'init', fail: resolve, ready: () => resolve('ready') });
	});
	if (outcome === 'ready') return;
	if (outcome === 'ended') {
		throw new Error(`${ref.id}: ${exitText(await ref.exited)} while it started`);
	}
	const { member, error } = outcome;
	await ref.exited;
	throw new Error(`${ref.id}: failed_to_start_child ${member.spec.id}: ${error.message}`, {
		cause: error,
	});
}

function createRef(parts: RuleEngineParts): SupervisorRef {
	const engine = createRuleEngine(parts);
	const child = createChild(parts.spec.name, {
		get inside() {
			return actor;
		},
		shutdown: (reason) => actor.send({ type: 'stop', reason }),
		kill() {
			engine.kill('killed');
			actor.stop();
		},
		describe: () => ({ initialCall: 'supervisor', state: engine.state.spec.strategy }),
	});
	const actor = createActor(supervisorLogic, { input: engine, id: parts.spec.name });
	actor.subscribe({
		complete: () => child.exit(engine.ended ?? 'shutdown'),
		// The rules themselves have failed: kill all children, so that none is left unsupervised.
		error(thrown) {
			const reason = exitError(thrown);
			engine.kill(reason);
			child.exit(reason);
		},
	});
	actor.start();
	const exited = new Promise<ExitReason>((resolve) => void child.onExit(resolve));
	const stop = (reason: ExitReason = 'shutdown') => {
		child.shutdown(reason);
		return exited;
	};
	const view = () => viewOf(engine.state);
	return Object.assign(child, {
		actor,
		exited,
		stop,
		view,
		...callsOf(engine, (message) => actor.send(message)),
	});
}

function viewOf(state: Children): SupervisorView {
	const { name, version, strategy } = state.spec;
	const children = whichChildren(state).toReversed();
	return { name, version, strategy, restarts: state.restartsInAll, children };
}
