/**
 * Effects: what a machine may ask for, as actions. None of them does anything while the machine
 * moves: each emits an event that says what is wanted, and the turn carries it out after its
 * commit. So a machine with effects is still a pure function, and in a plain XState actor they are
 * heard by `on`.
 *
 * @module
 */
import { emit } from 'xstate';
import type {
	ActionArgs,
	ActionFunction,
	AnyStateMachine,
	EventFromLogic,
	EventObject,
	MachineContext,
	ParameterizedObject,
} from 'xstate';
import type { Kind } from '../../runtime/message/topics.ts';
import type { OnCrash } from '../../runtime/message/message.ts';

/** A message that a machine sends. */
export interface Outgoing {
	/** The node; this one by default. */
	readonly to?: string;
	/** The method or actor that takes it. */
	readonly method: string;
	/** The instance, if an actor takes it; messages of one key keep their order. */
	readonly key?: string;
	readonly args?: readonly string[];
	readonly data?: string | Uint8Array;
	/** For an actor: the event, instead of `data`. */
	readonly event?: EventObject;
	readonly kind?: Kind;
	/** Seconds until it expires unaccepted. */
	readonly ttl?: number;
	/** Seconds that the method may run. */
	readonly methodTimeout?: number;
	readonly onCrash?: OnCrash;
	readonly note?: string;
}

/** A message whose outcome comes back as an event. */
export interface Question extends Outgoing {
	/** Names the ask: its answer is the event `reply.<id>`, and asking again replaces it. */
	readonly id: string;
	/** After this long the answer is the event `timeout.<id>`, and a later one is not heard. */
	readonly timeoutMs?: number;
}

/** What the event `reply.<id>` carries beside its type. */
export interface Answered extends EventObject {
	/** How the message ended: `done`, `failed`, `refused`, `expired`, `interrupted`, `cancelled`. */
	readonly outcome: string;
	readonly code?: string;
	readonly detail?: string;
	readonly data?: string;
}

/**
 * Why an ask has no answer in time. `deadline`: whoever was asked is there, and has not answered
 * yet. `parked`: the instance takes no turns until somebody has looked into it. `noproc`: the node
 * has no such actor or method. `noconnection`: the node is not there, or has gone away meanwhile.
 * Whatever it is, a message that was accepted has its outcome later.
 */
export type AskTimeoutReason = 'deadline' | 'parked' | 'noproc' | 'noconnection';

/** What the event `timeout.<id>` carries beside its type. */
export interface AskTimeout extends EventObject {
	readonly reason: AskTimeoutReason;
}

/** What a machine monitors: an instance of an actor, or a whole node. */
export interface Monitored {
	/** Names the monitor: its event is `down.<id>`, and monitoring again replaces it. */
	readonly id: string;
	/** The node; this one by default. */
	readonly to?: string;
	/** The actor; without one the node itself is monitored. */
	readonly actor?: string;
	readonly key?: string;
}

/** What the event `down.<id>` carries beside its type. */
export interface Down extends EventObject {
	/**
	 * `normal`: it has come to its final state. `crashed`: its machine threw, and it began anew.
	 * `parked`: it takes no turns any more. `noproc`: there is no such actor, or it had come to its
	 * end before. `noconnection`: its node is gone. Anything else is the code of an error that the
	 * monitor was refused with.
	 */
	readonly reason: string;
}

/** What can be answered with: text and bytes as they are, anything else as JSON. */
export type Payload =
	| string
	| number
	| boolean
	| null
	| Uint8Array
	| readonly unknown[]
	| Readonly<Record<string, unknown>>;

/** How bad it is. */
export type Severity = 'info' | 'warning' | 'critical';

/** The effects, as the events that they are emitted as. */
export type Effect =
	| { readonly type: 'reeve.send'; readonly message: Outgoing }
	| { readonly type: 'reeve.ask'; readonly question: Question }
	| { readonly type: 'reeve.monitor'; readonly monitored: Monitored }
	| { readonly type: 'reeve.demonitor'; readonly id: string }
	| { readonly type: 'reeve.reply' | 'reeve.answer'; readonly data: Payload }
	| { readonly type: 'reeve.alert'; readonly severity: Severity; readonly text: string }
	| { readonly type: 'reeve.publish'; readonly topic: string; readonly data: string };

/** A value, or a function of context and event that makes it. */
type Given<
	Value,
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
> = Value | ((args: ActionArgs<Context, Expression, All>, params: Params) => Value);

type Action<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
> = ActionFunction<Context, Expression, All, Params, never, never, never, never, never>;

/** The action that emits what `effect` makes of the given value. */
function effectAction<
	Value,
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(
	given: Given<Value, Context, Expression, Params, All>,
	effect: (value: Value) => Effect,
): Action<Context, Expression, Params, All> {
	const make = given as (args: ActionArgs<Context, Expression, All>, params: Params) => Value;
	const action = emit<Context, Expression, Params, All, EventObject>(
		typeof given === 'function' ? (args, params) => effect(make(args, params)) : effect(given),
	);
	return action as Action<Context, Expression, Params, All>;
}

/**
 * Sends a message. It leaves when the turn is on disk, and is then owed its outcome like any other.
 */
export function send<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<Outgoing, Context, Expression, Params, All>) {
	return effectAction(given, (message) => ({ type: 'reeve.send', message }));
}

/**
 * Sends a message and has its outcome come back as the event `reply.<id>`, however it ended and
 * however often this node is restarted meanwhile; or `timeout.<id>` if that comes first.
 */
export function ask<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<Question, Context, Expression, Params, All>) {
	return effectAction(given, (question) => ({ type: 'reeve.ask', question }));
}

/**
 * Has the end of an instance, or of a node, told as the event `down.<id>`: once, with the reason,
 * and however often this node is restarted meanwhile.
 */
export function monitor<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<Monitored, Context, Expression, Params, All>) {
	return effectAction(given, (monitored) => ({ type: 'reeve.monitor', monitored }));
}

/** Ends the monitor of this id: no `down.<id>` comes any more. */
export function demonitor<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<string, Context, Expression, Params, All>) {
	return effectAction(given, (id) => ({ type: 'reeve.demonitor', id }));
}

/** Answers the message that is being handled; where there is none, the same as {@link answer}. */
export function reply<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<Payload, Context, Expression, Params, All>) {
	return effectAction(given, (data) => ({ type: 'reeve.reply', data }));
}

/**
 * Answers the oldest message that waits for an answer: one whose event is listed in `answersLater`.
 * Nothing happens if none waits.
 */
export function answer<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<Payload, Context, Expression, Params, All>) {
	return effectAction(given, (data) => ({ type: 'reeve.answer', data }));
}

/**
 * Tells people: a line in the error log of central, which is a message of the same turn and so
 * arrives once, and a signal on this node.
 */
export function raiseAlert<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(severity: Severity, given: Given<string, Context, Expression, Params, All>) {
	return effectAction(given, (text) => ({ type: 'reeve.alert', severity, text }));
}

/**
 * Publishes to any MQTT topic, once the turn is on disk. Nobody acknowledges it: it is made once,
 * and lost if the broker is away. What must arrive is sent.
 */
export function publish<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(topic: string, given: Given<string, Context, Expression, Params, All>) {
	return effectAction(given, (data) => ({ type: 'reeve.publish', topic, data }));
}

/** What {@link toActor} needs to know of a definition. */
export interface Addressed<Machine extends AnyStateMachine> {
	readonly name: string;
	readonly machine: Machine;
}

/** A message to a declared actor; the event is checked against its machine by the compiler. */
export function toActor<Machine extends AnyStateMachine>(
	actor: Addressed<Machine>,
	event: EventFromLogic<Machine>,
	where: { readonly to?: string; readonly key?: string } = {},
): Outgoing {
	return { ...where, method: actor.name, event };
}

/** Marks a state: events of these types wait, on disk, until the machine is in another one. */
export function defer(...types: readonly string[]): { readonly reeveDefers: readonly string[] } {
	return { reeveDefers: types };
}
