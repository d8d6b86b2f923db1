/**
 * Effects: the actions by which a machine sends, asks, answers and publishes. An effect only emits
 * an event; the turn carries it out after its commit. So a machine with effects stays a pure
 * function, and in a plain XState actor `on` receives the events.
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
	/** Names the ask: its answer is the event `reply.<id>`; another ask of this id replaces it. */
	readonly id: string;
	/** After this time the event is `timeout.<id>`, and a later answer is dropped. */
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
 * Why an ask has no answer in time. `deadline`: the receiver is up, and has not answered yet.
 * `parked`: the receiving instance takes no turns until an operator unparks it. `noproc`: the node
 * has no such actor or method. `noconnection`: the node was not connected, or went away. In each
 * case a message that was accepted still gets its outcome later.
 */
export type AskTimeoutReason = 'deadline' | 'parked' | 'noproc' | 'noconnection';

/** What the event `timeout.<id>` carries beside its type. */
export interface AskTimeout extends EventObject {
	readonly reason: AskTimeoutReason;
}

/** What a machine monitors: an instance of an actor, or a whole node. */
export interface Monitored {
	/** Names the monitor: its event is `down.<id>`; another monitor of this id replaces it. */
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
	 * `normal`: it has reached its final state. `crashed`: its machine threw, and it began anew.
	 * `parked`: it takes no turns any more. `noproc`: there is no such actor, or it had ended before.
	 * `noconnection`: its node is gone. Any other reason is the error code with which the monitor was
	 * refused.
	 */
	readonly reason: string;
}

/** The content of an answer: text and bytes as they are, anything else as JSON. */
export type Payload =
	| string
	| number
	| boolean
	| null
	| Uint8Array
	| readonly unknown[]
	| Readonly<Record<string, unknown>>;

/** How serious an alert is. */
export type Severity = 'info' | 'warning' | 'critical';

/** The events that the effects emit. */
export type Effect =
	| { readonly type: 'reeve.send'; readonly message: Outgoing }
	| { readonly type: 'reeve.ask'; readonly question: Question }
	| { readonly type: 'reeve.monitor'; readonly monitored: Monitored }
	| { readonly type: 'reeve.demonitor'; readonly id: string }
	| { readonly type: 'reeve.reply' | 'reeve.answer'; readonly data: Payload }
	| { readonly type: 'reeve.alert'; readonly severity: Severity; readonly text: string }
	| { readonly type: 'reeve.publish'; readonly topic: string; readonly data: string };

/** A value, or a function of context and event that returns it. */
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
 * Sends a message once the turn is on disk. From then on it is delivered like any other message.
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
 * Sends a message whose outcome, of whatever kind, comes back as the event `reply.<id>`, or as
 * `timeout.<id>` if its time is over first. Restarts of this node change nothing about that.
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
 * Monitors an instance or a node: its end comes as the event `down.<id>`, once and with the reason.
 * Restarts of this node change nothing about that.
 */
export function monitor<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<Monitored, Context, Expression, Params, All>) {
	return effectAction(given, (monitored) => ({ type: 'reeve.monitor', monitored }));
}

/** Ends the monitor of this id: no `down.<id>` follows. */
export function demonitor<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<string, Context, Expression, Params, All>) {
	return effectAction(given, (id) => ({ type: 'reeve.demonitor', id }));
}

/** Answers the message that is being handled; without one, it does the same as {@link answer}. */
export function reply<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(given: Given<Payload, Context, Expression, Params, All>) {
	return effectAction(given, (data) => ({ type: 'reeve.reply', data }));
}

/**
 * Answers the oldest message that waits for an answer because its event is listed in
 * `answersLater`. Does nothing if none waits.
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
 * Alerts people: with a line in the error log of central, which is a message of the same turn and
 * so arrives once, and with a signal on this node.
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
 * Publishes to any MQTT topic, once the turn is on disk. It is tried once, without acknowledgement,
 * and lost if the broker is away. Use {@link send} for what must arrive.
 */
export function publish<
	Context extends MachineContext,
	Expression extends EventObject,
	Params extends ParameterizedObject['params'] | undefined,
	All extends EventObject,
>(topic: string, given: Given<string, Context, Expression, Params, All>) {
	return effectAction(given, (data) => ({ type: 'reeve.publish', topic, data }));
}

/** The part of a definition that {@link toActor} needs. */
export interface Addressed<Machine extends AnyStateMachine> {
	readonly name: string;
	readonly machine: Machine;
}

/** A message to a declared actor; the compiler checks the event against its machine. */
export function toActor<Machine extends AnyStateMachine>(
	actor: Addressed<Machine>,
	event: EventFromLogic<Machine>,
	where: { readonly to?: string; readonly key?: string } = {},
): Outgoing {
	return { ...where, method: actor.name, event };
}

/** Makes a state defer events of these types: they wait on disk until the state is left. */
export function defer(...types: readonly string[]): { readonly reeveDefers: readonly string[] } {
	return { reeveDefers: types };
}
