/**
 * Instances: one declared actor under one key, as a row of the journal and as an object in memory
 * while it has triggers.
 *
 * @module
 */
import type { AnyMachineSnapshot } from 'xstate';
import type { Message } from '../../runtime/message/message.ts';
import { asReeveError, ReeveError, reasonOf } from '../../runtime/platform/errors.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { behind, rowsUnder, type Change } from '../../runtime/journal/schema.ts';
import { decodeDurable, durable, packDurable, unpackDurable } from '../definition/durable-value.ts';
import type { Trigger } from './trigger.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import {
	bareSteps,
	placedSteps,
	renamedSteps,
	runningSteps,
	type RunningStep,
	type StepIds,
	type StepRenames,
} from './running-steps.ts';
import { bytesAtMost } from './state-size.ts';
import type { MachineStepper } from './machine-step.ts';
import type { StoredState } from './machine-restore.ts';

/** What an instance has besides the state of its machine. Immutable: each turn makes a new one. */
export interface InstanceFacts {
	/** How many turns it has taken. */
	readonly turn: number;
	/** When its timers are due, by their ids. */
	readonly timers: Readonly<Record<string, number>>;
	readonly steps: StepIds;
	/** The ids of the messages whose outcome it waits for, by the names of the asks. */
	readonly asks: Readonly<Record<string, string>>;
	/** The messages that wait for its answer, oldest first, without their contents. */
	readonly owed: readonly Message[];
}

/** The facts of an instance that has taken no turn. */
const noFacts: InstanceFacts = { turn: 0, timers: {}, steps: {}, asks: {}, owed: [] };

/** A row of the table `snapshots`, unpacked. */
export interface StoredInstance extends Partial<InstanceFacts> {
	readonly turn: number;
	readonly version: number;
	readonly state: StoredState;
}

/** An instance in memory. */
export interface Instance {
	readonly key: string;
	/** Undefined before its first turn. */
	snapshot: AnyMachineSnapshot | undefined;
	facts: InstanceFacts;
	/** The triggers of the next turns, in order. */
	readonly queue: Trigger[];
	/** Triggers that wait for another state. */
	deferred: Trigger[];
	/** How many batches hold turns of it that are not on disk yet. */
	unflushed: number;
	/** When it was last used, in monotonic milliseconds. */
	usedAt: number;
	/** Whether it is queued for the next batch. */
	isListed: boolean;
	/** Whether it waits before it tries a failed event again. */
	isPausing: boolean;
	/** When its machine threw within the definition's `period`, in monotonic milliseconds. */
	faults: readonly number[];
}

/** What a row of `snapshots` is read as; older versions have packed it twice. */
type StoredRow = StoredInstance | Uint8Array;

/** The instance of a row. */
function storedIn(row: StoredRow): StoredInstance {
	return (row instanceof Uint8Array ? unpackDurable(row) : decodeDurable(row)) as StoredInstance;
}

/** An instance as bytes. It is packed before the transaction, in which nothing may throw. */
export function packInstance(
	{ version }: ActorDefinition,
	state: StoredState,
	{ turn, timers, steps, asks, owed }: InstanceFacts,
): Uint8Array {
	const stored: StoredInstance = {
		version,
		turn,
		state,
		...(isEmpty(timers) ? {} : { timers }),
		...(isEmpty(steps) ? {} : { steps }),
		...(isEmpty(asks) ? {} : { asks }),
		...(owed.length === 0 ? {} : { owed }),
	};
	return packDurable(stored);
}

/**
 * Whether an instance is so small that it surely can be stored. Most are, and need to be packed
 * only once for all turns that they take in a transaction.
 */
export function isSmall(
	{ value, context, output, historyValue }: AnyMachineSnapshot,
	{ timers, steps, asks, owed }: InstanceFacts,
	bytesMax: number,
): boolean {
	if (owed.length > 0 || !isEmpty((historyValue ?? {}) as object)) return false;
	if (!isEmpty(timers) || !isEmpty(steps) || !isEmpty(asks)) return false;
	const bytes = bytesAtMost(value) + bytesAtMost(context) + bytesAtMost(output);
	return bytes + frameBytes <= bytesMax;
}

/** The most bytes that a stored instance takes beside its value, context and output. */
const frameBytes = 100;

function isEmpty(record: object): boolean {
	for (const _ in record) return false;
	return true;
}

/** The stored instance of a key; undefined if there is none. */
export function readInstance(
	journal: Pick<Journal, 'get'>,
	actor: string,
	key: string,
): StoredInstance | undefined {
	const row = journal.get<StoredRow>('snapshots', [actor, key]);
	return row && storedIn(row);
}

/** Writes an instance, as {@link packInstance} has packed it; without bytes it is forgotten. */
export function instanceChange(actor: string, key: string, packed?: Uint8Array): Change {
	const place = [actor, key];
	return { table: 'snapshots', key: place, ...(packed && { packed: [packed] }) };
}

/** How many instances of an actor are stored. */
export function countInstances(journal: Pick<Journal, 'count'>, actor: string): number {
	return journal.count('snapshots', rowsUnder(actor));
}

/** The stored instances of an actor by their keys. */
export function* storedInstances(
	journal: Pick<Journal, 'scan'>,
	actor: string,
): Generator<{ readonly key: string; readonly stored: StoredInstance }> {
	for (let { from, to } = rowsUnder(actor); ;) {
		const stretch = { from, to, limit: pageRows };
		const rows = journal.scan<StoredRow>('snapshots', stretch);
		for (const { key, value } of rows) yield { key: String(key[1]), stored: storedIn(value) };
		const last = rows.at(-1);
		if (!last || rows.length < pageRows) return;
		from = behind(last.key);
	}
}

/** Rows read at a time. */
const pageRows = 500;

/** The names of the actors that have instances. */
export function* storedActors(journal: Pick<Journal, 'scan'>): Generator<string> {
	for (let { from, to } = rowsUnder(); ;) {
		const [row] = journal.scan('snapshots', { from, to, limit: 1 });
		if (!row) return;
		const actor = String(row.key[0]);
		yield actor;
		from = rowsUnder(actor).to;
	}
}

/** What loading an instance needs. */
export interface LoadParts {
	readonly definition: ActorDefinition;
	readonly stepper: MachineStepper;
	readonly journal: Journal;
}

/** An instance without state and triggers. */
function newInstance(key: string, usedAt: number): Instance {
	return {
		key,
		snapshot: undefined,
		facts: noFacts,
		queue: [],
		deferred: [],
		unflushed: 0,
		usedAt,
		isListed: false,
		isPausing: false,
		faults: [],
	};
}

/**
 * Loads an instance as of its last turn, migrated to the version of its definition.
 *
 * @throws ReeveError `actor_parked`, with the reason why this definition cannot restore its state
 */
export function loadInstance(parts: LoadParts, key: string, usedAt: number): Instance {
	const stored = readInstance(parts.journal, parts.definition.name, key);
	const instance = bareInstance(stored, key, usedAt);
	if (!stored) return instance;
	const actor = parts.definition.name;
	const running = runningSteps(parts.journal, { actor, key, steps: stored.steps });
	const { snapshot, steps } = restoreInstance(parts, stored, running);
	instance.snapshot = snapshot;
	instance.facts = { ...instance.facts, steps };
	return instance;
}

/** Why an instance is parked that cannot be loaded. */
export function parkingReason(thrown: unknown): string {
	const { code, detail } = asReeveError(thrown);
	return code === 'step_without_state' ? `${code}: ${detail}` : detail;
}

/** Loads an instance with its facts and without the state of its machine. */
export function loadBare(
	{ definition, journal }: Pick<LoadParts, 'definition' | 'journal'>,
	key: string,
	usedAt: number,
): Instance {
	return bareInstance(readInstance(journal, definition.name, key), key, usedAt);
}

function bareInstance(stored: StoredInstance | undefined, key: string, usedAt: number): Instance {
	const instance = newInstance(key, usedAt);
	if (!stored) return instance;
	const { turn, timers = {}, steps = {}, asks = {}, owed = [] } = stored;
	instance.facts = { turn, timers, steps, asks, owed };
	return instance;
}

/** A restored instance: its snapshot, and its running steps by the ids of their invocations. */
export interface RestoredInstance {
	readonly snapshot: AnyMachineSnapshot;
	readonly steps: StepIds;
}

/**
 * Restores a stored instance, migrated to the version of the definition.
 *
 * @throws ReeveError `actor_parked`, with the reason why this definition cannot restore its state;
 * `step_without_state`
 */
export function restoreInstance(
	{ definition, stepper }: Pick<LoadParts, 'definition' | 'stepper'>,
	stored: StoredInstance,
	running: readonly RunningStep[] = bareSteps(stored.steps),
): RestoredInstance {
	try {
		return restoredAs(stepper, migrated(stored, definition), running);
	} catch (thrown) {
		if (thrown instanceof ReeveError) throw thrown;
		const why = reasonOf(thrown);
		throw new ReeveError('actor_parked', why, { cause: thrown });
	}
}

/**
 * Restores a migrated state with its running steps.
 *
 * @throws ReeveError `step_without_state`; Error if the machine has no such state
 */
export function restoredAs(
	stepper: MachineStepper,
	{ state, renames }: MigratedState,
	running: readonly RunningStep[],
): RestoredInstance {
	const bare = stepper.restore(state, []);
	if (running.length === 0) return { snapshot: bare, steps: {} };
	const steps = placedSteps(bare, renamedSteps(running, renames));
	return { snapshot: stepper.restore(state, Object.keys(steps)), steps };
}

/** A state after its migrations, and what these say about the steps that run in it. */
export interface MigratedState {
	readonly state: StoredState;
	readonly renames: StepRenames;
}

/**
 * The state of a stored instance, migrated to the version of the definition.
 *
 * @throws ReeveError `actor_parked` if a migration is missing; and what a migration throws
 */
export function migrated(
	{ state, version }: StoredInstance,
	definition: ActorDefinition,
): MigratedState {
	if (version > definition.version) {
		const detail = `its state has version ${version}, its definition only ${definition.version}`;
		throw new ReeveError('actor_parked', detail);
	}
	let now = state;
	let renames: StepRenames = {};
	for (let from = version; from < definition.version; from += 1) {
		const migrate = definition.migrate[from];
		if (!migrate) {
			throw new ReeveError('actor_parked', `no migration leads from version ${from} on`);
		}
		const { value, context, history: kept } = now;
		const made = migrate({ value, context, ...(kept ? { history: kept } : {}) });
		const { history = kept, steps = {} } = made;
		now = { ...now, value: made.value, context: durable(made.context, 'context') };
		if (history) now = { ...now, history };
		renames = composed(renames, steps);
	}
	return { state: now, renames };
}

/** Two renames in a row as one. */
function composed(first: StepRenames, second: StepRenames): StepRenames {
	const again = (id: string | null) => (id !== null && id in second ? (second[id] ?? null) : id);
	const renamed = Object.entries(first).map(([from, to]) => [from, again(to)] as const);
	return { ...second, ...Object.fromEntries(renamed) };
}
