/**
 * The rows with which a node answers what people ask about declared actors, and what replays of
 * them find.
 *
 * @module
 */

/** A row of `actors`: one declared actor, as it is hosted by this node. */
export interface ActorRow {
	readonly name: string;
	readonly version: number;
	readonly summary: string;
	/** Instances on disk, and those of them that are in memory. */
	readonly stored: number;
	readonly active: number;
	/** Messages that wait for any of them. */
	readonly waiting: number;
	/** Instances that take no turns, and why. */
	readonly parked: readonly ParkedRow[];
	/** The file that defines it, and what is wrong with that file as it is now. */
	readonly file?: string;
	readonly problem?: string;
	/** The definitions folder of the node, if it has one. */
	readonly folder?: string;
	/** The node itself. */
	readonly node: string;
}

/** An instance that takes no turns. */
export interface ParkedRow {
	readonly key: string;
	readonly reason: string;
}

/** One of the instances that `actor` lists. */
export interface InstanceHead {
	readonly key: string;
	readonly version: number;
	readonly turn: number;
	readonly status: string;
	/** The state that it is in, as XState writes it. */
	readonly value: unknown;
}

/** The answer to `actor` without a key. */
export interface DefinitionRow extends ActorRow {
	readonly states: readonly string[];
	readonly events: readonly string[];
	/** The first so many instances, by their keys. */
	readonly instances: readonly InstanceHead[];
}

/** An event that an instance waits for. */
interface TimerLine {
	readonly id: string;
	readonly dueAt: number;
	readonly event: string;
	readonly policy: string;
}

/** A side effect that is under way, or whose end has not been heard of. */
interface StepLine {
	readonly step: string;
	readonly stepId: string;
	readonly input: unknown;
	/** `waiting`, or `ended` if its result lies on disk. */
	readonly state: string;
}

/** A message that waits for the instance. */
interface MailLine {
	readonly id: string;
	readonly from: string;
	/** The type of its event. */
	readonly event: string;
	readonly attempts: number;
}

/** One recorded turn. */
export interface HistoryLine {
	readonly turn: number;
	readonly at: number;
	/** The event; none at the start, only its type if it was too large. */
	readonly event?: { readonly type: string };
	readonly isCut?: true;
	/** Set if the instance began anew. */
	readonly fresh?: true;
	/** The state afterwards. */
	readonly value: unknown;
	/** What the turn asked for, a line each. */
	readonly did?: readonly string[];
}

/** The answer to `actor` with a key. */
export interface InstanceRow extends InstanceHead {
	readonly actor: string;
	/** The version of the definition; that of the instance is in `version`. */
	readonly definitionVersion: number;
	readonly parked?: string;
	readonly context: unknown;
	readonly output?: unknown;
	readonly timers: readonly TimerLine[];
	readonly steps: readonly StepLine[];
	readonly mail: readonly MailLine[];
	/** The messages whose outcome it waits for. */
	readonly asks: readonly { readonly name: string; readonly id: string }[];
	/** The messages that wait for an answer from it. */
	readonly owed: readonly { readonly id: string; readonly from: string }[];
	/** Oldest first. */
	readonly history: readonly HistoryLine[];
}

/** The answer to `unpark`. */
export interface UnparkedRow {
	readonly actor: string;
	readonly key: string;
	readonly mode: 'resume' | 'fresh';
	/** How many messages, timers and steps had waited for it. */
	readonly waiting: number;
}

/** What differs, in a word for programs; `detail` says it for people. */
export type DifferenceKind =
	/** No file of the folder declares the actor. */
	| 'actor_gone'
	/** The stored instance is of a later version than the definition. */
	| 'version'
	/** A migration is missing, or throws. */
	| 'migration'
	/** The machine has no such state any more. */
	| 'state_gone'
	/** The machine has no use for the event any more. */
	| 'event_unknown'
	/** The event leads to another state. */
	| 'target'
	/** The event makes other data of the context. */
	| 'context'
	/** The event has other effects. */
	| 'effects'
	/** The machine throws at the event. */
	| 'throws'
	/** A running step is no step of the machine any more. */
	| 'step_gone'
	/** A step is running, and it is not clear which state now waits for it. */
	| 'step_without_state';

/** One difference between what happened and what the new definitions make of it. */
export interface Difference {
	readonly actor: string;
	readonly key: string;
	readonly what: DifferenceKind;
	/** The turn that it was found at; none if it is about the instance as it is now. */
	readonly turn?: number;
	/** The type of the event. */
	readonly event?: string;
	readonly detail: string;
}

/** What a replay came to. */
export interface ReplayTotals {
	readonly actors: number;
	readonly instances: number;
	/** Turns that were run through the new definitions. */
	readonly turns: number;
	/** Turns of which not enough is kept for that, or that came after a difference. */
	readonly skipped: number;
	readonly differences: number;
}

/** One turn in a sandbox. */
export interface ForkTurn {
	/** The event; none for the state that the fork begins with. */
	readonly event?: { readonly type: string };
	readonly status: string;
	readonly value: unknown;
	readonly context: unknown;
	/** What a real turn would have asked for: messages, timers, steps and the like, a line each. */
	readonly did: readonly string[];
	/** Timers and steps that the copy now waits for; each is an event that can be fed to it. */
	readonly timers: readonly string[];
	readonly steps: readonly string[];
	/** Why the event was not taken, or what the machine threw; the state is that of before. */
	readonly error?: string;
}
