/**
 * XState actors as children: any actor logic, with the exit reasons, the fencing and the crash
 * reports that supervisors need. Each has an XState system of its own, so that actors share nothing.
 *
 * @module
 */
import {
	createActor,
	type ActorRefFrom,
	type AnyActorLogic,
	type AnyActorRef,
	type EventFromLogic,
	type InputFrom,
	type OutputFrom,
	type Snapshot,
	type SnapshotFrom,
} from 'xstate';
import type { Clock, Timer } from '../runtime/clock.ts';
import { ReeveError } from '../runtime/errors.ts';
import type { Start, StartContext } from './child-spec.ts';
import { createChild, type ActorDescription, type Child, type OwnedChild } from './child.ts';
import { exitError, type ExitReason } from './exit-reason.ts';
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
	/** Sent to ask the actor to come to its end. Without it, or where it cannot be taken, it is stopped. */
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

/** A child with its XState actor. */
export interface ActorChild<Logic extends AnyActorLogic = AnyActorLogic> extends Child {
	readonly actor: ActorRefFrom<Logic>;
	/** Sends an event. The dead take none. */
	send(event: EventFromLogic<Logic>): void;
}

/** The XState actor of a child; undefined if it is none. */
export function actorOf(child: Child): AnyActorRef | undefined {
	return 'actor' in child ? (child.actor as AnyActorRef) : undefined;
}

/**
 * The start function of an XState actor. It exits `normal` when it is done, with its error when it
 * fails, and with the reason that it was asked to stop with when it was. An actor that fails before it has
 * started is a failed start.
 */
export function actorChild<Logic extends AnyActorLogic>(parts: ActorParts<Logic>): Start {
	const safe = { ...parts, logic: safeLogic(parts.logic, parts.iterationsMax ?? 10_000) };
	return (context) => {
		let life: Life<Logic> | undefined;
		const child = createChild(context.id, {
			shutdown: (reason) => life?.end(reason),
			kill: () => life?.halt(),
			describe: () => life?.describe() ?? {},
		});
		const taken = register(parts, context, child);
		if (taken) return { alreadyStarted: taken };
		try {
			life = createLife(safe, actorContext(context, child), child);
			life.start();
		} catch (thrown) {
			// The input could not be made: there is no actor, and its name must be free again.
			child.exit(exitError(thrown));
		}
		if (child.exitReason instanceof Error) throw child.exitReason;
		return life ? Object.assign(child, life.face) : child;
	};
}

/** Takes the name, if there is one to take; returns the one who has it. */
function register(
	{ register: name }: Pick<ActorParts<AnyActorLogic>, 'register'>,
	context: StartContext,
	child: Child,
): Child | undefined {
	if (name === undefined || !context.names) return undefined;
	const text = typeof name === 'function' ? name(context) : name;
	const answer = context.names.register(text, child);
	return 'taken' in answer ? answer.taken : undefined;
}

function actorContext(context: StartContext, child: Child): ActorContext {
	return {
		...context,
		child,
		get signal() {
			return child.signal;
		},
	};
}

type MakeInput = (context: ActorContext) => unknown;

/** One incarnation of an actor. */
interface Life<Logic extends AnyActorLogic> {
	readonly face: Pick<ActorChild<Logic>, 'actor' | 'send'>;
	start(): void;
	/** Asks the actor to end. */
	end(reason: ExitReason): void;
	/** Stops it without asking. */
	halt(): void;
	describe(): ActorDescription;
}

function createLife<Logic extends AnyActorLogic>(
	parts: ActorParts<Logic>,
	context: ActorContext,
	child: OwnedChild,
): Life<Logic> {
	const { logic, shutdownEvent, onDone, resume } = parts;
	let asked: ExitReason | undefined;
	const owner: Owner = {
		lastEvent: undefined,
		resume: resume === true ? isOperational : resume,
		fail(thrown) {
			if (child.exitReason !== undefined) return;
			child.exit(exitError(thrown));
			actor.stop();
		},
	};
	const { input: given } = parts;
	const input: unknown = typeof given === 'function' ? (given as MakeInput)(context) : given;
	const actor = runAs(owner, () =>
		createActor(logic as AnyActorLogic, {
			id: context.id,
			input,
			clock: timeoutsOf(context.clock),
			// What an actor has to say it says by signals.
			logger: () => {},
		}),
	);
	own(actor.system, owner);
	const send = (event: EventFromLogic<Logic>): void => {
		if (child.exitReason === undefined) actor.send(event);
	};
	actor.subscribe({
		complete() {
			const snapshot = actor.getSnapshot() as Snapshot<OutputFrom<Logic>>;
			if (snapshot.status !== 'done') return child.exit(asked ?? 'shutdown');
			if (child.exitReason === undefined) onDone?.(snapshot.output, context);
			child.exit(asked ?? 'normal');
		},
		error(thrown) {
			// A failed transition has been seen to already; this is for initial actions that fail.
			stopChildren(actor.getSnapshot() as Snapshot<unknown>);
			child.exit(exitError(thrown));
		},
	});

	return {
		face: { actor: actor as ActorRefFrom<Logic>, send },
		start: () => void runAs(owner, () => actor.start()),
		end(reason) {
			asked = reason;
			if (shutdownEvent && canTake(actor, shutdownEvent)) actor.send(shutdownEvent);
			else actor.stop();
		},
		halt: () => void actor.stop(),
		describe() {
			const snapshot = actor.getSnapshot() as SnapshotFrom<Logic>;
			const { value, context: data, status } = snapshot as Record<string, unknown>;
			return {
				initialCall: (logic as { id?: string }).id ?? 'actor',
				state: value === undefined ? status : { value, context: data },
				...(owner.lastEvent === undefined ? {} : { lastMessage: owner.lastEvent }),
				...parts.describe?.(snapshot),
			};
		},
	};
}

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
	setTimeout(run: (...args: unknown[]) => void, delayMs: number): Timer;
	clearTimeout(timer: Timer | undefined): void;
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
