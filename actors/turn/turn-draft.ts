/**
 * Drafts: what a turn will have written and sent once it is committed. Nobody outside has seen any
 * of it until then.
 *
 * @module
 */
import type { Asks } from '../../runtime/pending/asks.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Config } from '../../runtime/config/config.ts';
import type { Message } from '../../runtime/message/message.ts';
import type { PlainEnd } from '../../runtime/ledger/outcome-batch.ts';
import type { Signals } from '../../runtime/observability/signals.ts';
import type { Timers } from '../../runtime/pending/timers.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import type { InstanceFacts } from './instance.ts';
import type { Change } from '../../runtime/journal/schema.ts';

/** Which step is meant. */
export interface StepName {
	readonly key: string;
	readonly stepId: string;
	/** The id of its invocation in the machine. */
	readonly child: string;
}

/** The steps of an actor, as far as turns start and stop them. */
export interface TurnSteps {
	/** A new row. {@link TurnSteps.start} must be called once it is flushed. */
	put(name: StepName, src: string, input: unknown): Change;
	start(name: StepName, src: string, input: unknown): void;
	remove(name: Pick<StepName, 'key' | 'stepId'>): Change;
	/** To be called once the removal of a running step is flushed: raises its signal. */
	cancel(stepId: string): void;
}

/** What drafts are filled with. */
export interface TurnDraftParts {
	readonly node: string;
	readonly definition: ActorDefinition;
	readonly clock: Clock;
	readonly config: Config;
	readonly signals: Signals;
	readonly timers: Timers;
	readonly asks: Asks;
	readonly steps: TurnSteps;
	/** Publishes at once; nobody acknowledges it. */
	readonly publish: (topic: string, data: string) => void;
}

/** A draft. */
export interface TurnDraft {
	readonly key: string;
	/** The message that the turn is about, until it is answered. */
	request: Message | undefined;
	/** How often it was started. */
	readonly attempts: number;
	facts: InstanceFacts;
	readonly messages: Message[];
	/** Messages that have ended, of which nothing else is to be told. */
	readonly ends: PlainEnd[];
	readonly changes: Change[];
	/** To be done when all of it is on disk. */
	readonly afterwards: (() => void)[];
}

/** The same record without one entry. */
export function without<Value>(
	record: Readonly<Record<string, Value>>,
	name: string,
): Readonly<Record<string, Value>> {
	const { [name]: _, ...rest } = record;
	return rest;
}
