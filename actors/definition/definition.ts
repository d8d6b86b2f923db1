/**
 * Definitions of actors: an XState machine with a name, a version, and the policies by which its
 * instances survive crashes, restarts and changes of the machine itself.
 *
 * @module
 */
import type { AnyStateMachine, EventObject, InputFrom, StateValue } from 'xstate';
import { isName } from '../../runtime/message/topics.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { nearestWord } from '../../runtime/text/spelling.ts';
import { checkMachine, namesOf, nodesOf } from './definition-check.ts';
import { defersOf } from './deferral.ts';

/**
 * When an `after` timer fires that was set before a restart. `absolute`: at its instant, or at once
 * if that has passed. `remaining`: when the rest of its delay has passed, without the time in which
 * no process ran. `restart`: after its whole delay, counted from the start of the process.
 */
export type TimerPolicy = 'absolute' | 'remaining' | 'restart';

/** The state of an instance that a migration takes and returns. */
export interface Migrating {
	readonly value: StateValue;
	readonly context: unknown;
	/**
	 * What history states remember: the ids of states by the ids of history states. A migration that
	 * does not return it leaves it as it is.
	 */
	readonly history?: Readonly<Record<string, readonly string[]>>;
}

/** The state that a migration returns. */
export interface Migrated extends Migrating {
	/**
	 * New ids of invocations by the old ones, such as `{ '0.m.busy': '0.m.working' }`; null drops the
	 * step. Only needed where it is not clear which state now invokes a running step.
	 */
	readonly steps?: Readonly<Record<string, string | null>>;
}

/** Converts the state of one version to the next; throws if it cannot. */
export type Migration = (state: Migrating) => Migrated;

/**
 * The state in which an event is tried again after the machine threw at it; it is tried until it
 * was started `attemptsMax` times. `resume`: the state before the event. `fresh`: the initial
 * state. `ladder`: the state before the event, and the initial state from the second failure on.
 */
export type Recovery = 'resume' | 'fresh' | 'ladder';

/** What a definition learns of a turn, beside the state and the event. */
export interface Moment {
	/** Wall-clock milliseconds of the turn. */
	readonly now: number;
	readonly key: string;
	readonly node: string;
}

/** A declared actor. */
export interface ActorDefinition<Machine extends AnyStateMachine = AnyStateMachine> {
	/** Its name on the wire; messages are addressed to it as to a method. */
	readonly name: string;
	/** One line, sentence case, no full stop. */
	readonly summary: string;
	/** 1, 2, 3 and so on; raised with every change for which stored instances must be migrated. */
	readonly version: number;
	/** Made with XState's `setup`. */
	readonly machine: Machine;
	/** The input of a new instance. */
	readonly input: (about: { readonly key: string; readonly node: string }) => InputFrom<Machine>;
	/** The migrations from version `n` to `n + 1`, by `n`. */
	readonly migrate: Readonly<Record<number, Migration>>;
	/**
	 * Event types that are answered by a `reply` of a later turn, not at the end of their own turn.
	 */
	readonly answersLater: readonly string[];
	/** The policies of `after` timers by the names of their delays; the default is `absolute`. */
	readonly timers: Readonly<Record<string, TimerPolicy>>;
	/**
	 * Whether the instance without a key exists from the start of the node, without any message.
	 */
	readonly autostart: boolean;
	/**
	 * Whether raw actions are allowed. They run after their turn, at most once, and are not repeated.
	 */
	readonly volatile: boolean;
	readonly recovery: Recovery;
	/** An instance is parked when its machine throws more often than this within {@link period}. */
	readonly intensity: number;
	/** In seconds. */
	readonly period: number;
	/**
	 * Whether an instance in a final state is kept, or removed, so that the next message creates a
	 * new one.
	 */
	readonly whenDone: 'keep' | 'forget';
	/**
	 * Called before the machine moves in a turn. YAML definitions take the time and the key from it,
	 * because XState passes neither to guards.
	 */
	readonly enterTurn: (moment: Moment) => void;
	/**
	 * The problem of an event from outside, whose type the machine knows; undefined if it has none.
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

/** The fields of a declaration; those that are optional have defaults. */
export type ActorParts<Machine extends AnyStateMachine> = Omit<ActorDefinition<Machine>, Optional> &
	Partial<Pick<ActorDefinition<Machine>, Optional>>;

/**
 * Marks a definition. A property, and no symbol or class, because the definition may come from
 * another copy of this module.
 */
const mark = 'reeve.actor';

const defaults = {
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
} as const;

/** The fields that have one of a few values. */
const choices: Readonly<Record<string, readonly string[]>> = {
	recovery: ['resume', 'fresh', 'ladder'],
	whenDone: ['keep', 'forget'],
};
const policies: readonly string[] = ['absolute', 'remaining', 'restart'] satisfies TimerPolicy[];

/** What is wrong with a definition beside its machine; undefined if nothing is. */
function problemIn(definition: ActorDefinition): string | undefined {
	const fields = ['name', 'version', 'machine', 'summary', 'input', ...Object.keys(defaults)];
	for (const [field, value] of Object.entries(definition)) {
		if (!fields.includes(field)) return `there is no field ${field}${guess(field, fields)}`;
		if (choices[field] && !choices[field].includes(String(value))) {
			return `${field} is ${String(value)}, not one of ${choices[field].join(', ')}`;
		}
		if ((field === 'intensity' || field === 'period') && !(Number(value) >= 0)) {
			return `${field} is ${String(value)}`;
		}
	}
	return problemOfNames(definition);
}

/** Checks the names of events and timers in a definition. */
function problemOfNames({ machine, answersLater, timers }: ActorDefinition): string | undefined {
	const names = namesOf(machine);
	for (const type of answersLater) {
		if (names.handles(type)) continue;
		return `answersLater: no state handles ${type}${guess(type, names.events)}`;
	}
	for (const type of [...nodesOf(machine.root)].flatMap(defersOf)) {
		if (names.handles(type)) continue;
		return `no state handles ${type}, which is deferred${guess(type, names.events)}`;
	}
	for (const [timer, policy] of Object.entries(timers)) {
		if (!policies.includes(policy)) {
			return `timers: ${timer} is ${policy}, not one of ${policies.join(', ')}`;
		}
		const isKnown = names.timers.includes(timer) || timer.startsWith('timeout.');
		if (isKnown || !names.isComplete) continue;
		return `timers: there is no delay ${timer}${guess(timer, names.timers)}`;
	}
	return undefined;
}

function guess(word: string, known: readonly string[]): string {
	const nearest = nearestWord(word, known);
	return nearest === undefined ? '' : `; is it ${nearest}?`;
}

/**
 * Checks a declaration, adds the defaults and freezes it.
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
	if (!Number.isSafeInteger(version) || version < 1)
		refuse('version must be a whole number from 1 on');
	for (const from of Object.keys(parts.migrate ?? {})) {
		if (!/^[1-9][0-9]*$/.test(from)) refuse(`migrate ${from} is not a version`);
		if (Number(from) >= version) refuse(`migrate ${from} leads beyond version ${version}`);
	}
	const problem = checkMachine(parts.machine, { volatile: parts.volatile ?? false });
	if (problem) refuse(problem);
	const definition = {
		...defaults,
		summary: `The actor ${name}`,
		input: () => undefined as InputFrom<Machine>,
		...parts,
	} as const;
	const wrong = problemIn(definition);
	if (wrong) refuse(wrong);
	Object.defineProperty(definition, mark, { value: true });
	return Object.freeze(definition);
}

/** Whether `value` was made by {@link defineActor}. */
export function isActorDefinition(value: unknown): value is ActorDefinition {
	return typeof value === 'object' && value !== null && Reflect.get(value, mark) === true;
}
