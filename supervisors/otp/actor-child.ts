/**
 * XState actors as children: any actor logic, with the exit reasons, the fencing and the crash
 * reports that supervisors need. Each has an XState system of its own, so that actors share
 * nothing.
 *
 * @module
 */
import {
	createActor,
	type AnyActorLogic,
	type AnyActorRef,
	type EventFromLogic,
	type InputFrom,
	type OutputFrom,
	type Snapshot,
	type SnapshotFrom,
} from 'xstate';
import type { Clock, Timer } from '../../runtime/platform/clock.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import type { Start, StartContext } from './child-spec.ts';
import {
	createChild,
	type ActorDescription,
	type Child,
	type ChildEnds,
	type OwnedChild,
} from './child.ts';
import { exitError, exitReason, type ExitReason } from './exit-reason.ts';
import { own, safeLogic, stopChildren, type Owner } from './safe-logic.ts';
import { runAs } from './stray-errors.ts';

/** What an actor's input is made from. */
export interface ActorContext extends Omit<StartContext, 'signal'> {
	/** The child that this actor becomes; `fence(child, run)` fences what it does to the world. */
	readonly child: Child;
	/** Raised when the actor is killed. */
	readonly signal: AbortSignal;
}

/** What an actor is made of. */
export interface ActorParts<Logic extends AnyActorLogic> {
	readonly logic: Logic;
	/** The input, or a function that makes it for each incarnation. */
	readonly input?: InputFrom<Logic> | ((context: ActorContext) => InputFrom<Logic>);
	/**
	 * Sent to ask the actor to come to its end. Without it, or where it cannot be taken, it is
	 * stopped.
	 */
	readonly shutdownEvent?: EventFromLogic<Logic>;
	/** Called with the output when the actor comes to its end. */
	readonly onDone?: (output: OutputFrom<Logic>, context: ActorContext) => void;
	/** The name that it is registered by until it ends. */
	readonly register?: string | ((context: StartContext) => string);
	/**
	 * Beyond OTP: errors after which the actor goes on in its old state. `true` means operational
	 * errors: all `ReeveError`s but `internal`.
	 */
	readonly resume?: true | ((thrown: unknown) => boolean);
	/** How many microsteps one event may take; 10 000 by default. */
	readonly iterationsMax?: number;
	/** What a crash report shows beside the state and the last event. */
	readonly describe?: (snapshot: SnapshotFrom<Logic>) => ActorDescription;
}

/** The XState actor of a child, to send events to; undefined if it is no actor. */
export function actorOf(child: Child): AnyActorRef | undefined {
	const { inside } = child;
	return typeof inside === 'object' && inside && 'getSnapshot' in inside
		? (inside as AnyActorRef)
		: undefined;
}

/**
 * The start function of an XState actor. It exits `normal` when it is done, with its error when it
 * fails, and with the reason it was asked to stop with if it was asked. An actor that fails before
 * it has started is a failed start.
 */
export function actorChild<Logic extends AnyActorLogic>(parts: ActorParts<Logic>): Start {
	const { iterationsMax = 10_000, resume } = parts;
	const settings: Settings = {
		...(parts as ActorParts<AnyActorLogic>),
		logic: safeLogic(parts.logic, iterationsMax),
		resumes: resume === true ? isOperational : resume,
	};
	return (context) => {
		const actor = new ActorProcess(settings, context.id);
		const { child } = actor;
		const taken = register(settings, context, child);
		if (taken) return { alreadyStarted: taken };
		try {
			actor.start(context);
		} catch (thrown) {
			// The input could not be made: there is no actor, and its name must be free again.
			child.exit(exitError(thrown));
		}
		if (child.exitReason instanceof Error) throw child.exitReason;
		return child;
	};
}

/** Registers the name, if there is one; returns its owner if it is taken. */
function register(
	{ register: name }: Settings,
	context: StartContext,
	child: Child,
): Child | undefined {
	if (name === undefined || !context.names) return undefined;
	const text = typeof name === 'function' ? name(context) : name;
	const answer = context.names.register(text, child);
	return 'taken' in answer ? answer.taken : undefined;
}

/** What an actor's input is made from; a class, since there is one for each actor. */
class InputContext implements ActorContext {
	readonly id: string;
	readonly args: readonly unknown[];
	readonly incarnation: number;
	readonly ancestors: readonly string[];
	readonly clock: Clock;
	readonly signals: StartContext['signals'];
	readonly names: StartContext['names'];
	readonly budgets: StartContext['budgets'];
	readonly child: Child;

	constructor(context: StartContext, child: Child) {
		this.id = context.id;
		this.args = context.args;
		this.incarnation = context.incarnation;
		this.ancestors = context.ancestors;
		this.clock = context.clock;
		this.signals = context.signals;
		this.names = context.names;
		this.budgets = context.budgets;
		this.child = child;
	}

	/** Read from the child, which makes the signal only when it is asked for. */
	get signal(): AbortSignal {
		return this.child.signal;
	}
}

/** The parts, prepared once for all incarnations. */
interface Settings extends Omit<ActorParts<AnyActorLogic>, 'resume'> {
	readonly resumes: ((thrown: unknown) => boolean) | undefined;
}

/**
 * One incarnation of an actor: what ends the child, the observer of the XState actor and the owner
 * of its system in one object, since there can be very many.
 */
class ActorProcess implements Owner, ChildEnds {
	readonly child: OwnedChild;
	readonly resumes: Settings['resumes'];
	inside: AnyActorRef | undefined = undefined;
	lastEvent: unknown = undefined;
	private readonly settings: Settings;
	/** Kept only for `onDone`: the arguments of a temporary child must not outlive its start. */
	private context: ActorContext | undefined = undefined;
	/** The reason that it was asked to stop with. */
	private asked: ExitReason | undefined = undefined;

	constructor(settings: Settings, id: string) {
		this.settings = settings;
		this.resumes = settings.resumes;
		this.child = createChild(id, this);
	}

	/** Creates the XState actor and starts it. */
	start(context: StartContext): void {
		const { settings } = this;
		const { input: given } = settings;
		const makeInput = given as (context: ActorContext) => unknown;
		const whole = new InputContext(context, this.child);
		if (settings.onDone) this.context = whole;
		const input = typeof given === 'function' ? makeInput(whole) : given;
		const options = { id: context.id, input, clock: timeoutsOf(context.clock), logger: noLogger };
		const actor = runAs(this, () => createActor(settings.logic, options));
		this.inside = actor;
		own(actor.system, this);
		actor.subscribe(this);
		runAs(this, () => actor.start());
	}

	/** A stray error has come from the actor's code. */
	fail(thrown: unknown): void {
		if (this.child.exitReason !== undefined) return;
		// What it holds must be free before its successor starts; `complete` exits with this reason.
		this.asked = exitError(thrown);
		this.inside?.stop();
		this.child.exit(this.asked);
	}

	/** The XState actor is done, or was stopped. */
	complete(): void {
		const { child, settings, asked, context } = this;
		const snapshot = this.inside?.getSnapshot() as Snapshot<unknown>;
		if (snapshot.status !== 'done') {
			child.exit(asked ?? 'shutdown');
			return;
		}
		const { onDone } = settings;
		if (onDone && context && child.exitReason === undefined) {
			onDone(snapshot.output, context);
		}
		child.exit(asked ?? 'normal');
	}

	/** The XState actor has failed. */
	error(thrown: unknown): void {
		// After a failed transition they are stopped already; this is for initial actions that fail.
		stopChildren(this.inside?.getSnapshot() as Snapshot<unknown>);
		this.child.exit(exitReason(thrown));
	}

	shutdown(reason: ExitReason): void {
		const { inside: actor, settings } = this;
		this.asked = reason;
		const { shutdownEvent: event } = settings;
		if (event && actor && canTake(actor, event)) actor.send(event);
		else actor?.stop();
	}

	kill(): void {
		this.inside?.stop();
	}

	describe(): ActorDescription {
		const { settings, lastEvent, inside } = this;
		const snapshot = inside?.getSnapshot() as Partial<Record<string, unknown>>;
		const { value, context, status } = snapshot;
		return {
			initialCall: (settings.logic as { id?: string }).id ?? 'actor',
			state: value === undefined ? status : { value, context },
			...(lastEvent === undefined ? {} : { lastMessage: lastEvent }),
			...settings.describe?.(snapshot),
		};
	}
}

/** Actors report by signals; XState's own log is off. */
function noLogger(): void {}

/** Whether it is an operational error; everything else is a bug, and a crash. */
function isOperational(thrown: unknown): boolean {
	return thrown instanceof ReeveError && thrown.code !== 'internal';
}

/** Whether the actor takes the event; logic that is no machine is assumed to. */
function canTake(actor: AnyActorRef, event: { readonly type: string }): boolean {
	const { can } = actor.getSnapshot() as { can?: (event: unknown) => boolean };
	return can === undefined || can.call(actor.getSnapshot(), event);
}

interface Timeouts {
	readonly setTimeout: (run: (...args: unknown[]) => void, delayMs: number) => Timer;
	readonly clearTimeout: (timer: Timer | undefined) => void;
}

const timeouts = new WeakMap<Clock, Timeouts>();

/** The clock in XState's form. */
function timeoutsOf(clock: Clock): Timeouts {
	let known = timeouts.get(clock);
	if (!known) {
		known = {
			setTimeout: (run, delayMs) => clock.after(delayMs, () => run()),
			clearTimeout: (timer) => timer?.cancel(),
		};
		timeouts.set(clock, known);
	}
	return known;
}
