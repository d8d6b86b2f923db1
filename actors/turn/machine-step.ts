/**
 * The machine stepper: the one place where a declared machine is moved. It calls XState's own
 * transition without an XState actor, so nothing runs and nothing is scheduled: the effect requests
 * of the machine come back as a list. One inert scope serves all instances of a definition, because
 * creating an actor for each event costs several times the transition.
 *
 * @module
 */
import type {
	AnyActorLogic,
	AnyActorRef,
	AnyMachineSnapshot,
	AnyStateMachine,
	EventObject,
} from 'xstate';
import { detached, durable } from '../definition/durable-value.ts';
import { diagnosticJson } from '../../runtime/text/diagnostic-json.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { createInertActor, inertScope, stray, type InertActor } from './inert-actor.ts';
import { checkLookUps } from './machine-names.ts';
import { checkId } from '../definition/id-check.ts';
import { createRestoration, type StoredState } from './machine-restore.ts';
import { stepOf } from '../definition/step.ts';

/** A timer that is set. Its id is undefined if the machine gave it none. */
export interface NewTimer {
	readonly id: string | undefined;
	readonly event: EventObject;
	readonly delayMs: number;
}

/** A step that is started. Its child is undefined if the machine gave it no id. */
export interface NewStep {
	readonly child: string | undefined;
	readonly src: string;
	readonly input: unknown;
}

/** An effect that a move requests. */
export type EffectRequest =
	| { readonly want: 'effect'; readonly event: EventObject }
	| ({ readonly want: 'timer' } & NewTimer)
	| { readonly want: 'cancel'; readonly id: string }
	| ({ readonly want: 'step' } & NewStep)
	| { readonly want: 'stop'; readonly child: string }
	| { readonly want: 'log'; readonly text: string }
	/** A raw action of a definition that is declared volatile. */
	| { readonly want: 'volatile'; readonly run: () => void };

/** The result of a move: the new snapshot, and the effect requests in the machine's order. */
export interface MachineStep {
	readonly snapshot: AnyMachineSnapshot;
	readonly effectRequests: readonly EffectRequest[];
}

/** A machine that can be moved. */
export interface MachineStepper {
	/**
	 * The first move: the initial state, with its entry actions.
	 *
	 * @throws ReeveError `not_storable`; and what the machine throws
	 */
	begin(input: unknown): MachineStep;
	/**
	 * Moves a copy: the snapshot and the event stay as they are.
	 *
	 * @throws ReeveError `not_storable`; and what the machine throws
	 */
	move(snapshot: AnyMachineSnapshot, event: EventObject): MachineStep;
	/** The snapshot as plain data, without its running steps: the caller stores those. */
	store(snapshot: AnyMachineSnapshot): StoredState;
	/**
	 * The inverse; `steps` are the ids of the invocations that run.
	 *
	 * @throws Error if the machine has no such state
	 */
	restore(stored: StoredState, steps: readonly string[]): AnyMachineSnapshot;
}

/** What a machine stepper needs. */
export interface MachineStepperParts {
	readonly name: string;
	readonly machine: AnyStateMachine;
	/** Whether raw actions are allowed; they run after the commit, at most once. */
	readonly volatile: boolean;
	/** How many microsteps one event may take. */
	readonly microstepsMax: number;
}

/** XState's own action, resolved and ready to be executed; it is read instead. */
interface Executable {
	readonly type: string;
	readonly info: unknown;
	readonly params: unknown;
	readonly exec?: ((info: unknown, params: unknown) => unknown) | undefined;
}

interface Delayed {
	readonly event: EventObject;
	readonly id?: string;
	readonly delay?: number;
	readonly to?: unknown;
}

/** What one move collects. */
interface Collection {
	readonly effectRequests: EffectRequest[];
	/** Events that the machine has sent to itself; it takes them in the same turn. */
	readonly own: EventObject[];
	/** The children that effect requests name. */
	readonly children: unknown[];
	/** Whether an `assign` has spawned a child, which XState does not report as an action. */
	hasSpawned: boolean;
}

function emptyCollection(): Collection {
	return { effectRequests: [], own: [], children: [], hasSpawned: false };
}

/** Creates the stepper of one machine. */
export function createMachineStepper(parts: MachineStepperParts): MachineStepper {
	const { name, microstepsMax } = parts;
	// A copy, because the options of the caller's machine must not change.
	const machine = parts.machine.provide({}) as AnyStateMachine;
	machine.options = { ...machine.options, maxIterations: microstepsMax };
	detachContext(machine);
	checkLookUps(machine);
	const actor = createInertActor(name);
	const reading: Reading = { ...parts, actor };
	let into = emptyCollection();
	const scope = inertScope({
		self: actor.self,
		actionExecutor: (action) => read(action as Executable, into, reading),
		onSpawn: () => void (into.hasSpawned = true),
	});

	const transit = (snapshot: AnyMachineSnapshot, event: EventObject): AnyMachineSnapshot =>
		actor.during(snapshot, () => succeeded(machine.transition(snapshot, event, scope)));
	const collect = (make: () => AnyMachineSnapshot, before?: AnyMachineSnapshot): MachineStep => {
		const { effectRequests, own } = (into = emptyCollection());
		let snapshot = make();
		for (let count = 0, event = own.shift(); event; event = own.shift(), count += 1) {
			if (count >= microstepsMax) throw endless(name);
			if (snapshot.status !== 'active') break;
			snapshot = transit(snapshot, event);
		}
		if (into.hasSpawned) readSpawned({ before, snapshot }, into, name);
		// The snapshot is of this move alone: XState made it, or a copy was made for the move.
		snapshot.context = durable(snapshot.context as unknown, 'context');
		if (snapshot.output !== undefined) {
			snapshot.output = durable(snapshot.output as unknown, 'output');
		}
		return { snapshot, effectRequests };
	};

	return {
		begin: (input) => collect(() => succeeded(machine.getInitialSnapshot(scope, detached(input)))),
		move(snapshot, event) {
			// The machine may change what it is given, and its turn may fail and be tried again.
			const own = { ...(snapshot as object) } as AnyMachineSnapshot;
			own.context = detached(snapshot.context as unknown);
			return collect(() => transit(own, detached(event)), own);
		},
		store({ status, value, context, output, historyValue }) {
			const history = historyOf((historyValue ?? {}) as Record<string, readonly { id: string }[]>);
			return {
				status: status === 'done' ? 'done' : 'active',
				value,
				context,
				...(output === undefined ? {} : { output }),
				...(history ? { history } : {}),
			};
		},
		restore: createRestoration(machine, scope),
	};
}

/** Gives each instance an initial context of its own: the definition's must not change. */
function detachContext(machine: AnyStateMachine): void {
	const { context } = machine.config;
	if (context === undefined) return;
	const make = context as (args: unknown) => object;
	const own = typeof context === 'function' ? (args: unknown) => detached(make(args)) : context;
	const config = { ...machine.config, context: own };
	if (typeof context !== 'function') {
		Object.defineProperty(config, 'context', { get: () => detached(context) });
	}
	Object.assign(machine, { config });
}

/** The remembered states of history states by their ids; undefined if there are none. */
function historyOf(remembered: Readonly<Record<string, readonly { id: string }[]>>) {
	let history: Record<string, readonly string[]> | undefined;
	for (const id in remembered) {
		if (!Object.hasOwn(remembered, id)) continue;
		history = { ...history, [id]: (remembered[id] ?? []).map((node) => node.id) };
	}
	return history;
}

function endless(name: string): ReeveError {
	return new ReeveError(
		'internal',
		`${name} does not come to rest: it sends itself events for ever`,
	);
}

/** Throws what XState has caught: errors of initial actions and of invocations without onError. */
function succeeded(snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
	if (snapshot.status === 'error') throw snapshot.error;
	return snapshot;
}

type Reading = MachineStepperParts & { readonly actor: InertActor };

/** Reads one action into the collection. */
function read(action: Executable, into: Collection, reading: Reading): void {
	const { name } = reading;
	const { type, params } = action;
	switch (type) {
		case 'xstate.emit':
			into.effectRequests.push({
				want: 'effect',
				event: detached((params as { event: EventObject }).event),
			});
			return;
		case 'xstate.raise':
			readDelayed(params as Delayed, into);
			return;
		case 'xstate.sendTo':
			checkReceiver((params as Delayed).to, reading);
			readDelayed(params as Delayed, into, true);
			return;
		case 'xstate.cancel':
			if ((params as { sendId?: unknown }).sendId === undefined) return;
			into.effectRequests.push({ want: 'cancel', id: cancelledId(params as { sendId: unknown }) });
			return;
		case 'xstate.spawnChild':
			readSpawn(params as Spawn, into, name);
			return;
		case 'xstate.stopChild':
			if (params) into.effectRequests.push({ want: 'stop', child: (params as AnyActorRef).id });
			return;
		case 'xstate.log':
			into.effectRequests.push({ want: 'log', text: logText(params as Logged) });
			return;
		default:
			readRaw(action, into, reading);
	}
}

function cancelledId({ sendId }: { readonly sendId: unknown }): string {
	// XState itself cancels those when their state is left.
	if (typeof sendId === 'string' && sendId.startsWith('xstate.after.')) return sendId;
	checkId(sendId, 'timer');
	return sendId;
}

function checkReceiver(to: unknown, { name, actor }: Reading): void {
	if (to === actor.self) return;
	if (to === actor.parent) throw stray(name, 'sendParent: it has no parent; use send, or reply');
	throw stray(name, 'sendTo reaches only the machine itself; use send to reach another actor');
}

function readDelayed({ event, id, delay }: Delayed, into: Collection, isSent = false): void {
	const isAfter = event.type.startsWith('xstate.after.');
	if (id !== undefined && !isAfter) checkId(id, 'timer');
	// XState takes every other delay for none, and `undefined` is one that was left out.
	const isLeftOut = delay === undefined && !isAfter;
	if (typeof delay !== 'number' && !isLeftOut) {
		throw new ReeveError('bad_delay', `the delay of ${event.type} is ${String(delay)}`);
	}
	if (typeof delay === 'number') {
		const kept = durable(event, `the event ${event.type}`);
		into.effectRequests.push({ want: 'timer', id, event: kept, delayMs: delay });
	} else if (isSent) into.own.push(event);
}

interface Spawn {
	readonly actorRef?: Child;
	readonly src: unknown;
	readonly input: unknown;
}

/** A child as XState creates it. */
type Child = AnyActorRef & {
	readonly logic?: AnyActorLogic;
	readonly options?: { readonly input?: unknown };
	readonly _syncSnapshot?: boolean;
};

function readSpawn({ actorRef, src, input }: Spawn, into: Collection, name: string): void {
	if (!actorRef || !stepOf(actorRef.logic) || typeof src !== 'string') {
		throw stray(name, `${String(src)} is invoked, but is not a step`);
	}
	if (actorRef._syncSnapshot) throw stray(name, `${src} has syncSnapshot: a step has no snapshots`);
	const kept: unknown = durable(input, `the input of ${src}`);
	// Without an id, XState takes one that is unique only in this process.
	const child = actorRef.id === actorRef.sessionId ? undefined : actorRef.id;
	if (child !== undefined) checkId(child, 'step');
	into.children.push(actorRef);
	into.effectRequests.push({ want: 'step', child, src, input: kept });
}

interface Moved {
	readonly before: AnyMachineSnapshot | undefined;
	readonly snapshot: AnyMachineSnapshot;
}

/** Reads the children that assignments have spawned, and that were not stopped again. */
function readSpawned({ before, snapshot }: Moved, into: Collection, name: string): void {
	const known = new Set([...into.children, ...Object.values<unknown>(before?.children ?? {})]);
	for (const actorRef of Object.values<Child>(snapshot.children)) {
		if (known.has(actorRef)) continue;
		const src: unknown = typeof actorRef.src === 'string' ? actorRef.src : 'inline logic';
		readSpawn({ actorRef, src, input: actorRef.options?.input }, into, name);
	}
}

function readRaw(
	{ type, exec, info, params }: Executable,
	into: Collection,
	{ name, volatile, actor }: Reading,
): void {
	if (!exec) throw stray(name, `there is no action ${type}`);
	if (!volatile) throw stray(name, `the action ${type} is a function with effects of its own`);
	const snapshot = actor.snapshot();
	const run = () => void actor.during(snapshot, () => exec(info, params));
	into.effectRequests.push({ want: 'volatile', run });
}

interface Logged {
	readonly value: unknown;
	readonly label?: string | undefined;
}

function logText({ value, label }: Logged): string {
	const text = typeof value === 'string' ? value : diagnosticJson(value);
	return label ? `${label} ${text}` : text;
}
