/**
 * The dry run of a changed definition: which states and events differ, and which instances would be
 * parked. Nothing is written, and no machine moves.
 *
 * @module
 */
import { turnOfTheLoop } from '../../runtime/platform/clock.ts';
import type { DefinitionDiff } from '../../runtime/queries/definition-rows.ts';
import type { Journal } from '../../runtime/journal/journal.ts';
import { nodesOf } from '../definition/definition-check.ts';
import type { ActorDefinition } from '../definition/definition.ts';
import { storedInstances } from '../turn/instance.ts';
import { loadInstance, parkingReason } from '../turn/instance.ts';
import { createMachineStepper } from '../turn/machine-step.ts';

/** What a comparison needs. */
export interface DiffParts {
	readonly journal: Journal;
	/** The definition in force; undefined if there is none. */
	readonly before: ActorDefinition | undefined;
	readonly after: ActorDefinition;
	readonly microstepsMax: number;
}

/** How many instances are tried before the event loop gets a turn. */
const pageInstances = 500;
/** How many parked instances are named at most. */
const namedMax = 20;

/** Compares two definitions of an actor, and tries the newer one on every stored instance. */
export async function diffDefinitions(parts: DiffParts): Promise<DefinitionDiff> {
	const { before, after } = parts;
	const { states, events } = namesOf(after);
	const old = before ? namesOf(before) : { states: [], events: [] };
	const isChanged = before !== undefined && before.version !== after.version;
	return {
		...(isChanged ? { version: { from: before.version, to: after.version } } : {}),
		statesAdded: without(states, old.states),
		statesRemoved: without(old.states, states),
		eventsAdded: without(events, old.events),
		eventsRemoved: without(old.events, events),
		...(await tryInstances(parts)),
	};
}

function without(names: readonly string[], others: readonly string[]): readonly string[] {
	return names.filter((name) => !others.includes(name)).toSorted();
}

/** The states and events of a machine. */
function namesOf({ machine }: ActorDefinition) {
	const events = new Set<string>();
	const states: string[] = [];
	for (const node of nodesOf(machine.root)) {
		if (node.path.length > 0) states.push(node.path.join('.'));
		for (const type of node.transitions.keys()) if (!type.startsWith('xstate.')) events.add(type);
	}
	return { states, events: [...events] };
}

async function tryInstances({ journal, before, after, microstepsMax }: DiffParts) {
	const restoring = (definition: ActorDefinition) => {
		const { name, machine, volatile } = definition;
		return {
			definition,
			journal,
			stepper: createMachineStepper({ name, machine, volatile, microstepsMax }),
		};
	};
	const next = restoring(after);
	const last = before && restoring(before);
	const parked: { readonly key: string; readonly reason: string }[] = [];
	let instances = 0;
	for (const { key } of storedInstances(journal, after.name)) {
		instances += 1;
		const reason = parkReason(next, key);
		// An instance that is parked already is not parked by the new definition.
		const isNew = reason !== undefined && (!last || parkReason(last, key) === undefined);
		if (isNew && parked.length < namedMax) parked.push({ key, reason });
		if (instances % pageInstances === 0) await turnOfTheLoop();
	}
	return { instances, parked };
}

/** Why an instance would be parked; undefined if it would not. */
function parkReason(parts: Parameters<typeof loadInstance>[0], key: string): string | undefined {
	try {
		loadInstance(parts, key, 0);
		return undefined;
	} catch (thrown) {
		return parkingReason(thrown);
	}
}
