/**
 * The pace of a short cut: what changes while actions are executed, one after the other. XState's
 * own code resolves them, but for assignments, which are most of them.
 *
 * @module
 */
import type {
	ActorScope,
	AnyActorRef,
	AnyEventObject,
	AnyMachineSnapshot,
	AnyStateMachine,
	AnyStateNode,
	EventObject,
} from 'xstate';
import type { Configuration } from './configuration.ts';
import type { Action } from './step-plan.ts';

type Scope = ActorScope<AnyMachineSnapshot, AnyEventObject>;

/** How far a walk has come. */
export interface Pace {
	readonly machine: AnyStateMachine;
	readonly scope: Scope;
	/** As of the last step, or of the last action that has changed more than the context. */
	snapshot: AnyMachineSnapshot;
	configuration: Configuration;
	context: unknown;
	event: EventObject;
	/** What the machine has raised. */
	readonly raised: EventObject[];
}

/** Thrown where the short cut ends. */
export const tooHard = new Error('this is left to XState');

/** The snapshot in which everything is as it has become. */
export function snapshotOf({ snapshot, configuration, context }: Pace): AnyMachineSnapshot {
	const { nodes, value, tags } = configuration;
	const { status, output, error, machine, children, historyValue } = snapshot;
	const { matches, hasTag, can, getMeta, toJSON } = snapshot;
	return {
		status,
		output,
		error,
		machine,
		context,
		_nodes: nodes as AnyStateNode[],
		value,
		tags,
		children,
		historyValue,
		matches,
		hasTag,
		can,
		getMeta,
		toJSON,
	} as AnyMachineSnapshot;
}

/** The parameters of what is named in a machine. */
export function paramsOf(given: unknown, args: object): unknown {
	if (typeof given !== 'object' || given === null || !('params' in given)) return undefined;
	const { params } = given;
	return typeof params === 'function' ? (params as (args: object) => unknown)(args) : params;
}

/** An action that XState knows how to resolve. */
interface Resolvable {
	readonly type: string;
	readonly assignment?: unknown;
	readonly execute?: unknown;
	readonly resolve: (...parts: readonly unknown[]) => Resolved;
	readonly retryResolve?: (scope: Scope, snapshot: AnyMachineSnapshot, params: unknown) => void;
}
type Resolved = readonly [AnyMachineSnapshot, unknown, (readonly Action[])?];
type Retries = (() => void)[];

/**
 * The actions with which a state is entered; what could not be resolved at first is tried again.
 */
export function executeEntry(now: Pace, actions: readonly Action[]): void {
	const retries: Retries = [];
	execute(now, actions, retries);
	for (const retry of retries) retry();
}

/** Executes actions in order. Throws what they throw. */
export function execute(now: Pace, actions: readonly Action[], retries: Retries | undefined): void {
	for (const action of actions) executeOne(now, action as Named, retries);
}

type Named = string | ((...args: readonly unknown[]) => unknown) | { readonly type: string };

function executeOne(now: Pace, action: Named, retries: Retries | undefined): void {
	const { machine, scope, context, event } = now;
	const named = typeof action === 'string' ? action : 'type' in action ? action.type : action.name;
	const known = (typeof action === 'function' ? action : machine.implementations.actions[named]) as
		| Resolvable
		| (() => void)
		| undefined;
	const args = { context, event, self: scope.self as AnyActorRef, system: scope.system };
	const params = typeof action === 'function' ? undefined : paramsOf(action, { context, event });
	if (!known || !('resolve' in known)) {
		const type = named === '' ? '(anonymous)' : named;
		scope.actionExecutor({ type, info: args, params, exec: known } as Executed);
		return;
	}
	if (known.type === 'xstate.assign') now.context = assigned(args, known.assignment, params);
	else resolve(now, known, { args, params, retries });
}

type Executed = Parameters<Scope['actionExecutor']>[0];

interface Resolving {
	readonly args: object;
	readonly params: unknown;
	readonly retries: Retries | undefined;
}

/** What is no assignment is resolved by XState's own code. */
function resolve(now: Pace, known: Resolvable, { args, params: given, retries }: Resolving): void {
	const { scope } = now;
	if (now.context !== now.snapshot.context) {
		// Until the step is over, it is in the states in which it was.
		now.snapshot = snapshotOf(now);
	}
	const extra = { internalQueue: now.raised, deferredActorIds: retries && [] };
	const [next, params, actions] = known.resolve(scope, now.snapshot, args, given, known, extra);
	now.snapshot = next;
	now.context = next.context;
	const { retryResolve } = known;
	if (retryResolve) retries?.push(() => retryResolve(scope, now.snapshot, params));
	if (known.execute) scope.actionExecutor({ type: known.type, info: args, params } as Executed);
	if (actions) execute(now, actions, retries);
}

interface Assigning {
	readonly context: unknown;
	readonly event: EventObject;
	readonly self: AnyActorRef;
	readonly system: unknown;
}

/** The context after an assignment. One that spawns children is left to XState. */
function assigned(args: Assigning, assignment: unknown, params: unknown): object {
	const about = { ...args, spawn: refuse };
	const old = args.context as object;
	if (typeof assignment === 'function') {
		return Object.assign({}, old, (assignment as Assign)(about, params));
	}
	const next: Record<string, unknown> = { ...old };
	const fields = assignment as Readonly<Record<string, unknown>>;
	for (const name in fields) {
		const field = fields[name];
		next[name] = typeof field === 'function' ? (field as Assign)(about, params) : field;
	}
	return next;
}

type Assign = (args: object, params: unknown) => unknown;

function refuse(): never {
	throw tooHard;
}
