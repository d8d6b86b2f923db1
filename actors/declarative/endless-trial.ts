/**
 * The trial of a machine: leads it through its states by sample events, to find turns that never
 * end. Nothing runs.
 *
 * @module
 */
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from 'xstate';
import type { Shape } from './expression.ts';
import type { YamlDefinition } from './definition-schema.ts';
import { createMachineStepper } from '../turn/machine-step.ts';

/** A turn that never ends: its state, and its event. */
export interface EndlessTurn {
	readonly names: readonly string[];
	readonly event: string;
}

/** How many moves are tried. */
const movesMax = 400;
/** How many microsteps a move may take. */
const microstepsMax = 1000;

/** Tries a machine; undefined if all tried turns have ended. `enter` begins a turn. */
export function tryMachine(
	machine: AnyStateMachine,
	definition: YamlDefinition,
	enter: () => void,
): EndlessTurn | undefined {
	const stepper = createMachineStepper({
		name: definition.actor,
		machine,
		volatile: false,
		microstepsMax,
	});
	const known = new Set<string>();
	const queue: AnyMachineSnapshot[] = [];
	const add = (snapshot: AnyMachineSnapshot): void => {
		const value = JSON.stringify(snapshot.value);
		if (known.has(value) || snapshot.status !== 'active') return;
		known.add(value);
		queue.push(snapshot);
	};
	const first = attempt(() => stepper.begin({ key: '', node: '' }).snapshot);
	if (first === 'endless') return { names: [], event: 'xstate.init' };
	if (first) add(first);
	let moves = 0;
	for (const snapshot of queue) {
		for (const event of eventsOf(snapshot, definition)) {
			moves += 1;
			if (moves > movesMax) return undefined;
			enter();
			const next = attempt(() => stepper.move(snapshot, event).snapshot);
			if (next === 'endless') return { names: innermost(snapshot).path, event: event.type };
			if (next) add(next);
		}
	}
	return undefined;
}

/** The snapshot after a move; undefined if it throws, which a sample event may cause. */
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
