/**
 * Turn drafts: what a turn writes and sends when it is committed. Nothing outside sees it before.
 *
 * @module
 */
import type { AskChange, Asks } from '../../runtime/pending/asks.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Message } from '../../runtime/message/message.ts';
import type { Principal } from '../../runtime/message/principal.ts';
import type { PlainEnd } from '../../runtime/ledger/outcome-batch.ts';
import type { PrintOnConsole } from '../../runtime/observability/console.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Timers } from '../../runtime/pending/timers.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import type { InstanceFacts } from './instance.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** The ids of a step. */
export interface StepName {
	readonly key: string;
	readonly stepId: string;
	/** The id of its invocation in the machine. */
	readonly child: string;
	/** Whether a state invokes it; else it was spawned. */
	readonly isInvoked?: boolean;
	/** On whose behalf it runs. */
	readonly askedBy?: readonly Principal[];
}

/** The part of the step runner by which turns start and stop steps. */
export interface TurnSteps {
	/** A new row; {@link TurnSteps.start} must be called once it is flushed. */
	put(name: StepName, src: string, input: unknown): Change;
	start(name: StepName, src: string, input: unknown): void;
	remove(name: Pick<StepName, 'key' | 'stepId'>): Change;
	/** Aborts a running step; called once the removal of its row is flushed. */
	cancel(stepId: string): void;
}

/**
 * Runs code of a definition. `fail` is called with each error that the code throws later, and
 * does not catch: in a timer, a listener, or a promise.
 */
export type RunAs = <Result>(culprit: { fail(thrown: unknown): void }, run: () => Result) => Result;

/** Runs it, and leaves its late errors to the process. */
export const plainly: RunAs = (_culprit, run) => run();

/** What effect handlers need. */
export interface TurnDraftParts {
	readonly node: string;
	readonly definition: ActorDefinition;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly timers: Timers;
	readonly asks: Asks;
	readonly steps: TurnSteps;
	/** Publishes at once, without acknowledgement. */
	readonly publish: (topic: string, data: string) => void;
	readonly runAs?: RunAs;
	/** Prints on the console of the node. */
	readonly print: PrintOnConsole;
}

/** The draft of one turn. */
export interface TurnDraft {
	readonly key: string;
	/** The message that is being handled, until it is answered. */
	request: Message | undefined;
	/** On whose behalf is what it sends, and what follows from its timers and steps. */
	readonly principals: readonly Principal[];
	/** How often its turn was started. */
	readonly attempts: number;
	facts: InstanceFacts;
	readonly messages: Message[];
	/** Plain outcomes of messages, which the batch joins into shared replies. */
	readonly ends: PlainEnd[];
	readonly changes: Change[];
	/** Changes of its asks, which are in force once the turn is adopted; undefined if none. */
	asks?: AskChange[];
	/** Called when all of it is on disk. */
	readonly afterwards: (() => void)[];
}

/** An entry of a record; a record is an object, and `constructor` may be an id. */
export function entryOf<Value>(
	record: Readonly<Record<string, Value>>,
	name: string,
): Value | undefined {
	return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** A copy of a record without one entry. */
export function without<Value>(
	record: Readonly<Record<string, Value>>,
	name: string,
): Readonly<Record<string, Value>> {
	const { [name]: _, ...rest } = record;
	return rest;
}
