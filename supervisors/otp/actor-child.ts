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
	/** The name that it is registered by, while it lives. */
	readonly register?: string | ((context: StartContext) => string);
	/**
	 * Beyond OTP: errors after which the actor goes on in its old state. `true` means operational
	 * errors, which are nobody's bug.
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
 * fails, and with the reason that it was asked to stop with when it was. An actor that fails before
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
		const life = createLife(settings, context);
		const { child } = life;
		const taken = register(settings, context, child);
		if (taken) return { alreadyStarted: taken };
		try {
			begin(life, context);
		} catch (thrown) {
			// The input could not be made: there is no actor, and its name must be free again.
			child.exit(exitError(thrown));
		}
		if (child.exitReason instanceof Error) throw child.exitReason;
		return child;
	};
}

/** Takes the name, if there is one to take; returns the one who has it. */
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

/** Made like a child, and for the same reason. */
function actorContext(context: StartContext, child: Child): ActorContext {
	const made = Object.create(contextMethods) as { -readonly [Key in keyof ActorContext]: unknown };
	made.id = context.id;
	made.args = context.args;
	made.incarnation = context.incarnation;
	made.ancestors = context.ancestors;
	made.clock = context.clock;
	made.signals = context.signals;
	made.names = context.names;
	made.budgets = context.budgets;
	made.child = child;
	return made as ActorContext;
}

const contextMethods: Pick<ActorContext, 'signal'> & ThisType<ActorContext> = {
	get signal() {
		return this.child.signal;
	},
};

/** The parts, prepared once for all incarnations. */
interface Settings extends Omit<ActorParts<AnyActorLogic>, 'resume'> {
	readonly resumes: ((thrown: unknown) => boolean) | undefined;
}

/** One incarnation: it is at once what ends the child, what watches the actor, and its owner. */
interface Life extends Owner, ChildEnds {
	readonly settings: Settings;
	/** Kept only for `onDone`: the arguments of a temporary child must not outlive its start. */
	context: ActorContext | undefined;
	child: OwnedChild;
	inside: AnyActorRef | undefined;
	asked: ExitReason | undefined;
	/** The actor is done, or was stopped. */
	complete(): void;
	/** The actor has failed. */
	error(thrown: unknown): void;
}

/** Made like a child, and for the same reason: with methods that all lives share. */
function createLife(settings: Settings, context: StartContext): Life {
	const life = Object.create(methods) as { -readonly [Key in keyof Life]: Life[Key] };
	life.settings = settings;
	life.context = undefined;
	life.child = createChild(context.id, life);
	life.inside = undefined;
	life.asked = undefined;
	life.lastEvent = undefined;
	life.resumes = settings.resumes;
	return life;
}

function begin(life: Life, context: StartContext): void {
	const { settings, child } = life;
	const { input: given } = settings;
	const makeInput = given as (context: ActorContext) => unknown;
	const whole = actorContext(context, child);
	if (settings.onDone) life.context = whole;
	const input = typeof given === 'function' ? makeInput(whole) : given;
	const options = { id: context.id, input, clock: timeoutsOf(context.clock), logger: noLogger };
	const actor = runAs(life, () => createActor(settings.logic, options));
	life.inside = actor;
	own(actor.system, life);
	actor.subscribe(life);
	runAs(life, () => actor.start());
}

/** What an actor has to say it says by signals. */
function noLogger(): void {}

type LifeMethods = Omit<
	Life,
	'settings' | 'context' | 'child' | 'inside' | 'asked' | 'lastEvent' | 'resumes'
>;

const methods: LifeMethods & ThisType<Life> = {
	fail(thrown) {
		if (this.child.exitReason !== undefined) return;
		// What it holds must be free before its successor starts; the stop tells this reason.
		this.asked = exitError(thrown);
		this.inside?.stop();
		this.child.exit(this.asked);
	},
	complete() {
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
	},
	error(thrown) {
		// A failed transition has been seen to already; this is for initial actions that fail.
		stopChildren(this.inside?.getSnapshot() as Snapshot<unknown>);
		this.child.exit(exitReason(thrown));
	},
	shutdown(reason) {
		const { inside: actor, settings } = this;
		this.asked = reason;
		const { shutdownEvent: event } = settings;
		if (event && actor && canTake(actor, event)) actor.send(event);
		else actor?.stop();
	},
	kill() {
		this.inside?.stop();
	},
	describe() {
		const { settings, lastEvent, inside } = this;
		const snapshot = inside?.getSnapshot() as Partial<Record<string, unknown>>;
		const { value, context, status } = snapshot;
		return {
			initialCall: (settings.logic as { id?: string }).id ?? 'actor',
			state: value === undefined ? status : { value, context },
			...(lastEvent === undefined ? {} : { lastMessage: lastEvent }),
			...settings.describe?.(snapshot),
		};
	},
};

/** Operational errors leave their actor alive; everything else is a bug, and a crash. */
function isOperational(thrown: unknown): boolean {
	return thrown instanceof ReeveError && thrown.code !== 'internal';
}

/** Machines know what they can take; other logic is trusted to know its own shutdown event. */
function canTake(actor: AnyActorRef, event: { readonly type: string }): boolean {
	const { can } = actor.getSnapshot() as { can?: (event: unknown) => boolean };
	return can === undefined || can.call(actor.getSnapshot(), event);
}

interface Timeouts {
	readonly setTimeout: (run: (...args: unknown[]) => void, delayMs: number) => Timer;
	readonly clearTimeout: (timer: Timer | undefined) => void;
}

const timeouts = new WeakMap<Clock, Timeouts>();

/** The clock as XState wants it. */
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
