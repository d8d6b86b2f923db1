/**
 * Trials of sheets: the machine is led through its states by events like those that it will get.
 * Nothing runs; what is looked for is a turn without an end.
 *
 * @module
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from 'xstate';
import type { Shape } from './expression.ts';
import type { YamlDefinition } from './definition-schema.ts';
import { createMachineStepper } from '../turn/machine-step.ts';

/** What is found: in which state, and at which event. */
export interface EndlessTurn {
	readonly names: readonly string[];
	readonly event: string;
}

/** How many moves are tried, and how many microsteps one of them may take. */
const movesMax = 400;
const microstepsMax = 1000;

/** Tries a machine; undefined if all turns that were tried have come to rest. */
export function tryMachine(
	machine: AnyStateMachine,
	definition: YamlDefinition,
): EndlessTurn | undefined {
	const stepper = createMachineStepper({
		name: definition.actor,
		machine,
		volatile: false,
		microstepsMax,
	});
	const known = new Set<string>();
	const line: AnyMachineSnapshot[] = [];
	const add = (snapshot: AnyMachineSnapshot): void => {
		const face = JSON.stringify(snapshot.value);
		if (known.has(face) || snapshot.status !== 'active') return;
		known.add(face);
		line.push(snapshot);
	};
	const first = attempt(() => stepper.begin({ key: '', node: '' }).snapshot);
	if (first === 'endless') return { names: [], event: 'xstate.init' };
	if (first) add(first);
	let moves = 0;
	for (const snapshot of line) {
		for (const event of eventsOf(snapshot, definition)) {
			moves += 1;
			if (moves > movesMax) return undefined;
			const next = attempt(() => stepper.move(snapshot, event).snapshot);
			if (next === 'endless') return { names: innermost(snapshot).path, event: event.type };
			if (next) add(next);
		}
	}
	return undefined;
}

/** What comes of a move: undefined if it throws, as it may do with events that nobody has sent. */
function attempt(move: () => AnyMachineSnapshot): AnyMachineSnapshot | 'endless' | undefined {
	try {
		return move();
	} catch (thrown) {
		const text = thrown instanceof Error ? thrown.message : '';
		return /Infinite loop|does not come to rest/.test(text) ? 'endless' : undefined;
	}
}

function innermost(snapshot: AnyMachineSnapshot): AnyStateNode {
	const nodes = snapshot._nodes as readonly AnyStateNode[];
	return nodes.reduce((deepest, node) => (node.path.length > deepest.path.length ? node : deepest));
}

/** An event of each type that the active states have a transition for. */
function* eventsOf(
	snapshot: AnyMachineSnapshot,
	definition: YamlDefinition,
): Generator<EventObject> {
	const types = new Set<string>();
	for (const node of snapshot._nodes as readonly AnyStateNode[]) {
		for (const type of node.transitions.keys()) if (!type.includes('*')) types.add(type);
	}
	for (const type of types) yield sampleOf(type, definition);
}

const samples: Readonly<Record<Shape, unknown>> = {
	number: 1,
	string: 'text',
	boolean: true,
	list: [],
	map: {},
	any: null,
};

function sampleOf(type: string, { events = {} }: YamlDefinition): EventObject {
	if (type.startsWith('xstate.error.')) {
		return { type, error: { code: 'failed', message: '' } } as EventObject;
	}
	if (type.startsWith('xstate.done.')) return { type, output: {} } as EventObject;
	if (type.startsWith('reply.')) return { type, outcome: 'done', data: '' } as EventObject;
	const fields = Object.hasOwn(events, type) ? Object.entries(events[type] ?? {}) : [];
	const given = fields.map(([name, shape]) => [name.replace(/\?$/, ''), samples[shape]]);
	return { ...Object.fromEntries(given), type } as EventObject;
}
