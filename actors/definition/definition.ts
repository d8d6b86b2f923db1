/**
 * Definitions: a declared actor is an XState machine with a name, a version, and what the runtime
 * must know to keep its instances through crashes, restarts and changes of the machine itself.
 *
 * @module
 */
import type { AnyStateMachine, EventObject, InputFrom, StateValue } from 'xstate';
import { isName } from '../../runtime/message/topics.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { checkMachine } from './definition-check.ts';

/**
 * When an `after` timer fires that was set before a restart. `absolute`: at its instant, at once if
 * that has passed. `remaining`: the time in which no process ran does not count. `restart`: after
 * its whole delay, from the start of the process on.
 */
export type TimerPolicy = 'absolute' | 'remaining' | 'restart';

/** The state of an instance, as a migration is given it. */
export interface Migrating {
	readonly value: StateValue;
	readonly context: unknown;
}

/** Turns the state of one version into that of the next; throws where that cannot be done. */
export type Migration = (state: Migrating) => Migrating;

/**
 * What follows an event that the machine throws at. The message is tried again in any case, until
 * it has been started `attemptsMax` times. `resume`: in the state before it. `fresh`: in the
 * initial state.
 * `ladder`: in the state before it, but from the second time in a row on in the initial state.
 */
export type Recovery = 'resume' | 'fresh' | 'ladder';

/** What a turn knows beside the state and the event. */
export interface Moment {
	/** Wall-clock milliseconds of the turn. */
	readonly now: number;
	readonly key: string;
	readonly node: string;
}

/** A declared actor. */
export interface ActorDefinition<Machine extends AnyStateMachine = AnyStateMachine> {
	/** What it is called on the wire; messages are addressed to it like to a method. */
	readonly name: string;
	/** One line, sentence case, no full stop. */
	readonly summary: string;
	/** Raised with every change that stored instances must be migrated for: 1, 2, 3 and so on. */
	readonly version: number;
	/** Made with XState's `setup`. */
	readonly machine: Machine;
	/** The input of a new instance. */
	readonly input: (about: { readonly key: string; readonly node: string }) => InputFrom<Machine>;
	/** How instances of version `n` become such of `n + 1`, under the key `n`. */
	readonly migrate: Readonly<Record<number, Migration>>;
	/**
	 * Event types that are answered by a `reply` in some later turn, not when their own turn is over.
	 */
	readonly answersLater: readonly string[];
	/** The policies of `after` timers by the name of their delay; `absolute` for all others. */
	readonly timers: Readonly<Record<string, TimerPolicy>>;
	/**
	 * Whether the instance without a key is there from the start of the node, without any message.
	 */
	readonly autostart: boolean;
	/**
	 * Whether raw actions are allowed. They run after their turn, at most once, and are not repeated.
	 */
	readonly volatile: boolean;
	readonly recovery: Recovery;
	/** How often its machine may throw before an instance is parked, and within how many seconds. */
	readonly intensity: number;
	readonly period: number;
	/**
	 * What becomes of an instance in a final state: kept, or removed, so that a message makes a new
	 * one.
	 */
	readonly whenDone: 'keep' | 'forget';
	/**
	 * Told of each turn before the machine moves. Machines of sheets read the time and their key
	 * there, because XState hands neither to guards.
	 */
	readonly enterTurn: (moment: Moment) => void;
	/**
	 * What is wrong with an event from outside, whose type the machine knows; undefined if nothing
	 * is.
	 */
	readonly problemOf: (event: EventObject) => string | undefined;
}

type Optional =
	| 'summary'
	| 'input'
	| 'migrate'
	| 'answersLater'
	| 'timers'
	| 'autostart'
	| 'volatile'
	| 'recovery'
	| 'intensity'
	| 'period'
	| 'whenDone'
	| 'enterTurn'
	| 'problemOf';

/** What is written; everything else has a default. */
export type ActorParts<Machine extends AnyStateMachine> = Omit<ActorDefinition<Machine>, Optional> &
	Partial<Pick<ActorDefinition<Machine>, Optional>>;

/**
 * How an actor is told from other values; a definition may come from another copy of this module.
 */
const mark = 'reeve.actor';

/**
 * Checks and freezes a declaration.
 *
 * @throws ReeveError `bad_name` or `bad_declaration`, naming the state and the nearest right name
 */
export function defineActor<Machine extends AnyStateMachine>(
	parts: ActorParts<Machine>,
): ActorDefinition<Machine> {
	const { name, version } = parts;
	if (!isName(name)) throw new ReeveError('bad_name', `actor ${JSON.stringify(name)}`);
	const refuse = (why: string): never => {
		throw new ReeveError('bad_declaration', `actor ${name}: ${why}`);
	};
	if (!Number.isSafeInteger(version) || version < 1) refuse('version is not 1, 2, 3 or so on');
	for (const from of Object.keys(parts.migrate ?? {})) {
		if (Number(from) >= version) refuse(`migrate ${from} leads beyond version ${version}`);
	}
	const problem = checkMachine(parts.machine, { volatile: parts.volatile ?? false });
	if (problem) refuse(problem);
	const definition = {
		summary: `The actor ${name}`,
		input: () => undefined as InputFrom<Machine>,
		migrate: {},
		answersLater: [],
		timers: {},
		autostart: false,
		volatile: false,
		recovery: 'resume',
		intensity: 20,
		period: 60,
		whenDone: 'keep',
		enterTurn: () => {},
		problemOf: () => undefined,
		...parts,
	} as const;
	Object.defineProperty(definition, mark, { value: true });
	return Object.freeze(definition);
}

/** Whether `value` was made by {@link defineActor}. */
export function isActorDefinition(value: unknown): value is ActorDefinition {
	return typeof value === 'object' && value !== null && Reflect.get(value, mark) === true;
}
